#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What "make install" lays down is whole: it runs from its own places, and systemd takes its units.
. "$(dirname "$0")/../lib/functions.sh"
requires systemd-analyze --version

BUILD=${KILN_BUILD:?} PREFIX=${PREFIX:?}
chmod 0755 "$tmp" # the user of the children must get in
root=$tmp/root
DESTDIR=$root meson install -C "$BUILD" --no-rebuild --quiet
there=$root$PREFIX

for f in sbin/kilnd bin/kiln libexec/kiln/kiln-worker libexec/kiln/kiln-volume.so \
    libexec/kiln/kiln-serial libexec/kiln/kiln-freeze libexec/kiln/kiln-imds-relay \
    share/man/man1/kiln.1 share/man/man8/kilnd.8 share/bash-completion/completions/kiln.bash \
    lib/systemd/system/kilnd.service lib/systemd/system/kiln-guests.service \
    lib/sysusers.d/kiln.conf; do
    [ -s "$there/$f" ] || fail "$f is not installed"
done

# It finds its own helpers, and a client of the same place finds it.
stop() {
    "$there/sbin/kilnd" --home "$tmp/home" --stop
}
on_exit stop
mkfifo "$tmp/log"
"$there/sbin/kilnd" --home "$tmp/home" --listen 127.0.0.1:0 --network isolated 2>"$tmp/log" &
grep -q 'ready on http' "$tmp/log" || fail "kilnd does not start"
cat "$tmp/log" >"$tmp/rest" &
truncate -s 1M "$tmp/disk.raw"
"$there/bin/kiln" --home "$tmp/home" import "$tmp/disk.raw" --name base >"$tmp/ami" ||
    fail "an import by the installed worker fails: $(cat "$tmp/rest")"
case $(cat "$tmp/ami") in ami-*) ;; *) fail "no image: $(cat "$tmp/ami")" ;; esac

# The units: known settings only, and the program where they say. Nothing is run.
cp -R "$there/lib/systemd/system" "$tmp/units"
sed -i "s|$PREFIX/sbin|$there/sbin|" "$tmp/units"/*.service
SYSTEMD_UNIT_PATH=$tmp/units: systemd-analyze verify --man=no "$tmp/units"/*.service \
    >"$tmp/verify" 2>&1 || fail "systemd: $(cat "$tmp/verify")"
grep -q 'kiln' "$tmp/verify" && fail "systemd: $(cat "$tmp/verify")"
systemd-sysusers --root="$root" --dry-run "$there/lib/sysusers.d/kiln.conf" >"$tmp/users" 2>&1 ||
    fail "sysusers: $(cat "$tmp/users")"
exit 0
