#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The AWS CLI asks, is refused, and reads what it gets. What botocore parses is boto3-client.py's.
. "$(dirname "$0")/lib.sh"
requires "${AWS:-aws}" --version
start_api
cd "$tmp"

# Rule 1: one address for all regions.
is apse2-az3 "$(ec2 --region ap-southeast-2 describe-availability-zones \
    --zone-names ap-southeast-2c --query 'AvailabilityZones[].ZoneId')" zone
# Types, by pages that the client asks for by itself.
is 8 "$(ec2 describe-instance-types --filters 'Name=instance-type,Values=m5d.*' --page-size 5 \
    --query 'InstanceTypes[].InstanceType' | wc -w)" "types over two pages"
# Rule 10: an action that is not there.
refused InvalidAction ec2 describe-vpn-gateways
AWS_SECRET_ACCESS_KEY=wrong refused AuthFailure ec2 describe-regions
case $said in *"secret access key"*) ;; *) fail "no reason: $said" ;; esac

# Rule 12: PKCS#1.
umask 077
ec2 create-key-pair --key-name made --query KeyMaterial >made.pem
is '-----BEGIN RSA PRIVATE KEY-----' "$(head -n 1 made.pem)" "first line"
openssl rsa -in made.pem -check -noout >/dev/null 2>&1 || fail "openssl cannot read the key"
refused DryRunOperation ec2 create-key-pair --key-name dry --dry-run

id=$(ec2 describe-key-pairs --key-names made --query 'KeyPairs[].KeyPairId')
ec2 create-tags --resources "$id" --tags 'Key=Name,Value=a <b> ü' Key=empty,Value=
is 'a <b> ü' "$(ec2 describe-tags --filters Name=key,Values=Name --query 'Tags[].Value')" tag

# What is listed, noted, and set for a region.
is us-east-1c "$(ec2 describe-instance-type-offerings --location-type availability-zone --filters \
    Name=instance-type,Values=t3.micro Name=location,Values=us-east-1c \
    --query 'InstanceTypeOfferings[].Location')" offering
is True "$(ec2 enable-ebs-encryption-by-default --query EbsEncryptionByDefault)" 'encryption on'
is False "$(ec2 --region eu-west-1 get-ebs-encryption-by-default \
    --query EbsEncryptionByDefault)" 'encryption elsewhere'
is True "$(ec2 create-volume --availability-zone us-east-1a --size 1 --query Encrypted)" encrypted
ec2 disable-ebs-encryption-by-default >said
is insufficient-data "$(ec2 describe-volume-status \
    --query 'VolumeStatuses[].VolumeStatus.Status')" 'status of a volume that is being made'
