/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EC2's rules as pure functions and tables: no database, no clock. Failures are ERR_INVALID (or
 * ERR_NOT_FOUND for a snapshot that is named and unknown); the errno says which of EC2's codes:
 *     EINVAL   InvalidParameterValue        ENODATA  MissingParameter
 *     EDOM     InvalidBlockDeviceMapping    ENOTSUP  InvalidParameterCombination
 *     EBADMSG  InvalidRequest               ENOENT   InvalidSnapshot.NotFound
 *     EILSEQ   InvalidAMIName.Malformed */
#pragma once

#include "model.h"

/* ---- instance types -------------------------------------------------------------------------- */

struct instance_type {
    const char *name;
    unsigned vcpus;
    uint64_t memory_mib;
    unsigned store_disks;    /* instance-store disks */
    uint64_t store_disk_gib; /* size of each */
    bool store_nvme;         /* attached without a mapping entry, as on Nitro */
    bool encryption;         /* ebsInfo.encryptionSupport */
    bool burstable, current_generation, free_tier;
    bool nitro; /* hypervisor nitro, ENA required, NVMe EBS */
};
const struct instance_type *instance_type_find(const char *name); /* NULL: unknown */
const struct instance_type *instance_type_at(size_t i); /* NULL: past the end; sorted by name */

/* ---- names and limits (each: 0, or ERR_INVALID with EC2's sentence) -------------------------- */

int rules_image_name(const char *name, struct err *e);
int rules_description(const char *text, struct err *e); /* 255 characters */
int rules_key_name(const char *name, struct err *e);
int rules_tag(const char *key, const char *value, struct err *e);
bool rules_tag_is_reserved(const char *key); /* "aws:" in any case */
int rules_device_name(const char *device, struct err *e);
/* Size (after defaults), IOPS and throughput against the volume type; fills in defaults ("" becomes
 * gp2, gp3: 3000/125). */
int rules_volume(char type[16], uint64_t size_gib, uint32_t *iops, uint32_t *throughput,
                 struct err *e);
/* 0…23 from "ephemeralN", or -EINVAL */
int rules_ephemeral_number(const char *virtual_name);

/* ---- block device mappings ------------------------------------------------------------------- */

/* Size in GiB of a snapshot, or 0 when it is unknown. */
typedef uint64_t (*rules_snapshot_size_fn)(const char *snapshot_id, bool *ret_encrypted,
                                           void *userdata);

/* RunInstances: the image's mapping, then the request's entries by device (ec2-api.md section 8).
 * Every EBS entry of the result has size, type, delete_on_termination, encrypted. Instance store
 * entries for which the type has no disk are left out, as EC2 does. *ret is fresh: caller frees. */
int rules_mapping_launch(const struct mapping_list *image, const char *root_device,
                         const struct mapping_list *request, const struct instance_type *type,
                         rules_snapshot_size_fn size_of, void *userdata, struct mapping_list *ret,
                         struct err *e);
/* CreateImage: the instance's mapping now (EBS entries with size of the volume; ephemeral entries),
 * then the request's edits (ec2-api.md section 7). Entries of *ret with has_ebs and an empty
 * snapshot_id that were in the instance's mapping need a snapshot: *ret_needs_snapshot[i] is true
 * for them (heap array of ret->n; caller frees). */
int rules_mapping_image(const struct mapping_list *instance, const char *root_device,
                        const struct mapping_list *request, rules_snapshot_size_fn size_of,
                        void *userdata, struct mapping_list *ret, bool **ret_needs_snapshot,
                        struct err *e);

/* ---- addresses, security groups ---------------------------------------------------------------
 */

int rules_ipv4(const char *text, uint32_t *ret); /* host order; 0 or -EINVAL */
void rules_ipv4_text(uint32_t ip, char ret[16]);
/* First address and number of addresses of an IPv4 block; 0 or -EINVAL. */
int rules_ipv4_block(const char *cidr, uint32_t *ret_first, uint64_t *ret_n);
/* An IPv4 or IPv6 block (a mere address is a block of one) with its host bits cleared, as EC2
 * does. */
int rules_cidr(const char *text, bool ipv6, char ret[MODEL_CIDR_MAX], struct err *e);
/* "ip-172-31-0-10.ec2.internal"; of other regions than us-east-1
 * "ip-172-31-0-10.eu-west-1.compute.internal". "" when there is no address. */
#define RULES_HOST_MAX 80
/* Their domain: "ec2.internal", "eu-west-1.compute.internal". */
void rules_private_domain(const char *region, char ret[RULES_HOST_MAX]);
void rules_private_dns(const char *private_ip, const char *region, char ret[RULES_HOST_MAX]);
int rules_group_name(const char *name, struct err *e);
int rules_group_description(const char *text, struct err *e);
/* Protocol and ports of a rule as they are kept: names for numbers, -1 where there are no ports. */
int rules_permission(struct rule_rec *rule, struct err *e);
