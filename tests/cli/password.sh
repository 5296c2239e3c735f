#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Passwords that openssl encrypts, for keys that openssl made.
. "$(dirname "$0")/lib.sh"
requires openssl version
requires python3 --version
requires jq --version

id=i-0123456789abcdef0
mkdir "$tmp/guest"
mkfifo "$tmp/said"
python3 "$(dirname "$0")/fake-api.py" "$tmp/guest" >"$tmp/said" &
server=$!
kill_server() { kill "$server" 2>/dev/null || true; }
on_exit kill_server
exec 7<"$tmp/said"
read -r endpoint <&7
cat <&7 >"$tmp/asked" &
write_credentials "$endpoint"

openssl genrsa -traditional -out "$tmp/mine.pem" 2048 2>/dev/null
openssl pkcs8 -topk8 -nocrypt -in "$tmp/mine.pem" -out "$tmp/mine.pk8"
openssl rsa -in "$tmp/mine.pem" -pubout -out "$tmp/mine.pub" 2>/dev/null
openssl genrsa -out "$tmp/other.pem" 2048 2>/dev/null
head -n 1 "$tmp/mine.pem" | grep -q 'BEGIN RSA PRIVATE KEY' || fail "the key is no PKCS #1"

# the guest's part: says TEXT
guest_says() {
    printf %s "$1" | openssl pkeyutl -encrypt -pubin -inkey "$tmp/mine.pub" |
        base64 -w 0 >"$tmp/guest/new"
    mv "$tmp/guest/new" "$tmp/guest/password"
}

# none yet: the reason, and 1
run 1 password "$id" -i "$tmp/mine.pem"
says "no password of '$id': the guest has not printed one yet"
run 2 password "$id"; says "needs -i FILE"
run 1 password "$id" -i "$tmp/none"; says "open '$tmp/none'"
run 1 password "$id" -i "$tmp/mine.pem" --wait --timeout 1; says "after 1 s: the guest has not"

# nothing can come from a guest that is down: no waiting
echo stopped >"$tmp/guest/state"
run 1 password "$id" -i "$tmp/mine.pem" --wait; says "no password of '$id'"
rm "$tmp/guest/state"

# --wait sees it come
asked() { grep -c GetPasswordData "$tmp/asked"; }
before=$(asked)
"$KILN" password "$id" -i "$tmp/mine.pem" --wait >"$tmp/out" &
waiting=$!
while [ "$(asked)" = "$before" ]; do kill -0 "$waiting" || fail "it did not wait"; done
guest_says 'it'"'"'s $ecret & <new>'
wait "$waiting"
is 'it'"'"'s $ecret & <new>' "$(cat "$tmp/out")" "the password that came"

# both forms of the key; alone on standard output, or in a document
is 'it'"'"'s $ecret & <new>' "$("$KILN" password "$id" -i "$tmp/mine.pk8")" "with PKCS #8"
run 0 password "$id" -i "$tmp/mine.pem" --json
is 'it'"'"'s $ecret & <new>' "$(field .password.password)" "in the document"

# keys that do not fit
run 1 password "$id" -i "$tmp/other.pem"
says "encrypted for another key; '$id' was launched with the key pair 'mine'"
run 1 password "$id" -i "$tmp/mine.pub"; says "this is a public key"
run 1 password "$id" -i "$0"; says "this is no private key in PEM"
