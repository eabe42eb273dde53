#!/bin/sh
# Runs load tests: load-tests/run.sh [smoke] [join_rush] [watch]; without a name, all of them.
#
# Against a Muster of its own with private servers, unless BASE_URL names one; see README.md.
#   MUSTER         the program (target/release/muster)
#   K6             the load generator (target/tools/venv/bin/k6)
#   NODES          nodes of the Muster of its own (1)
#   BASE_URL       a Muster that runs, several nodes separated by commas; then
#   AUDIT_URL      where its audit is, and
#   LOADTEST_FILE  what `muster loadtest prepare` wrote for it; without it the settings in the environment are used to prepare
# Results go to load-tests/results/.
set -eu
cd "$(dirname "$0")/.."
muster=${MUSTER:-target/release/muster}
k6=${K6:-target/tools/venv/bin/k6}
here=$(pwd)
[ $# -gt 0 ] || set -- smoke join_rush watch
[ -x "$k6" ] || { echo "run.sh: $k6 is not there: make setup installs it" >&2; exit 2; }
[ -x "$muster" ] || { echo "run.sh: $muster is not there: cargo build --release makes it" >&2; exit 2; }

pids='' data=''
finish() {
    # shellcheck disable=SC2086 # a list of processes
    [ -z "$pids" ] || { kill $pids 2>/dev/null || true; wait $pids 2>/dev/null || true; }
    [ -z "$data" ] || rm -rf "$data"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What is written in the log of a process that was started, once it says so.
await() { # LOG PATTERN PID
    tries=0
    until grep -q "$2" "$1"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 "$3" 2>/dev/null; then
            echo "run.sh: Muster did not start:" >&2 && tail -20 "$1" >&2 && exit 2
        fi
        sleep 0.2
    done
}
setting() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$data/home/settings.toml"; }

prepare=
if [ -z "${BASE_URL:-}" ]; then
    # Not under a home that is closed to the user that Postgres runs as.
    data=$(mktemp -d "${TMPDIR:-/var/tmp}/muster-load.XXXXXX")
    chmod 711 "$data"
    echo "Starting a Muster of its own in $data"
    "$muster" dev --bare --profile load --data "$data/home" --bind "127.0.0.1:${PORT:-8480}" >"$data/dev.log" 2>&1 &
    pids=$!
    await "$data/dev.log" '^  Open ' $pids
    BASE_URL=http://$(setting bind)
    AUDIT_URL=http://$(setting internal_bind)/audit
    node=1
    while [ $node -lt "${NODES:-1}" ]; do
        port=$((${PORT:-8480} + node))
        env -u DATABASE_URL -u REDIS_URL MUSTER__SERVER__BIND="127.0.0.1:$port" MUSTER__SERVER__INTERNAL_BIND= \
            "$muster" serve --config "$data/home/settings.toml" --profile load >"$data/node$node.log" 2>&1 &
        pids="$pids $!"
        await "$data/node$node.log" serving $!
        BASE_URL=$BASE_URL,http://127.0.0.1:$port
        node=$((node + 1))
    done
    prepare="--dev --data $data/home"
fi
export BASE_URL AUDIT_URL K6_NO_USAGE_REPORT=true
given=${LOADTEST_FILE:-}

status=0
for name in "$@"; do
    script=load-tests/$name.js
    [ -f "$script" ] || { echo "run.sh: there is no $script" >&2; exit 2; }
    RESULTS=$here/load-tests/results/$name-$(date +%Y%m%d-%H%M%S)
    mkdir -p "$RESULTS"
    LOADTEST_FILE=${given:-$RESULTS/people.json}
    export RESULTS LOADTEST_FILE
    if [ -z "$given" ]; then
        case $name in
        join_rush) wish="--buyers ${ATTEMPTS:-20000} --cap ${CAP:-1000} --tipping-point 100 --per-buyer-max 3" ;;
        watch) wish="--buyers $((${JOINERS:-20} * ${WATCH_S:-30} * 1000 / ${PAUSE_MS:-500})) --tipping-point 200" ;;
        *) wish="--buyers 10 --cap 100 --tipping-point 5 --per-buyer-max 3" ;;
        esac
        # shellcheck disable=SC2086 # lists of arguments
        "$muster" loadtest prepare $prepare $wish --out "$LOADTEST_FILE"
    fi
    K6_WEB_DASHBOARD=true K6_WEB_DASHBOARD_PORT=-1 K6_WEB_DASHBOARD_PERIOD=1s K6_WEB_DASHBOARD_EXPORT=$RESULTS/report.html \
        "$k6" run --quiet --include-system-env-vars "$script" 2>"$RESULTS/k6.log" || { status=1; tail -20 "$RESULTS/k6.log" >&2; }
    # The tokens in it are of no more use.
    [ -n "$given" ] || rm -f "$LOADTEST_FILE"
    echo "  results: ${RESULTS#"$here"/}"
done
exit $status
