//! The constraints behind the SQL functions. None fires in normal operation, so this test violates each.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor};

use crate::audit::fixture::Fixture;

/// Each constraint, and a statement that violates it alone.
const VIOLATIONS: [(&str, &str); 62] = [
    (
        "accounts_email_is_taken",
        "INSERT INTO accounts (id, email, name) SELECT :new, email, name FROM accounts LIMIT 1",
    ),
    ("accounts_name_length", "UPDATE accounts SET name = ''"),
    ("accounts_pkey", "INSERT INTO accounts (id, email, name) SELECT id, 'x@example.com', name FROM accounts LIMIT 1"),
    ("coupon_codes_lookup_length", "UPDATE coupon_codes SET lookup = '\\x00'"),
    ("coupon_codes_pkey", "INSERT INTO coupon_codes SELECT * FROM coupon_codes LIMIT 1"),
    ("coupons_form_is_known", "UPDATE coupons SET form = 3"),
    ("coupons_ordinal_at_least_one", "UPDATE coupons SET ordinal = 0"),
    ("coupons_pkey", "INSERT INTO coupons SELECT * FROM coupons LIMIT 1"),
    ("coupons_redeemed", "UPDATE coupons SET redeemed_at = now()"),
    ("deals_buyers_not_negative", "UPDATE deals SET buyers = -1 WHERE id = :open"),
    (
        "deals_cap_reaches_tipping_point",
        "UPDATE deals SET state = 'draft', buyers = 0, units = 0, cap = tipping_point - 1 WHERE id = :open",
    ),
    ("deals_coupons_outlive_window", "UPDATE deals SET coupon_expires_at = closes_at"),
    ("deals_currency_code", "UPDATE deals SET currency = 'usd'"),
    ("deals_description_length", "UPDATE deals SET description = repeat('x', 10001)"),
    ("deals_ended_at", "UPDATE deals SET ended_at = now() WHERE id = :open"),
    ("deals_merchant_fkey", "UPDATE deals SET merchant = :new"),
    ("deals_never_oversold", "UPDATE deals SET units = cap + 1 WHERE id = :tipped"),
    ("deals_open_can_still_tip", "UPDATE deals SET units = cap - 2 WHERE id = :open"),
    ("deals_open_is_below_tipping_point", "UPDATE deals SET buyers = tipping_point WHERE id = :open"),
    ("deals_per_buyer_max_at_least_one", "UPDATE deals SET per_buyer_max = 0 WHERE id = :open"),
    ("deals_per_buyer_max_within_cap", "UPDATE deals SET per_buyer_max = cap + 1 WHERE id = :open"),
    ("deals_pkey", "INSERT INTO deals SELECT * FROM deals WHERE id = :open"),
    ("deals_price_above_zero", "UPDATE deals SET price = 0"),
    ("deals_price_below_face_value", "UPDATE deals SET price = face_value"),
    ("deals_published", "UPDATE deals SET published_at = NULL WHERE id = :open"),
    ("deals_state", "UPDATE deals SET state = 'asleep' WHERE id = :open"),
    ("deals_tipped_at", "UPDATE deals SET tipped_at = NULL WHERE id = :tipped"),
    ("deals_tipping_point_at_least_one", "UPDATE deals SET tipping_point = 0 WHERE id = :tipped"),
    ("deals_title_length", "UPDATE deals SET title = ''"),
    ("deals_units_not_negative", "UPDATE deals SET units = -1 WHERE id = :open"),
    ("deals_window", "UPDATE deals SET opens_at = closes_at"),
    ("deals_withdrawn_reason", "UPDATE deals SET withdrawn_reason = 'ill' WHERE id = :open"),
    ("epoch_has_one_row", "INSERT INTO epoch (only_row, epoch) VALUES (false, 1)"),
    ("epoch_pkey", "INSERT INTO epoch (epoch) VALUES (1)"),
    ("function_version_has_one_row", "INSERT INTO function_version (only_row, version) VALUES (false, 1)"),
    ("function_version_not_negative", "UPDATE function_version SET version = -1"),
    ("function_version_pkey", "INSERT INTO function_version (version) VALUES (1)"),
    ("merchants_name_length", "UPDATE merchants SET name = ''"),
    ("merchants_pkey", "INSERT INTO merchants (id, name) SELECT id, name FROM merchants LIMIT 1"),
    ("outbox_key_is_unique", "INSERT INTO outbox (key, kind, deal) SELECT key, kind, deal FROM outbox LIMIT 1"),
    ("outbox_kind", "UPDATE outbox SET kind = 'gossip'"),
    (
        "outbox_pkey",
        "INSERT INTO outbox (id, key, kind, deal) OVERRIDING SYSTEM VALUE SELECT id, 'x', kind, deal FROM outbox LIMIT 1",
    ),
    ("sessions_account_fkey", "INSERT INTO sessions (hash, account, expires_at) VALUES (:hash, :new, now())"),
    (
        "sessions_hash_length",
        "INSERT INTO sessions (hash, account, expires_at) SELECT '\\x00', id, now() FROM accounts LIMIT 1",
    ),
    ("sessions_pkey", "INSERT INTO sessions (hash, account, expires_at) SELECT :hash, id, now() FROM accounts LIMIT 2"),
    ("settling_pkey", "INSERT INTO settling SELECT * FROM settling LIMIT 1"),
    ("signups_held_not_negative", "UPDATE signups SET held = -1"),
    ("signups_left_at", "UPDATE signups SET left_at = now() WHERE state = 'active'"),
    ("signups_number_at_least_one", "UPDATE signups SET number = 0"),
    ("signups_pkey", "INSERT INTO signups SELECT * FROM signups LIMIT 1"),
    (
        "signups_rev_is_taken",
        "INSERT INTO signups SELECT (jsonb_populate_record(s, jsonb_build_object('id', :new))).* FROM signups AS s LIMIT 1",
    ),
    ("signups_state", "UPDATE signups SET state = 'gone' WHERE deal = :open AND state = 'active'"),
    ("signups_units_at_least_one", "UPDATE signups SET units = 0"),
    ("staff_account_fkey", "UPDATE staff SET account = :new"),
    ("staff_merchant_fkey", "UPDATE staff SET merchant = :new"),
    ("staff_pkey", "INSERT INTO staff SELECT * FROM staff LIMIT 1"),
    ("staff_role", "UPDATE staff SET role = 'king'"),
    ("tokens_account_fkey", "UPDATE tokens SET account = :new"),
    (
        "tokens_hash_is_unique",
        "INSERT INTO tokens (id, account, hash, label) SELECT :new, account, hash, label FROM tokens LIMIT 1",
    ),
    ("tokens_hash_length", "UPDATE tokens SET hash = '\\x00'"),
    ("tokens_label_length", "UPDATE tokens SET label = ''"),
    (
        "tokens_pkey",
        "INSERT INTO tokens (id, account, hash, label) SELECT id, account, :hash, label FROM tokens LIMIT 1",
    ),
];

