#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Identity documents, verified as EC2's users do it: with openssl and the certificate.
# shellcheck disable=SC1091
. "$(dirname "$0")/../lib/functions.sh"
requires curl --version
requires openssl version
requires python3 --version

server=
stop_server() {
    [ -z "$server" ] || kill "$server"
}
on_exit stop_server

# start NAME: its key directory and fifos lie in $tmp/NAME; sets $url
start() {
    mkdir -p "$tmp/$1"
    mkfifo "$tmp/$1/out" "$tmp/$1/in"
    "$IMDS_SERVER" "$tmp/$1" --tcp 127.0.0.1 0 --windows < "$tmp/$1/in" > "$tmp/$1/out" &
    server=$!
    exec 8> "$tmp/$1/in" 9< "$tmp/$1/out"
    read -r word port _ <&9
    is ready "$word" "the server's first word"
    url=http://127.0.0.1:$port/latest/dynamic/instance-identity
}

fetch() {
    curl -sSf --noproxy '*' -o "$tmp/$1" "$url/$1"
}

start one
cert=$tmp/one/imds-cert.pem
for item in document signature pkcs7 rsa2048; do
    fetch "$item"
done
cd "$tmp"

python3 - << 'PY'
import json
d = json.load(open('document'))
assert list(d) == '''accountId architecture availabilityZone billingProducts
    devpayProductCodes marketplaceProductCodes imageId instanceId instanceType kernelId pendingTime
    privateIp ramdiskId region version'''.split(), list(d)
assert d['instanceId'] == 'i-0000000007f000001' and d['billingProducts'] == ['bp-6ba54002'], d
PY

openssl x509 -in "$cert" -pubkey -noout > key.pub
base64 -d signature > signature.bin
openssl dgst -sha256 -verify key.pub -signature signature.bin document > /dev/null ||
    fail "the signature"
sed 's/i-0/i-1/' document > forged
openssl dgst -sha256 -verify key.pub -signature signature.bin forged > /dev/null 2>&1 &&
    fail "the signature fits a forged document"

# verify FORM CERT [DOCUMENT]: the signed text to $tmp/text
verify() {
    {
        echo "-----BEGIN PKCS7-----"
        cat "$1"
        echo
        echo "-----END PKCS7-----"
    } > "$1.pem"
    openssl smime -verify -in "$1.pem" -inform PEM ${3:+-content "$3"} -certfile "$2" -noverify \
        > text 2> openssl.log
}
for form in pkcs7 rsa2048; do
    verify "$form" "$cert" document || fail "$form: $(cat openssl.log)"
    verify "$form" "$cert" || fail "$form without the document: $(cat openssl.log)"
    cmp -s text document || fail "$form does not carry the document"
    verify "$form" "$cert" forged && fail "$form fits a forged document"
    openssl cms -verify -binary -in "$form.pem" -inform PEM -certfile "$cert" -CAfile "$cert" \
        -purpose any > text 2> openssl.log || fail "$form as CMS: $(cat openssl.log)"
    cmp -s text document || fail "$form as CMS does not carry the document"
done

# The same key after a restart; another installation has another one.
kill "$server"
wait "$server" || fail "the server ended with $?"
rm one/in one/out
start one
cp signature signature.before
fetch signature
cmp -s signature signature.before || fail "another key after a restart"
kill "$server"
wait "$server" || fail "the server ended with $?"
start two
fetch rsa2048
verify rsa2048 "$cert" && fail "a document of another installation verifies"
verify rsa2048 "$tmp/two/imds-cert.pem" || fail "its own does not"
