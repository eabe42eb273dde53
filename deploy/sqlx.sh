#!/bin/sh
# Regenerates .sqlx, which describes each query to the compiler, so that a build needs no database. The macros of sqlx
# write the files while they compile against a migrated database.
set -eu
cd "$(dirname "$0")/.."
root=$(mktemp -d)
chmod 755 "$root"
as_server=''
if [ "$(id -u)" -eq 0 ]; then
    as_server='setpriv --reuid=postgres --regid=postgres --clear-groups'
    chown postgres "$root"
fi
bin=$(for found in /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null)" "$(dirname "$(command -v postgres)" 2>/dev/null)"; do
    [ ! -x "$found/initdb" ] || [ ! -x "$found/psql" ] || echo "$found"
done | sort -V | tail -n 1)
stop() {
    $as_server "$bin/pg_ctl" -D "$root/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$root"
}
trap stop EXIT INT TERM
$as_server "$bin/initdb" -D "$root/data" -U muster -A trust -E UTF8 --no-locale --no-sync >/dev/null
(cd "$root" && $as_server "$bin/pg_ctl" -D "$root/data" -l "$root/data/log" -w \
    -o "-k $root -c listen_addresses= -c fsync=off" start >/dev/null)
psql="$bin/psql -X -q -v ON_ERROR_STOP=1 -h $root -U muster -d postgres"
for file in migrations/*.sql sql/functions/*.sql; do
    $psql -1 -f "$file"
done
mkdir -p .sqlx
rm -f .sqlx/query-*.json
touch src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PWD/.sqlx" DATABASE_URL="postgres:///postgres?host=$root&user=muster" \
    cargo check --all-targets
echo "$(find .sqlx -name 'query-*.json' | wc -l) queries in .sqlx"
