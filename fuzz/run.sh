#!/bin/sh
# Runs a fuzz target for a time, or on one file to reproduce a crash: fuzz/run.sh TARGET SECONDS|FILE
set -eu
cd "$(dirname "$0")/.."
target=$1 what=$2
out=target/fuzz
mkdir -p "$out/corpus/$target" "$out/artifacts/$target"
# Coverage instrumentation needs an unstable compiler flag; this allows it on stable Rust.
export RUSTC_BOOTSTRAP=1
fuzz() {
    target/tools/bin/cargo-fuzz "$@"
}
[ -n "${BUILT:-}" ] || fuzz build --fuzz-dir fuzz --target-dir "$out" -s none "$target"
bin=$(find "$out" -path "*/release/$target" -type f | head -n 1)
if [ -f "$what" ]; then
    exec "$bin" "$what"
fi
exec "$bin" "-max_total_time=$what" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
    "-artifact_prefix=$out/artifacts/$target/" "$out/corpus/$target" "fuzz/seeds/$target"
