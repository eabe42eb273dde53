-- Functions that change a deal return its figures and terms from under its lock, so that Redis learns both and nobody has to read the
-- deal again.
--
-- Functions are replaced after the migrations, and their result types change here, so the old functions go first.
DROP FUNCTION IF EXISTS commit_signups(uuid[], uuid[], uuid[], integer[]);
DROP FUNCTION IF EXISTS commit_signups_in_order(uuid[], uuid[], uuid[], integer[]);
DROP FUNCTION IF EXISTS commit_leaves(uuid[], uuid[], uuid[]);
DROP FUNCTION IF EXISTS publish_deal(uuid, uuid);
DROP FUNCTION IF EXISTS withdraw_deal(uuid, uuid, text);
DROP FUNCTION IF EXISTS close_due_deals(integer);
DROP TYPE commit_answer;

-- What `commit_signups` returns, as it says there.
CREATE TYPE commit_answer AS (
    ord integer, outcome text, deal uuid, number integer, signup_state text, bound integer,
    buyer_units integer, buyer_rev bigint,
    epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
    tipping_point integer, cap integer, opens_at timestamptz, closes_at timestamptz, decided_at timestamptz);

-- What a function returns that changes one deal: the outcome, and the deal as it left it. Of a deal that it did not change and does
-- not show, everything but the outcome is NULL. Every change after `rev_before`, up to `rev`, was made by the function.
CREATE TYPE deal_change AS (
    outcome text, deal uuid, epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
    tipping_point integer, cap integer, opens_at timestamptz, closes_at timestamptz);
