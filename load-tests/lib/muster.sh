# Starts, damages and stops private nodes and servers for load tests. Sourced by run.sh, which sets $muster.
#
# $data/pids has a file for each process that may still run. The file has the process's name and contains its id.

setting() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$data/home/settings.toml"; }
pid_of() { cat "$data/pids/$1" 2>/dev/null || true; }
note() { echo "$2" >"$data/pids/$1"; } # NAME PID
forget() { rm -f "$data/pids/$1"; }    # NAME

# Creates $data. When this script ends, even after kill -9, a watcher stops all processes noted in $data/pids.
begin() {
    # The user that Postgres runs as may have no access to a home directory.
    data=$(mktemp -d "${TMPDIR:-/var/tmp}/muster-load.XXXXXX")
    chmod 711 "$data"
    mkdir "$data/pids"
    (
        trap '' HUP
        while kill -0 $$ 2>/dev/null && ! is_zombie $$; do sleep 1; done
        stop_muster
    ) >/dev/null 2>&1 &
    watcher=$!
}

# Waits until a log shows that its process is ready.
await() { # LOG PATTERN PID
    tries=0
    until grep -qs "$2" "$1"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 "$3" 2>/dev/null; then
            echo "run.sh: Muster did not start:" >&2 && tail -20 "$1" >&2 && return 1
        fi
        sleep 0.2
    done
}

start_muster() {
    "$muster" dev --bare --profile load --data "$data/home" --bind "127.0.0.1:${PORT:-8480}" >"$data/dev.log" 2>&1 &
    note dev $!
    await "$data/dev.log" '^  Open ' $! || exit 2
    BASE_URL=http://$(setting bind)
    AUDIT_URL=http://$(setting internal_bind)/audit
    node=1
    while [ $node -lt "${NODES:-1}" ]; do
        start_node $node || exit 2
        BASE_URL=$BASE_URL,http://127.0.0.1:$((${PORT:-8480} + node))
        node=$((node + 1))
    done
}

start_node() { # NUMBER
    env -u DATABASE_URL -u REDIS_URL MUSTER__SERVER__BIND="127.0.0.1:$((${PORT:-8480} + $1))" MUSTER__SERVER__INTERNAL_BIND= \
        "$muster" serve --config "$data/home/settings.toml" --profile load >"$data/node$1.log" 2>&1 &
    note "node$1" $!
    await "$data/node$1.log" serving $!
}

# Stops all processes and waits for them, in this order: fault injection, k6, nodes, `muster dev`, restarted servers.
stop_muster() {
    [ -n "$data" ] || return 0
    : >"$data/ending"
    for name in faults k6 $(find "$data/pids" -name 'node*' -exec basename {} \;) dev postgres redis-server; do
        pid=$(pid_of "$name")
        [ -n "$pid" ] && kill "$pid" 2>/dev/null || continue
        tries=0
        # A zombie child has ended.
        while kill -0 "$pid" 2>/dev/null && ! is_zombie "$pid" && [ $tries -lt 300 ]; do tries=$((tries + 1)) && sleep 0.1; done
    done
    # Processes that are shutting down may still write.
    rm -rf "$data" 2>/dev/null || { sleep 1 && rm -rf "$data"; }
    data=''
}

is_zombie() { grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

# Prints the process id of a private server: its replacement after a kill, or a child of `muster dev`.
server_pid() { # redis-server | postgres
    pid=$(pid_of "$1")
    if [ -n "$pid" ]; then
        kill -0 "$pid" 2>/dev/null && echo "$pid"
        return
    fi
    for status in $(grep -l "^PPid:[[:space:]]*$(pid_of dev)\$" /proc/[0-9]*/status 2>/dev/null); do
        pid=${status%/status} pid=${pid#/proc/}
        if grep -q "^Name:[[:space:]]*$1" "$status" && ! is_zombie "$pid"; then echo "$pid" && return; fi
    done
    return 1
}

# Kills a server with SIGKILL. From the first kill on, keep_up restarts the server with the same data whenever it ends. Linux only.
kill_server() { # redis-server | postgres
    pid=$(server_pid "$1") || return 0
    if [ -z "$(pid_of "$1")" ]; then
        folder=$(readlink "/proc/$pid/cwd")
        as='' && [ "$(id -u)" -ne 0 ] ||
            as="setpriv --reuid=$(stat -c %u "$folder") --regid=$(stat -c %g "$folder") --clear-groups"
        if [ "$1" = postgres ]; then
            tr '\0' '\n' <"/proc/$pid/cmdline" >"$data/postgres.arguments"
        else
            # Redis overwrites its command line, so these arguments repeat those of `muster dev`.
            socket=$(setting url | sed 's/^redis+unix:\/\///; s/?.*//')
            printf '%s\n' redis-server --port 0 --unixsocket "$socket" --unixsocketperm 700 --dir "$folder" --daemonize no \
                --appendonly yes --maxmemory-policy noeviction >"$data/redis-server.arguments"
        fi
        kill -9 "$pid"
        # The killed Postgres stays a zombie until `muster dev` ends, and a new Postgres takes the zombie for a running predecessor.
        [ "$1" != postgres ] || forget_predecessor
        keep_up "$1" &
    else
        kill -9 "$pid"
    fi
}

# Two files contain the process id of the last Postgres. The one in its data folder also names its shared memory, and
# must stay.
forget_predecessor() {
    sockets=$(sed -n 's/^unix_socket_directories="\(.*\)"$/\1/p' "$data/postgres.arguments")
    # shellcheck disable=SC2086 # a prefix of words
    $as sed -i '1s/.*/2147483647/' "$folder/postmaster.pid"
    rm -f "$sockets"/.s.PGSQL.*.lock
}

# Restarts a server whenever it ends. Postgres refuses to start until the last backend of its predecessor has ended.
keep_up() { # redis-server | postgres; $as and $folder
    name=$1
    set -f
    cd "$folder" || return 1
    IFS='
'
    # shellcheck disable=SC2046 # one argument a line
    set -- $(cat "$data/$name.arguments")
    IFS=' '
    until [ -e "$data/ending" ] || [ ! -d "$data" ]; do
        sleep 1
        # shellcheck disable=SC2086 # a prefix of words
        $as "$@" >>"$data/$name.again.log" 2>&1 &
        note "$name" $!
        wait $! || true
    done
}

# Kills a node, Redis and Postgres in turn for the given number of seconds. The last seconds are quiet.
inject_faults() { # SECONDS EVERY
    until=$(($(date +%s) + $1 - 8))
    sleep "$2"
    while [ "$(date +%s)" -lt "$until" ]; do
        for what in node redis postgres; do
            [ "$(date +%s)" -lt "$until" ] || break
            echo "$(date +%T) kill -9 $what" >>"$RESULTS/chaos.log"
            case $what in
            # A restart may fail while a server is still recovering from the last kill. The next round tries again.
            node) kill -9 "$(pid_of node1)" 2>/dev/null; sleep 1; start_node 1 2>>"$RESULTS/chaos.log" || true ;;
            redis) kill_server redis-server ;;
            postgres) kill_server postgres ;;
            esac
            sleep "$2"
        done
    done
}
