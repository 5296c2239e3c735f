/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An instance that has everything, made from its number: for tests and the test server. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "imds.h"

struct sample {
    struct imds_instance x;
    char id[24], ip[16], hostname[64], mac[18];
};

#define SAMPLE_KEY  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 made-by-hand"
#define SAMPLE_DATA "#!/bin/sh\necho hello\n"

static const struct imds_disk sample_disks[] = {
    { "/dev/sda1", NULL, true },
    { "/dev/sdb", NULL, false },
    { "/dev/sdc", "ephemeral0", false },
    { "/dev/sdf", NULL, false },
};
static const struct imds_group sample_groups[] = { { "sg-0123456789abcdef0", "default" },
                                                   { "sg-0123456789abcdef1", "web servers" } };
static const struct imds_tag sample_tags[] = {
    { "Name", "build <1>" }, { "has blank", "hidden" }, { "a/b", "hidden" },
    { "empty", "" },         { "k:x@y,z+-=._", "odd" },
};

/* ip: of the caller; the other names follow from it. */
static inline void sample_fill(struct sample *s, const char *ip)
{
    unsigned a = 0, b = 0, c = 0, d = 0;

    if (sscanf(ip, "%3u.%3u.%3u.%3u", &a, &b, &c, &d) != 4)
        a = b = c = d = 0;
    (void)snprintf(s->ip, sizeof s->ip, "%u.%u.%u.%u", a & 255, b & 255, c & 255, d & 255);
    (void)snprintf(s->id, sizeof s->id, "i-000000000%02x%02x%02x%02x", a & 255, b & 255, c & 255,
                   d & 255);
    (void)snprintf(s->hostname, sizeof s->hostname, "ip-%u-%u-%u-%u.ec2.internal", a & 255, b & 255,
                   c & 255, d & 255);
    (void)snprintf(s->mac, sizeof s->mac, "02:00:%02x:%02x:%02x:%02x", a & 255, b & 255, c & 255,
                   d & 255);
    s->x = (struct imds_instance){
        .id = s->id,
        .type = "m5.large",
        .image_id = "ami-0123456789abcdef0",
        .reservation_id = "r-0123456789abcdef0",
        .account = "123456789012",
        .launch_index = 0,
        .generation = 1,
        .launched_ms = 1767323045678, /* 2026-01-02T03:04:05.678Z */
        .region = "us-east-1",
        .zone = "us-east-1a",
        .zone_id = "use1-az1",
        .architecture = "x86_64",
        .mac = s->mac,
        .interface_id = "eni-0123456789abcdef0",
        .private_ip = s->ip,
        .public_ip = "203.0.113.7",
        .local_hostname = s->hostname,
        .public_hostname = "ec2-203-0-113-7.compute-1.amazonaws.com",
        .vpc_id = "vpc-0123456789abcdef0",
        .vpc_cidr = "172.31.0.0/16",
        .subnet_id = "subnet-0123456789abcdef0",
        .subnet_cidr = "172.31.0.0/20",
        .key_name = "my-key",
        .public_key = SAMPLE_KEY,
        .user_data = SAMPLE_DATA,
        .user_data_bytes = sizeof SAMPLE_DATA - 1,
        .groups = sample_groups,
        .n_groups = ARRAY_LEN(sample_groups),
        .disks = sample_disks,
        .n_disks = ARRAY_LEN(sample_disks),
        .tags = sample_tags,
        .n_tags = ARRAY_LEN(sample_tags),
        .hop_limit = 1,
    };
}
