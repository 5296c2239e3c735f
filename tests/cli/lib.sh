# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the CLI's tests: $KILN is the program; no daemon of this machine is spoken to.
. "$(dirname "$0")/../lib/functions.sh"

KILN=${KILN:?the path of kiln}
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION KILN_ENDPOINT
export KILN_HOME="$tmp/home"
mkdir -p "$KILN_HOME"

# run WANTED-STATUS ARGUMENT...: output in $out, errors in $err
run() {
    wanted=$1
    shift
    set +e
    "$KILN" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    set -e
    out=$(cat "$tmp/out") err=$(cat "$tmp/err")
    [ "$got" = "$wanted" ] || fail "kiln $*: status $got, not $wanted: $err"
}

# says TEXT: the last error has it
says() {
    case $err in *"$1"*) ;; *) fail "no '$1' in: $err" ;; esac
}

write_credentials() { # ENDPOINT
    default="it's \$ecret"
    cat >"$KILN_HOME/credentials" <<J
{"endpoint": "$1", "region": "us-east-1", "access_key_id": "${2:-AKIATEST}",
 "secret_access_key": "${3:-$default}", "account": "1"}
J
}

# The api over the real model; jobs are only written down in $tmp/api/jobs.log.
start_api() {
    mkdir "$tmp/api"
    mkfifo "$tmp/api/in" "$tmp/api/told"
    "${KILN_API_SERVER:?}" "$tmp/api" <"$tmp/api/in" >"$tmp/api/told" 2>"$tmp/api/server.log" &
    api=$!
    exec 8>"$tmp/api/in" 9<"$tmp/api/told"
    on_exit stop_api
    read -r endpoint <&9 && read -r key <&9 && read -r secret <&9 ||
        fail "the test server said nothing"
    write_credentials "$endpoint" "$key" "$secret"
}

stop_api() {
    exec 8>&-
    wait "$api"
}

# tell LINE: to the test server, which answers "done"
tell() {
    printf '%s\n' "$1" >&8
    read -r _ <&9
}

# field FILTER: of the last output, which is JSON
field() {
    printf '%s' "$out" | jq -er "$1" || fail "no $1 in: $out"
}
