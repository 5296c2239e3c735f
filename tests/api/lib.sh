# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by tests of the api with real clients.
#   start_api [REGION]       serves the api over a real model; sets the clients' environment
#   refused CODE COMMAND …   the client must fail with that code; its words are in $said
. "$(dirname "$0")/../lib/functions.sh"
: "${KILN_API_SERVER:?path of api-server}"

start_api() {
    mkdir "$tmp/api"
    mkfifo "$tmp/in" "$tmp/out"
    "$KILN_API_SERVER" "$tmp/api" "$@" <"$tmp/in" >"$tmp/out" 2>"$tmp/api/server.log" &
    server=$!
    exec 8>"$tmp/in" 9<"$tmp/out"
    on_exit stop_api
    # blocks until the server listens and has said so
    read -r AWS_ENDPOINT_URL <&9 || fail "the server did not start"
    read -r AWS_ACCESS_KEY_ID <&9
    read -r AWS_SECRET_ACCESS_KEY <&9
    read -r account <&9
    export AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    export AWS_DEFAULT_REGION="${1:-us-east-1}" AWS_PAGER='' AWS_MAX_ATTEMPTS=1
    export AWS_CONFIG_FILE="$tmp/none" AWS_SHARED_CREDENTIALS_FILE="$tmp/none"
    unset AWS_SESSION_TOKEN AWS_PROFILE
    AWS=${AWS:-aws}
}

stop_api() {
    exec 8>&- # it serves until its stdin ends
    wait "$server"
}

ec2() {
    "$AWS" ec2 --endpoint-url "$AWS_ENDPOINT_URL" --output text "$@" || return
}

refused() {
    code=$1
    shift
    if said=$("$@" 2>&1); then
        fail "$* was accepted: $said"
    fi
    case $said in
    *"($code)"*) ;;
    *) fail "$*: wanted $code, got: $said" ;;
    esac
}
