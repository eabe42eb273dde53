#!/bin/sh
# Runs load tests: load-tests/run.sh [NAME…]; without a name, all but soak and chaos. README.md says what each does.
#
# Against a Muster of its own with private servers, unless BASE_URL names one.
#   PROFILE        smoke, ci (otherwise) or full: see lib/sizes.tsv, where every size can be set by its name, too (RATE=50)
#   MUSTER         the program (target/release/muster)
#   K6             the load generator (target/tools/venv/bin/k6)
#   NODES          nodes of the Muster of its own (1; chaos needs 2)
#   BASE_URL       a Muster that runs, several nodes separated by commas; then
#   AUDIT_URL      where its audit is, and
#   LOADTEST_FILE  what `muster loadtest prepare` wrote for it; without it the settings in the environment are used to prepare
# Results go to load-tests/results/<name>-<time>/.
set -eu
cd "$(dirname "$0")/.."
muster=${MUSTER:-target/release/muster}
k6=${K6:-target/tools/venv/bin/k6}
here=$(pwd)
PROFILE=${PROFILE:-ci}
[ $# -gt 0 ] || set -- smoke browse join_rush tipping retries many_deals leave_mix sold_out redeem replay
[ -x "$k6" ] || { echo "run.sh: $k6 is not there: make setup installs it" >&2; exit 2; }
[ -x "$muster" ] || { echo "run.sh: $muster is not there: cargo build --release makes it" >&2; exit 2; }
case $PROFILE in
smoke) column=3 ;; ci) column=4 ;; full) column=5 ;;
*) echo "run.sh: PROFILE must be smoke, ci or full" >&2 && exit 2 ;;
esac
# shellcheck source=load-tests/lib/muster.sh
. load-tests/lib/muster.sh

data='' hurting='' status=0
finish() {
    [ -z "$hurting" ] || kill "$hurting" 2>/dev/null || true
    stop_muster
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A size of a test: as the environment says, or as the table does. Nothing if it has none of this name.
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

prepare=
if [ -z "${BASE_URL:-}" ]; then
    case " $* " in *" chaos "*) NODES=${NODES:-2} ;; esac
    echo "Starting a Muster of its own"
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
    RESULTS=$here/load-tests/results/$name-$(date +%Y%m%d-%H%M%S)
    mkdir -p "$RESULTS"
    LOADTEST_FILE=${given:-$RESULTS/people.json}
    export RESULTS LOADTEST_FILE
    seconds=$(size "$name" duration_s)
    echo "$(date +%T) $name, PROFILE=$PROFILE${seconds:+, $seconds s and some more to begin and to audit}"
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
        if [ -n "$data" ] && [ "${NODES:-1}" -gt 1 ]; then
            hurt_muster "$seconds" "$(size chaos every)" &
            hurting=$!
        else
            echo "run.sh: nothing is killed: chaos does so only to a Muster of its own with NODES=2 or more" >&2
        fi
    fi
    # shellcheck disable=SC2086 # nothing, or an option
    K6_WEB_DASHBOARD=true K6_WEB_DASHBOARD_PORT=-1 K6_WEB_DASHBOARD_PERIOD=1s K6_WEB_DASHBOARD_EXPORT=$RESULTS/report.html \
        "$k6" run $quiet --include-system-env-vars "$script" 2>"$RESULTS/k6.log" || { status=1; tail -8 "$RESULTS/k6.log" >&2; }
    [ -z "$hurting" ] || { wait "$hurting" || true; hurting=''; }
    [ -z "$metrics" ] || fetch "$metrics" "$RESULTS/metrics-after.txt"
    # The tokens in it are of no more use.
    [ -n "$given" ] || rm -f "$LOADTEST_FILE"
    echo "  results: ${RESULTS#"$here"/}"
done
exit $status
