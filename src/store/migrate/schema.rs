//! Compares a database's schema with the schema that `migrations/0001_schema.sql` creates.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::MigrationError;

const QUERY: &str = include_str!("schema.sql");
/// The result of [`QUERY`] in a database that has only `migrations/0001_schema.sql`.
const EXPECTED: &str = include_str!("schema_at_squash.txt");

/// Lists missing and unexpected parts of the schema, one difference per line. Ignores relations and plain indexes that
/// an operator has added.
pub(super) async fn differences(connection: &mut PgConnection) -> Result<Vec<String>, MigrationError> {
    let found: Vec<String> = sqlx::query_scalar(QUERY).fetch_all(connection).await?;
    Ok(compare(EXPECTED, &found))
}

fn compare(expected: &str, found: &[String]) -> Vec<String> {
    let expected: BTreeSet<&str> = expected.lines().collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let relations: BTreeSet<&str> = expected.iter().map(|line| relation(line)).collect();
    let missing = expected.difference(&found).map(|line| format!("missing: {line}"));
    let unexpected = found
        .difference(&expected)
        .filter(|line| relations.contains(relation(line)) && !line.contains(", index "))
        .map(|line| format!("unexpected: {line}"));
    missing.chain(unexpected).collect()
}

/// The relation that a line describes.
fn relation(line: &str) -> &str {
    line.split(['.', ',', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_relations_and_plain_indexes_are_not_differences() {
        let expected = "deals, unique index a: USING btree (id)\ndeals.cap: integer\ndeals: table";
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let same = lines(&[
            "deals: table",
            "deals.cap: integer",
            "deals, unique index a: USING btree (id)",
            "deals, index of_an_operator: USING btree (cap)",
            "report.cap: integer",
            "report: view",
        ]);
        assert_eq!(compare(expected, &same), Vec::<String>::new());
        let other = lines(&["deals: table", "deals.cap: bigint", "deals, unique index b: USING btree (cap)"]);
        assert_eq!(
            compare(expected, &other),
            [
                "missing: deals, unique index a: USING btree (id)",
                "missing: deals.cap: integer",
                "unexpected: deals, unique index b: USING btree (cap)",
                "unexpected: deals.cap: bigint",
            ]
        );
    }
}
