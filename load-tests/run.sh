#!/bin/sh
# Runs load tests: load-tests/run.sh [NAME…]. Without a name, it runs all except soak and chaos. README.md describes them.
#
# The script starts private nodes and servers unless BASE_URL is set. Environment variables:
#   PROFILE        smoke, ci (default) or full. lib/sizes.tsv has the sizes; each can be set by its name (RATE=50)
#   MUSTER         path of the program (default: target/release/muster)
#   K6             path of the load generator (default: target/tools/venv/bin/k6)
#   NODES          number of private nodes (default: 1; chaos needs 2)
#   BASE_URL       URLs of running nodes, separated by commas
#   AUDIT_URL      with BASE_URL: URL of the audit
#   LOADTEST_FILE  with BASE_URL: a file from `muster loadtest prepare`. By default the script creates one with the settings
#                  in the environment
#   OUT            the folder for results (default: load-tests/results); each run creates <name>-<time> in it
set -eu
cd "$(dirname "$0")/.."
muster=${MUSTER:-target/release/muster}
k6=${K6:-target/tools/venv/bin/k6}
here=$(pwd)
PROFILE=${PROFILE:-ci}
[ $# -gt 0 ] || set -- smoke browse join_rush tipping retries many_deals leave_mix sold_out redeem replay
[ -x "$k6" ] || { echo "run.sh: $k6 does not exist; install it with make setup" >&2; exit 2; }
[ -x "$muster" ] || { echo "run.sh: $muster does not exist; build it with cargo build --release, or set MUSTER" >&2; exit 2; }
case $PROFILE in
smoke) column=3 ;; ci) column=4 ;; full) column=5 ;;
*) echo "run.sh: PROFILE must be smoke, ci or full" >&2 && exit 2 ;;
esac
# shellcheck source=load-tests/lib/muster.sh
. load-tests/lib/muster.sh

data='' watcher='' status=0
finish() {
    stop_muster
    [ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Prints a size of a test, from the environment or from the table. Prints nothing if the test has no such size.
size() { # TEST NAME
    set -- "$1" "$2" "$(printenv "$(echo "$2" | tr '[:lower:]' '[:upper:]')" || true)"
    awk -F'\t' -v test="$1" -v name="$2" -v set="$3" -v column=$column \
        '$1 == test && $2 == name { print set == "" ? $column : set }' load-tests/lib/sizes.tsv
}

fetch() { # URL FILE
    if command -v curl >/dev/null; then
        curl -sS --max-time 10 -o "$2" "$1" || true
    else
        python3 -c 'import sys, urllib.request as u; open(sys.argv[2], "wb").write(u.urlopen(sys.argv[1], timeout=10).read())' "$1" "$2" || true
    fi
}

begin
prepare=
if [ -z "${BASE_URL:-}" ]; then
    case " $* " in *" chaos "*) NODES=${NODES:-2} ;; esac
    echo "Starting private nodes and servers"
    start_muster
    prepare="--dev --data $data/home"
fi
export PROFILE BASE_URL AUDIT_URL K6_NO_USAGE_REPORT=true
given=${LOADTEST_FILE:-}
metrics=
[ -z "${AUDIT_URL:-}" ] || metrics=${AUDIT_URL%/audit}/metrics
quiet=--quiet
[ ! -t 1 ] || quiet=

for name in "$@"; do
    script=load-tests/$name.js
    [ -f "$script" ] || { echo "run.sh: there is no $script" >&2; exit 2; }
    RESULTS=${OUT:-$here/load-tests/results}/$name-$(date +%Y%m%d-%H%M%S)
    mkdir -p "$RESULTS"
    LOADTEST_FILE=${given:-$RESULTS/people.json}
    export RESULTS LOADTEST_FILE
    seconds=$(size "$name" duration_s)
    echo "$(date +%T) $name, PROFILE=$PROFILE${seconds:+, $seconds s plus setup and audit}"
    if [ -z "$given" ]; then
        wish=
        for each in buyers deals cap tipping_point per_buyer_max; do
            value=$(size "$name" $each)
            [ -z "$value" ] || wish="$wish --$(echo $each | tr _ -) $value"
        done
        # shellcheck disable=SC2086 # lists of arguments
        "$muster" loadtest prepare $prepare $wish --open-minutes 180 --out "$LOADTEST_FILE"
    fi
    [ -z "$metrics" ] || fetch "$metrics" "$RESULTS/metrics-before.txt"
    if [ "$name" = chaos ]; then
        if [ -n "$prepare" ] && [ "${NODES:-1}" -gt 1 ]; then
            inject_faults "$seconds" "$(size chaos every)" &
            note faults $!
        else
            echo "run.sh: chaos injects no faults; it needs private nodes (no BASE_URL) and NODES=2 or more" >&2
        fi
    fi
    # shellcheck disable=SC2086 # nothing, or an option
    K6_WEB_DASHBOARD=true K6_WEB_DASHBOARD_PORT=-1 K6_WEB_DASHBOARD_PERIOD=1s K6_WEB_DASHBOARD_EXPORT=$RESULTS/report.html \
        "$k6" run $quiet --include-system-env-vars "$script" 2>"$RESULTS/k6.log" &
    note k6 $!
    wait $! || { status=1; tail -8 "$RESULTS/k6.log" >&2; }
    forget k6
    faults=$(pid_of faults)
    [ -z "$faults" ] || { wait "$faults" || true; forget faults; }
    [ -z "$metrics" ] || fetch "$metrics" "$RESULTS/metrics-after.txt"
    # The file contains tokens, which are not needed after the run.
    [ -n "$given" ] || rm -f "$LOADTEST_FILE"
    echo "  results: ${RESULTS#"$here"/}"
done
exit $status
