-- Begins a new epoch: after a failover that lost commits, or by hand after a restored snapshot.
--
-- Returns  the new epoch: the time in Unix seconds, or the old epoch + 1 if that is more
-- Locks    the row of `epoch`
--
-- A lower epoch could repeat one that another history of this database has already handed out. The time makes that unlikely even if
-- the restored row is old.

CREATE OR REPLACE FUNCTION begin_epoch() RETURNS bigint
    LANGUAGE sql VOLATILE
    AS $$
    UPDATE epoch
       SET epoch = greatest(epoch.epoch + 1, extract(epoch FROM muster_now())::bigint),
           system_identifier = (SELECT s.system_identifier FROM pg_control_system() AS s),
           timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8)
    RETURNING epoch.epoch
$$;
