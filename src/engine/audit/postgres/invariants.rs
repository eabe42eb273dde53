//! The invariants I1 to I13: the rows that each covers, and the condition that each row must meet.

use sqlx::PgPool;
use uuid::Uuid;

/// A condition that every deal must meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine::audit) enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    I11,
    I12,
    I13,
}

impl Invariant {
    pub(in crate::engine::audit) const ALL: [Self; 13] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
        Self::I9,
        Self::I10,
        Self::I11,
        Self::I12,
        Self::I13,
    ];

    /// The short name: `I1` to `I13`.
    #[must_use]
    pub(in crate::engine::audit) const fn id(self) -> &'static str {
        match self {
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I3 => "I3",
            Self::I4 => "I4",
            Self::I5 => "I5",
            Self::I6 => "I6",
            Self::I7 => "I7",
            Self::I8 => "I8",
            Self::I9 => "I9",
            Self::I10 => "I10",
            Self::I11 => "I11",
            Self::I12 => "I12",
            Self::I13 => "I13",
        }
    }

    /// The condition that must hold.
    #[must_use]
    pub(in crate::engine::audit) const fn must_hold(self) -> &'static str {
        match self {
            Self::I1 => "0 ≤ units sold ≤ cap",
            Self::I2 => "a deal's units and buyers equal the sum over its active signups",
            Self::I3 => "no buyer holds more units of a deal than its limit",
            Self::I4 => "what a buyer's newest signup says they hold is what their active ones add up to",
            Self::I5 => "no open deal is at or over its tipping point",
            Self::I6 => {
                "tipped and succeeded deals have tipped_at, drafts, open and failed ones have not, withdrawn ones may"
            }
            Self::I7 => "every signup was made before its deal closed, and its rev is not above the deal's",
            Self::I8 => "a settled signup has as many coupons as units, and none of a deal that is on waits over 60 s",
            Self::I9 => "no coupon of a deal that never tipped, of a signup that left, or beyond the signup's units",
            Self::I10 => "exactly one event for each tip, and none without one",
            Self::I11 => "no message is overdue by more than 10 minutes",
            Self::I12 => "no open or tipped deal is 60 s past its deadline",
            Self::I13 => "an open deal has as many units left as buyers are needed",
        }
    }

    /// The noun for the rows that the invariant covers.
    #[must_use]
    pub(in crate::engine::audit) const fn counts(self) -> &'static str {
        match self {
            Self::I1 | Self::I2 | Self::I5 | Self::I6 | Self::I10 | Self::I12 | Self::I13 => "deals",
            Self::I3 | Self::I4 => "buyers",
            Self::I7 | Self::I8 => "signups",
            Self::I9 => "coupons",
            Self::I11 => "messages",
        }
    }
}

pub(super) struct Row {
    pub(super) looked_at: i64,
    pub(super) wrong: i64,
    pub(super) expected: Vec<String>,
    pub(super) found: Vec<String>,
}

