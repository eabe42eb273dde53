-- What the metrics look for every few seconds and no worker does: messages that were given up. Few, among millions of rows.
CREATE INDEX outbox_given_up ON outbox (id) WHERE parked_at IS NOT NULL;
