/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The instance metadata service: HTTP at 169.254.169.254, as EC2's. Runs in the daemon's loop and
 * never blocks it. Knows base only: who an instance is, is asked of the owner at each request.
 *
 * Who asks is never taken from what is asked. On a VPC's socket it is the source address, which the
 * network makes true (no guest can send with another's address); on an instance's own socket it is
 * the socket. */
#pragma once

#include <systemd/sd-event.h>

#include "err.h"

struct imds;

/* One disk of the block device mapping. */
struct imds_disk {
    const char *device;    /* "/dev/sda1" */
    const char *ephemeral; /* "ephemeral0"; NULL: an EBS volume */
    bool root;
};

struct imds_group {
    const char *id, *name;
};

struct imds_tag {
    const char *key, *value;
};

/* What an instance may know of itself. All strings are borrowed; NULL or "" is "has none": the item
 * is then neither listed nor found. Only id and region must be there, and on a VPC's socket vpc_id
 * and private_ip: they are compared with where the question came from. */
struct imds_instance {
    const char *id, *type, *image_id, *reservation_id, *account;
    uint32_t launch_index;
    uint64_t generation;  /* another one at each start (launched_ms): tokens die at stop */
    uint64_t launched_ms; /* "pendingTime", and the Last-Modified of every item */
    const char *region, *zone, *zone_id;
    const char *architecture; /* "x86_64" */
    bool windows;             /* carries the billing product of Windows images */
    bool monitoring;          /* detailed monitoring is on */
    const char *mac, *interface_id, *private_ip, *public_ip;
    const char *local_hostname, *public_hostname;
    const char *vpc_id, *vpc_cidr, *subnet_id, *subnet_cidr;
    const char *key_name, *public_key; /* the name, and the OpenSSH line */
    const void *user_data;             /* plain bytes */
    size_t user_data_bytes;            /* 0: none */
    const struct imds_group *groups;
    size_t n_groups;
    const struct imds_disk *disks; /* in the order of the mapping */
    size_t n_disks;
    const struct imds_tag *tags; /* shown only if tags_shown */
    size_t n_tags;
    /* MetadataOptions */
    bool endpoint_disabled; /* HttpEndpoint = disabled: every answer is 403 */
    bool tokens_required;   /* HttpTokens = required */
    bool tags_shown;        /* InstanceMetadataTags = enabled */
    uint8_t hop_limit;      /* HttpPutResponseHopLimit, 1 to 64; 0 counts as 1 */
};

/* Who asks: vpc_id and address, or instance_id; the others are NULL. */
struct imds_caller {
    const char *vpc_id, *address;
    const char *instance_id;
};

/* Fills *ret (zeroed before). What its strings point to must live until the next call or
 * imds_close. ERR_NOT_FOUND: nobody we know, answered 404; any other failure is logged and
 * answered 500. Called inside the loop, for each request. */
typedef int (*imds_find_fn)(const struct imds_caller *who, struct imds_instance *ret,
                            void *userdata, struct err *e);

struct imds_spec {
    sd_event *loop;
    imds_find_fn find;
    void *userdata;
    const char *key_dir;       /* holds the signing key (0600) and its certificate, made at need */
    unsigned requests_per_s;   /* of one instance, above it 503; 0: 1000 */
    unsigned burst;            /* 0: as many as a second has */
    unsigned connections_most; /* of all instances; 0: 4096 or half of what the process may open */
};

int imds_open(const struct imds_spec *spec, struct imds **ret, struct err *e);
void imds_close(struct imds *s);
DEFINE_FREEP(imds_close, struct imds);

/* Serves a listening TCP socket inside a VPC. Owns fd from its success on. ERR_EXISTS when that VPC
 * is served already. */
int imds_serve(struct imds *s, int fd, const char *vpc_id, struct err *e);
/* Serves a listening unix socket whose clients are all this instance (kiln-imds-relay behind QEMU's
 * user network). A hop limit cannot be kept there. */
int imds_serve_instance(struct imds *s, int fd, const char *instance_id, struct err *e);
/* Closes the listening socket and its connections; an unknown id is fine. */
void imds_unserve(struct imds *s, const char *vpc_id);
void imds_unserve_instance(struct imds *s, const char *instance_id);

/* PEM file with which guests' owners verify identity documents. */
const char *imds_certificate_path(const struct imds *s);