/// Counts the rows of a statement, and returns the first 20 rows whose `holds` is not true. Texts are built only for
/// those rows.
macro_rules! check {
    ($pool:expr, $deal:expr, $rows:tt) => {
        sqlx::query_as!(
            Row,
            r#"SELECT count(*) AS "looked_at!", count(*) FILTER (WHERE r.holds IS NOT TRUE) AS "wrong!",
                      coalesce((array_agg(r.expected) FILTER (WHERE r.holds IS NOT TRUE))[:20], '{}') AS "expected!",
                      coalesce((array_agg(r.found) FILTER (WHERE r.holds IS NOT TRUE))[:20], '{}') AS "found!"
                 FROM ("#
                + $rows
                + ") AS r",
            $deal
        )
        .fetch_one($pool)
        .await
    };
}

pub(super) async fn check(pool: &PgPool, invariant: Invariant, deal: Uuid) -> Result<Row, sqlx::Error> {
    match invariant {
        Invariant::I1 => check!(pool, deal, "
            SELECT d.units BETWEEN 0 AND coalesce(d.cap, d.units) AS holds,
                   format('0 to %s units', coalesce(d.cap::text, 'any number of')) AS expected,
                   format('%s units', d.units) AS found
              FROM deals AS d WHERE d.id = $1"),
        Invariant::I2 => check!(pool, deal, "
            SELECT d.units = s.units AND d.buyers = s.buyers AS holds,
                   format('%s units of %s buyers, from its signups', s.units, s.buyers) AS expected,
                   format('%s units of %s buyers', d.units, d.buyers) AS found
              FROM deals AS d
             CROSS JOIN LATERAL (SELECT coalesce(sum(a.units), 0) AS units, count(DISTINCT a.buyer) AS buyers
                                   FROM signups AS a WHERE a.deal = d.id AND a.state = 'active') AS s
             WHERE d.id = $1"),
        Invariant::I3 => check!(pool, deal, "
            SELECT b.units <= d.per_buyer_max AS holds,
                   format('at most %s units of buyer %s', d.per_buyer_max, b.buyer) AS expected,
                   format('%s units', b.units) AS found
              FROM deals AS d
              JOIN (SELECT s.deal, s.buyer, sum(s.units) AS units FROM signups AS s
                     WHERE s.deal = $1 AND s.state = 'active' GROUP BY s.deal, s.buyer) AS b ON b.deal = d.id
             WHERE d.id = $1"),
        Invariant::I4 => check!(pool, deal, "
            SELECT b.units = s.units AS holds,
                   format('%s units of buyer %s, from the signups', s.units, buyer) AS expected,
                   format('%s units, by the newest of them', b.units) AS found
              FROM (SELECT s.buyer, coalesce(sum(s.units) FILTER (WHERE s.state = 'active'), 0) AS units
                      FROM signups AS s WHERE s.deal = $1 GROUP BY s.buyer) AS s
              JOIN (SELECT b.buyer, b.units FROM deal_buyers AS b WHERE b.deal = $1) AS b USING (buyer)"),
        Invariant::I5 => check!(pool, deal, "
            SELECT d.state <> 'open' OR d.buyers < d.tipping_point AS holds,
                   format('tipped at %s buyers', d.tipping_point) AS expected,
                   format('open with %s', d.buyers) AS found
              FROM deals AS d WHERE d.id = $1"),
        // A deal may be withdrawn before or after its tip.
        Invariant::I6 => check!(pool, deal, "
            SELECT d.state = 'withdrawn' OR (d.state IN ('tipped', 'succeeded')) = (d.tipped_at IS NOT NULL) AS holds,
                   CASE WHEN d.tipped_at IS NULL THEN 'tipped_at' ELSE 'no tipped_at' END AS expected,
                   format('%s, tipped at %s', d.state, coalesce(d.tipped_at::text, 'no time')) AS found
              FROM deals AS d WHERE d.id = $1"),
        Invariant::I7 => check!(pool, deal, "
            SELECT s.joined_at < d.closes_at AND s.joined_at <= coalesce(d.ended_at, s.joined_at) AND s.rev <= d.rev AS holds,
                   format('signup %s from before %s, at most of rev %s', s.id, least(d.closes_at, d.ended_at), d.rev) AS expected,
                   format('from %s, of rev %s', s.joined_at, s.rev) AS found
              FROM deals AS d JOIN signups AS s ON s.deal = d.id WHERE d.id = $1"),
        // I8 and I9 go row by row through the primary key. Right after a rush, the planner statistics do not cover the
        // deal, and Postgres would plan a set join as a nested loop over all pairs.
        Invariant::I8 => check!(pool, deal, "
            SELECT CASE WHEN s.state = 'active' AND (s.rev <= t.settled_rev OR s.settled_at IS NOT NULL) THEN c.coupons = s.units
                        WHEN s.state = 'active' AND d.state IN ('tipped', 'succeeded')
                        THEN greatest(s.joined_at, d.tipped_at) > (SELECT muster_now()) - interval '60 seconds'
                        ELSE true END AS holds,
                   format('%s coupons of signup %s', s.units, s.id) AS expected,
                   format('%s, %s', c.coupons,
                          CASE WHEN s.rev <= t.settled_rev OR s.settled_at IS NOT NULL THEN 'settled'
                               ELSE 'waiting since ' || greatest(s.joined_at, d.tipped_at) END) AS found
              FROM deals AS d
              LEFT JOIN settling AS t ON t.deal = d.id
              JOIN signups AS s ON s.deal = d.id
             CROSS JOIN LATERAL (SELECT count(*) AS coupons FROM coupons AS c WHERE c.deal = s.deal AND c.signup = s.id) AS c
             WHERE d.id = $1"),
        Invariant::I9 => check!(pool, deal, "
            SELECT d.tipped_at IS NOT NULL AND s.state = 'active' AND c.ordinal BETWEEN 1 AND s.units AS holds,
                   format('no coupon %s of signup %s', c.ordinal, c.signup) AS expected,
                   format('coupon %s; the deal %s, the signup %s', c.id, CASE WHEN d.tipped_at IS NULL THEN 'never tipped' ELSE 'tipped' END,
                          coalesce('is ' || s.state || ' with ' || s.units || ' units', 'is not there')) AS found
              FROM coupons AS c
              LEFT JOIN deals AS d ON d.id = c.deal
              LEFT JOIN LATERAL (SELECT s.state, s.units FROM signups AS s
                                  WHERE s.deal = c.deal AND s.id = c.signup OFFSET 0) AS s ON true
             WHERE c.deal = $1"),
        Invariant::I10 => check!(pool, deal, "
            SELECT o.events = (d.tipped_at IS NOT NULL)::integer AS holds,
                   format('%s events', (d.tipped_at IS NOT NULL)::integer) AS expected,
                   format('%s', o.events) AS found
              FROM deals AS d
             CROSS JOIN LATERAL (SELECT count(*) AS events FROM outbox AS o
                                  WHERE o.deal = d.id AND o.account IS NULL AND o.kind = 'deal_tipped') AS o
             WHERE d.id = $1"),
        Invariant::I11 => check!(pool, deal, "
            SELECT o.next_at > (SELECT muster_now()) - interval '10 minutes' AS holds,
                   format('message %s delivered soon after %s', o.key, o.next_at) AS expected,
                   format('waiting after %s attempts', o.attempts) AS found
              FROM outbox AS o WHERE o.deal = $1 AND o.delivered_at IS NULL AND o.parked_at IS NULL"),
        Invariant::I12 => check!(pool, deal, "
            SELECT d.state NOT IN ('open', 'tipped') OR d.closes_at > (SELECT muster_now()) - interval '60 seconds' AS holds,
                   format('ended soon after %s', d.closes_at) AS expected,
                   d.state AS found
              FROM deals AS d WHERE d.id = $1"),
        Invariant::I13 => check!(pool, deal, "
            SELECT d.state <> 'open' OR d.cap IS NULL OR d.cap - d.units >= d.tipping_point - d.buyers AS holds,
                   format('at least %s units left', d.tipping_point - d.buyers) AS expected,
                   format('%s', d.cap - d.units) AS found
              FROM deals AS d WHERE d.id = $1"),
    }
}
