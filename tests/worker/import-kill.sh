#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Killed at many moments: the snapshot is absent or whole, no child stays, the same id works next.
. "$(dirname "$0")/lib.sh"
requires qemu-img qemu-nbd jq timeout
new_store

head -c 48M /dev/urandom >disk
truncate -s 1G disk
killed=0
for ms in 005 010 020 030 040 060 080 100 120 150 180 210 240 280 320 360 400; do
    if timeout -s KILL "0.$ms" "$KILN_WORKER" import --store store --snapshot s \
        --format raw --source disk >out 2>err; then
        break # faster than this
    fi
    killed=$((killed + 1))
    if "$STORETOOL" list store | grep -qx s; then
        same s raw disk # it died after its commit
        break
    fi
done
[ $killed -gt 2 ] || fail "was killed $killed times only"
"$STORETOOL" list store | grep -qx s || import s raw disk || fail "after $killed kills"
same s raw disk
# Nobody serves that disk any more: the children died with their parents.
for p in /proc/[0-9]*; do
    case $({ tr "\0" " " <"$p/cmdline"; } 2>/dev/null) in
    qemu-nbd*) [ "$(readlink "$p/cwd")" != "$T" ] || fail "left: $p" ;;
    esac
done

nothing_left

# SIGTERM is a wish to stop.
mkfifo lines
"$KILN_WORKER" import --store store --snapshot stopped --format raw --source disk \
    >lines 2>err &
pid=$!
{
    read -r first # the first line of progress: it is at work
    kill -TERM $pid
    cat
} <lines >out
[ -n "$first" ] || fail "no progress"
if wait $pid; then
    [ "$(tail -n 1 out | jq -r .result.snapshot)" = stopped ] || fail "neither stopped nor done"
else
    [ "$(tail -n 1 out | jq -r '.error | "\(.kind) \(.no) \(.msg)"')" = 'other 125 cancelled' ] ||
        fail "cancelled, but told otherwise"
    "$STORETOOL" list store | grep -qx stopped && fail "cancelled, but visible"
fi
nothing_left

# What the dead left is swept.
worker gc --store store || fail gc
[ "$(result busy)" = false ] || fail "gc is busy"
worker check --store store || fail check
[ "$(result problems)" = 0 ] || fail "problems"