#[tokio::test]
async fn every_constraint_exists_and_fires() {
    let mut fixture = Fixture::new().await;
    // The constraints of the tables, and those that the trigger `deals_check` enforces.
    let all = "SELECT conname::text FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u')
                  AND conrelid <> coalesce(to_regclass('_sqlx_migrations'), 0)
               UNION ALL
               SELECT (regexp_matches(prosrc, 'THEN ''(\\w+)''', 'g'))[1] FROM pg_proc WHERE proname = 'check_deal'";
    let existing: Vec<String> = sqlx::query_scalar(all).fetch_all(&mut fixture.database).await.unwrap();
    let existing: BTreeSet<&str> = existing.iter().map(String::as_str).collect();
    assert_eq!(existing, VIOLATIONS.iter().map(|(name, _)| *name).collect(), "`VIOLATIONS` lists every constraint");
    for (name, statement) in VIOLATIONS {
        let statement = statement
            .replace(":open", &format!("'{}'", fixture.open))
            .replace(":tipped", &format!("'{}'", fixture.tipped))
            .replace(":new", "gen_random_uuid()")
            .replace(":hash", "sha256('x')");
        let refused = fixture.database.execute(AssertSqlSafe(statement.clone())).await.unwrap_err();
        let fired = refused.as_database_error().and_then(sqlx::error::DatabaseError::constraint);
        assert_eq!(fired, Some(name), "{statement}: {refused}");
    }
    fixture.app.assert_clean().await;
}
