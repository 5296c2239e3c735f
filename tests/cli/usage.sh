#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit statuses, help, environment and completion, without any daemon.
. "$(dirname "$0")/lib.sh"
requires jq --version

# every verb has help, which begins with its usage
run 0 --help
"$KILN" --help | grep -q '^  import FILE ' || fail "no import in --help"
for verb in import launch stop start reboot terminate ls show wait tag console screenshot connect \
    password 'image create' 'image delete' 'snapshot create' 'snapshot delete' 'volume create' \
    'volume delete' 'volume attach' 'volume detach' 'store check' 'store stats' env status \
    completion help; do
    # shellcheck disable=SC2086
    run 0 help $verb
    case $out in "Usage: kiln $verb"*) ;; *) fail "help $verb: $out" ;; esac
done
run 0 --version
case $out in "kiln "[0-9]*) ;; *) fail "version: $out" ;; esac

# wrong usage is 2, and says where to read
run 2; says "which verb?"
run 2 frob; says "unknown verb 'frob'"
run 2 image; says "needs a second word"
run 2 ls nonsense; says "is none of instances|images"
run 2 import disk.raw; says "needs --name NAME (see 'kiln help import')"
run 2 launch base --count 0; says "--count takes a number"
run 2 launch base --disk /dev/sdf; says "DEVICE:SIZE"

# no credentials: what to do
run 1 ls; says "'$KILN_HOME/credentials' does not exist: kilnd writes it at its first start"
run 1 env; says "Start kilnd"

# nobody there is 3
write_credentials http://127.0.0.1:1
run 3 ls; says "kilnd does not answer at http://127.0.0.1:1"; says "is it running?"
run 3 wait i-0123456789abcdef0 running
run 2 ls --endpoint ftp://x --json; says "is not an endpoint"

# a file of somebody else (root reads everything, so the test needs a user who is not root)
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
chmod 755 "$tmp" "$KILN_HOME"
if [ "$(id -u)" = 0 ] && as_nobody "$KILN" --version >/dev/null 2>&1; then
    chmod 640 "$KILN_HOME/credentials"
    set +e
    as_nobody "$KILN" ls 2>"$tmp/err"
    is 1 $? "status of the unprivileged"
    set -e
    err=$(cat "$tmp/err"); says "use sudo, or join the group with 'sudo adduser"
fi

# kiln env survives a shell, and ignores another Kiln's environment
(
    export KILN_ENDPOINT=http://other AWS_ACCESS_KEY_ID=other AWS_SECRET_ACCESS_KEY=other
    eval "$("$KILN" env)"
    is http://127.0.0.1:1 "$KILN_ENDPOINT" endpoint
    is http://127.0.0.1:1 "$AWS_ENDPOINT_URL" "aws endpoint"
    is AKIATEST "$AWS_ACCESS_KEY_ID" key
    is "it's \$ecret" "$AWS_SECRET_ACCESS_KEY" secret
    is us-east-1 "$AWS_DEFAULT_REGION" region
    is "$tmp/home" "$KILN_HOME" home
)
run 0 env --json
is us-east-1 "$(field .env.region)" "region of the document"

# output that cannot be written is a failure
if [ -w /dev/full ]; then
    set +e
    "$KILN" env >/dev/full 2>/dev/null
    is 1 $? "status with a full disk"
    set -e
fi
