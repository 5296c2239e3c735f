# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by shell tests: strict mode, a directory of their own in $tmp, skips, exit hooks.
# A test ends with status 0 (ok), 77 (skipped) or anything else (failed).
set -eu

hooks=
tmp=$(mktemp -d "${TMPDIR:-/tmp}/kiln-test.XXXXXX")

run_hooks() {
    status=$?
    trap - EXIT INT TERM
    set +e
    for hook in $hooks; do
        "$hook"
    done
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        for log in "$tmp"/*/server.log; do
            [ -s "$log" ] && sed "s|^|$log: |" "$log" >&2
        done
    fi
    rm -rf "$tmp"
    exit "$status"
}
trap run_hooks EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# on_exit NAME: a function to be called at the end, last one first.
on_exit() {
    hooks="$1 $hooks"
}

fail() {
    printf 'FAIL: %s\n' "$*" >&2
    exit 1
}

# requires COMMAND ...: skips loudly when it does not run.
requires() {
    "$@" > /dev/null 2>&1 || {
        printf 'SKIP: %s does not work here\n' "$*" >&2
        exit 77
    }
}

# is WANTED GOT WHAT
is() {
    [ "$1" = "$2" ] || fail "$3: wanted '$1', got '$2'"
}
