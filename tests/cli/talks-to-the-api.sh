#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# kiln against the API over a real model: requests, documents, tables, names, waiting.
. "$(dirname "$0")/lib.sh"
requires jq --version
start_api

run 0 status
case $out in "kilnd answers at $endpoint, region us-east-1"*) ;; *) fail "status: $out" ;; esac
run 0 ls --json
is '{"instances":[]}' "$(field tojson)" "no instances"

# import: the format is guessed and named, the path is whole and percent-encoded
truncate -s 1M "$tmp/my disk.raw"
cd "$tmp"
run 0 import "my disk.raw" --name base --platform windows --no-wait --json
task=$(field .import.id) ami=$(field .import.image)
is RAW "$(field .import.format)" format
is "$tmp/my disk.raw" "$(field .import.url)" url
is Windows "$(field .import.platform)" platform
grep -q "^import $task\$" "$tmp/api/jobs.log" || fail "no job was made"

# EC2's code and sentence
run 1 import "my disk.raw" --name base --no-wait
says "kiln: InvalidAMIName.Duplicate: AMI name base is already in use by AMI $ami"

# names, beginnings of ids, ids
run 0 show base --json
is "$ami" "$(field .image.id)" "image by name"
run 0 show "$(printf %s "$ami" | cut -c -12)" --json
is base "$(field .image.name)" "image by the beginning of its id"
run 0 ls images --ids
is "$ami" "$out" ids
run 0 ls imports
case $out in ID*NAME*STATE*"$task base"*) ;; *) fail "table: $out" ;; esac
run 1 show nothing; says "no resource has the id or the name 'nothing'"
run 1 show ami-0123456789abcdef0; says "InvalidAMIID.NotFound"
run 1 launch base; says "InvalidAMIID.Unavailable"

# tags
run 0 tag base owner=me stage=test
run 0 tag base stage --remove
run 0 show base --json
is '{"Name":"base","owner":"me"}' "$(field '.image.tags | tojson')" tags
run 2 tag base nonsense; says "is not KEY=VALUE"

# waiting: reached, too late, impossible, no such state
run 0 wait base pending
run 1 wait base available --timeout 1; says "is still 'pending' after 1 s"
run 2 wait base flying; says "is no state of image"
run 1 wait vol-0123456789abcdef0 available; says "InvalidVolume.NotFound"
run 0 wait vol-0123456789abcdef0 gone

# ambiguous names list what they fit
one=$("$KILN" volume create --size 1 --name twin) two=$("$KILN" volume create --size 2 --name twin)
run 1 show twin
says "'twin' fits 2 volumes:"; says "$one"; says "$two"
run 0 show "$two" --json
is 2 "$(field .volume.size_gib)" size
is creating "$(field .volume.state)" state
run 2 volume create; says "needs --size or --snapshot"

# ^C ends the waiting alone
set +e
timeout -s INT 1 "$KILN" import "my disk.raw" --name other 2>"$tmp/err"
set -e
err=$(cat "$tmp/err"); says "the import goes on; 'kiln show import-ami-"
run 0 show other --json

# instances: groups, user data, addresses, what the guest says, its screen
tell "imported $ami"
printf 'hello \000 guest\n' >"$tmp/user data"
id=$("$KILN" launch base --name web --security-group default --user-data "$tmp/user data")
tell "running $id"
run 0 show web --json
ip=$(field .instance.private_ip)
is "[\"default\",\"\"]" "$(field '.instance | [.security_groups[0].name, .guest] | tojson')" \
    "group, and a guest that has said nothing"
if command -v curl >/dev/null; then
    curl -sS --aws-sigv4 aws:amz:us-east-1:ec2 --user "$key:$secret" "$endpoint" -d \
        "Action=DescribeInstanceAttribute&Version=2016-11-15&InstanceId=$id&Attribute=userData" \
        >"$tmp/userdata.xml"
    grep -q "<value>$(base64 -w 0 "$tmp/user data")</value>" "$tmp/userdata.xml" ||
        fail "user data: $(cat "$tmp/userdata.xml")"
fi
run 0 ls
case $out in *" IP "*"GUEST"*"$id web"*" $ip "*) ;; *) fail "table: $out" ;; esac
run 1 launch base --security-group sg-0123456789abcdef0; says "InvalidGroup.NotFound"
run 1 launch base --user-data "$tmp/none"; says "user data: open '$tmp/none'"
truncate -s 20K "$tmp/big"
run 1 launch base --user-data "$tmp/big"; says "$tmp/big"
run 1 password web -i "$KILN_HOME/credentials" --wait
says "no password of '$id': the instance was launched without a key pair"
run 0 screenshot web "$tmp/screen.jpg"
is ffd8ff "$(od -An -tx1 "$tmp/screen.jpg" | tr -d ' ')" picture
is ffd8ff "$("$KILN" screenshot web - | od -An -tx1 | tr -d ' ')" "picture on standard output"

# a wrong secret, and an endpoint that is none
write_credentials "$endpoint" "$key" wrong
run 1 ls; says "AuthFailure"
