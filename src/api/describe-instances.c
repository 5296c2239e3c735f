/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include <string.h>

#include "place.h"
#include "put.h"

/* ---- filters --------------------------------------------------------------------------------- */

struct row {
    const struct instance_rec *rec;
    const struct attachment_rec *at;
    size_t n_at;
    const struct interface_rec *nic; /* NULL: terminated */
    const struct public_view *shown; /* NULL: no public address */
    const struct group_rec *groups;
    size_t n_groups;
    char tpm[16];
};

#define REC(record) (((const struct row *)(record))->rec)

#define TEXT_FILTER(fn, field)                                                                     \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        if (REC(record)->field[0])                                                                 \
            filter_offer(f, REC(record)->field);                                                   \
    }                                                                                              \
    _Static_assert(1, "semicolon")

TEXT_FILTER(by_architecture, architecture);
TEXT_FILTER(by_zone, zone);
TEXT_FILTER(by_boot_mode, boot_mode);
TEXT_FILTER(by_client_token, client_token);
TEXT_FILTER(by_image, image_id);
TEXT_FILTER(by_id, id);
TEXT_FILTER(by_type, type);
TEXT_FILTER(by_ip, private_ip);
TEXT_FILTER(by_key, key_name);
TEXT_FILTER(by_owner, owner);
TEXT_FILTER(by_platform, platform);
TEXT_FILTER(by_platform_details, platform_details);
TEXT_FILTER(by_usage, usage_operation);
TEXT_FILTER(by_reason, transition_reason);
TEXT_FILTER(by_reservation, reservation_id);
TEXT_FILTER(by_root_device, root_device_name);
TEXT_FILTER(by_state_reason_code, state_reason_code);
TEXT_FILTER(by_state_reason, state_reason);

#define WORD_FILTER(fn, word)                                                                      \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        (void)record;                                                                              \
        filter_offer(f, word);                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")

WORD_FILTER(by_root_type, "ebs");
WORD_FILTER(by_virtualization, "hvm");
WORD_FILTER(by_hypervisor, "xen");
WORD_FILTER(by_tenancy, "default");
WORD_FILTER(by_false, "false");
WORD_FILTER(by_true, "true");
WORD_FILTER(by_auto_recovery, "default");
WORD_FILTER(by_disabled, "disabled");
WORD_FILTER(by_applied, "applied");

static void by_tpm(const void *record, struct filter_match *f)
{
    const struct row *row = record;

    if (row->tpm[0])
        filter_offer(f, row->tpm);
}

static void by_boot_mode_now(const void *record, struct filter_match *f)
{
    filter_offer(f, str_starts(REC(record)->boot_mode, "uefi") ? "uefi" : "legacy-bios");
}

static void by_ebs_optimized(const void *record, struct filter_match *f)
{
    filter_offer_bool(f, REC(record)->ebs_optimized);
}

static void by_ena(const void *record, struct filter_match *f)
{
    filter_offer_bool(f, REC(record)->ena_support);
}

static void by_state_code(const void *record, struct filter_match *f)
{
    filter_offer_uint(f, REC(record)->state);
}

static void by_state(const void *record, struct filter_match *f)
{
    filter_offer(f, model_instance_state_name(REC(record)->state));
}

static void by_launch_index(const void *record, struct filter_match *f)
{
    filter_offer_uint(f, REC(record)->launch_index);
}

static void by_launch_time(const void *record, struct filter_match *f)
{
    filter_offer_time(f, REC(record)->launched_ms);
}

static void by_monitoring(const void *record, struct filter_match *f)
{
    filter_offer(f, REC(record)->monitoring ? "enabled" : "disabled");
}

#define DISK_FILTER(fn, offer)                                                                     \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct row *row = record;                                                            \
                                                                                                   \
        for (size_t i = 0; i < row->n_at; i++) {                                                   \
            const struct attachment_rec *at = &row->at[i];                                         \
            offer;                                                                                 \
        }                                                                                          \
    }                                                                                              \
    _Static_assert(1, "semicolon")

DISK_FILTER(by_disk_time, filter_offer_time(f, at->attached_ms));
DISK_FILTER(by_disk_dot, filter_offer_bool(f, at->delete_on_termination));
DISK_FILTER(by_disk_device, filter_offer(f, at->device));
DISK_FILTER(by_disk_status, filter_offer(f, model_attach_state_name(at->state)));
DISK_FILTER(by_disk_volume, filter_offer(f, at->volume_id));

#define OPTION_FILTER(fn, offer)                                                                   \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct instance_rec *i = REC(record);                                                \
                                                                                                   \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")

OPTION_FILTER(by_http_endpoint, filter_offer(f, i->metadata_disabled ? "disabled" : "enabled"));
OPTION_FILTER(by_http_tokens,
              filter_offer(f, i->metadata_tokens_required ? "required" : "optional"));
OPTION_FILTER(by_metadata_tags, filter_offer(f, i->metadata_tags ? "enabled" : "disabled"));
OPTION_FILTER(by_hop_limit, filter_offer_uint(f, max_u64(i->metadata_hop_limit, 1)));

#define NIC_FILTER(fn, offer)                                                                      \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct interface_rec *nic = ((const struct row *)record)->nic;                       \
                                                                                                   \
        if (nic)                                                                                   \
            offer;                                                                                 \
    }                                                                                              \
    _Static_assert(1, "semicolon")

NIC_FILTER(by_nic_attach_time, filter_offer_time(f, nic->created_ms));
NIC_FILTER(by_nic_attached, filter_offer(f, "attached"));
NIC_FILTER(by_nic_attachment, filter_offer(f, nic->attachment_id));
NIC_FILTER(by_nic_description, filter_offer(f, nic->description));
NIC_FILTER(by_nic_dot, filter_offer_bool(f, nic->delete_on_termination));
NIC_FILTER(by_nic_false, filter_offer(f, "false"));
NIC_FILTER(by_nic_id, filter_offer(f, nic->id));
NIC_FILTER(by_nic_in_use, filter_offer(f, "in-use"));
NIC_FILTER(by_nic_instance, filter_offer(f, nic->instance_id));
NIC_FILTER(by_nic_ip, filter_offer(f, nic->private_ip));
NIC_FILTER(by_nic_mac, filter_offer(f, nic->mac));
NIC_FILTER(by_nic_owner, filter_offer(f, nic->owner));
NIC_FILTER(by_nic_true, filter_offer(f, "true"));
NIC_FILTER(by_nic_zero, filter_offer(f, "0"));
NIC_FILTER(by_nic_zone, filter_offer(f, nic->zone));
NIC_FILTER(by_subnet, filter_offer(f, nic->subnet_id));
NIC_FILTER(by_vpc, filter_offer(f, nic->vpc_id));

#define PUBLIC_FILTER(fn, field)                                                                   \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct public_view *shown = ((const struct row *)record)->shown;                     \
                                                                                                   \
        if (shown && shown->field[0])                                                              \
            filter_offer(f, shown->field);                                                         \
    }                                                                                              \
    _Static_assert(1, "semicolon")

PUBLIC_FILTER(by_public_ip, ip); /* which is the name as well */
PUBLIC_FILTER(by_allocation, allocation_id);
PUBLIC_FILTER(by_association, association_id);

static void by_public_owner(const void *record, struct filter_match *f)
{
    const struct row *row = record;

    if (row->shown)
        filter_offer(f, api_public_owner(row->nic, row->shown));
}

static void by_private_name(const void *record, struct filter_match *f)
{
    char name[RULES_HOST_MAX];

    rules_private_dns(REC(record)->private_ip, REC(record)->region, name);
    filter_offer(f, name[0] ? name : NULL);
}

static void by_group(const void *record, struct filter_match *f)
{
    const struct row *row = record;

    for (size_t i = 0; i < row->n_groups; i++)
        filter_offer(f, row->groups[i].id);
}

static void by_group_name(const void *record, struct filter_match *f)
{
    const struct row *row = record;

    for (size_t i = 0; i < row->n_groups; i++)
        filter_offer(f, row->groups[i].name);
}

/* Without a function: EC2 has the filter, nothing in Kiln has such a value. */
static const struct filter_def filters[] = {
    { "affinity", NULL },
    { "architecture", by_architecture },
    { "availability-zone", by_zone },
    { "availability-zone-id", NULL },
    { "block-device-mapping.attach-time", by_disk_time },
    { "block-device-mapping.delete-on-termination", by_disk_dot },
    { "block-device-mapping.device-name", by_disk_device },
    { "block-device-mapping.status", by_disk_status },
    { "block-device-mapping.volume-id", by_disk_volume },
    { "boot-mode", by_boot_mode },
    { "capacity-reservation-id", NULL },
    { "capacity-reservation-specification.capacity-reservation-preference", NULL },
    { "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
      NULL },
    { "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-"
      "resource-group-arn",
      NULL },
    { "client-token", by_client_token },
    { "current-instance-boot-mode", by_boot_mode_now },
    { "dns-name", by_public_ip },
    { "ebs-optimized", by_ebs_optimized },
    { "ena-support", by_ena },
    { "enclave-options.enabled", by_false },
    { "group-id", by_group },
    { "group-name", by_group_name },
    { "hibernation-options.configured", by_false },
    { "host-id", NULL },
    { "hypervisor", by_hypervisor },
    { "iam-instance-profile.arn", NULL },
    { "iam-instance-profile.id", NULL },
    { "iam-instance-profile.name", NULL },
    { "image-id", by_image },
    { "instance-id", by_id },
    { "instance-lifecycle", NULL },
    { "instance-state-code", by_state_code },
    { "instance-state-name", by_state },
    { "instance-type", by_type },
    { "instance.group-id", by_group },
    { "instance.group-name", by_group_name },
    { "ip-address", by_public_ip },
    { "ipv6-address", NULL },
    { "kernel-id", NULL },
    { "key-name", by_key },
    { "launch-index", by_launch_index },
    { "launch-time", by_launch_time },
    { "maintenance-options.auto-recovery", by_auto_recovery },
    { "metadata-options.http-endpoint", by_http_endpoint },
    { "metadata-options.http-protocol-ipv4", by_http_endpoint },
    { "metadata-options.http-protocol-ipv6", by_disabled },
    { "metadata-options.http-put-response-hop-limit", by_hop_limit },
    { "metadata-options.http-tokens", by_http_tokens },
    { "metadata-options.instance-metadata-tags", by_metadata_tags },
    { "metadata-options.state", by_applied },
    { "monitoring-state", by_monitoring },
    { "network-interface.addresses.association.allocation-id", by_allocation },
    { "network-interface.addresses.association.association-id", by_association },
    { "network-interface.addresses.association.carrier-ip", NULL },
    { "network-interface.addresses.association.customer-owned-ip", NULL },
    { "network-interface.addresses.association.ip-owner-id", by_public_owner },
    { "network-interface.addresses.association.public-dns-name", by_public_ip },
    { "network-interface.addresses.association.public-ip", by_public_ip },
    { "network-interface.addresses.primary", by_nic_true },
    { "network-interface.addresses.private-dns-name", by_private_name },
    { "network-interface.addresses.private-ip-address", by_nic_ip },
    { "network-interface.association.allocation-id", by_allocation },
    { "network-interface.association.association-id", by_association },
    { "network-interface.association.ip-owner-id", by_public_owner },
    { "network-interface.association.public-ip", by_public_ip },
    { "network-interface.attachment.attach-time", by_nic_attach_time },
    { "network-interface.attachment.attachment-id", by_nic_attachment },
    { "network-interface.attachment.delete-on-termination", by_nic_dot },
    { "network-interface.attachment.device-index", by_nic_zero },
    { "network-interface.attachment.instance-id", by_nic_instance },
    { "network-interface.attachment.instance-owner-id", by_nic_owner },
    { "network-interface.attachment.network-card-index", by_nic_zero },
    { "network-interface.attachment.status", by_nic_attached },
    { "network-interface.availability-zone", by_nic_zone },
    { "network-interface.deny-all-igw-traffic", NULL },
    { "network-interface.description", by_nic_description },
    { "network-interface.group-id", by_group },
    { "network-interface.group-name", by_group_name },
    { "network-interface.ipv6-addresses.ipv6-address", NULL },
    { "network-interface.ipv6-native", NULL },
    { "network-interface.mac-address", by_nic_mac },
    { "network-interface.network-interface-id", by_nic_id },
    { "network-interface.owner-id", by_nic_owner },
    { "network-interface.private-dns-name", by_private_name },
    { "network-interface.private-ip-address", by_nic_ip },
    { "network-interface.requester-id", NULL },
    { "network-interface.requester-managed", by_nic_false },
    { "network-interface.source-dest-check", by_nic_true },
    { "network-interface.status", by_nic_in_use },
    { "network-interface.subnet-id", by_subnet },
    { "network-interface.tag-key", NULL },
    { "network-interface.tag-value", NULL },
    { "network-interface.vpc-id", by_vpc },
    { "outpost-arn", NULL },
    { "owner-id", by_owner },
    { "placement-group-name", NULL },
    { "placement-partition-number", NULL },
    { "platform", by_platform },
    { "platform-details", by_platform_details },
    { "private-dns-name", by_private_name },
    { "private-dns-name-options.enable-resource-name-dns-a-record", NULL },
    { "private-dns-name-options.enable-resource-name-dns-aaaa-record", NULL },
    { "private-dns-name-options.hostname-type", NULL },
    { "private-ip-address", by_ip },
    { "product-code", NULL },
    { "product-code.type", NULL },
    { "ramdisk-id", NULL },
    { "reason", by_reason },
    { "requester-id", NULL },
    { "reservation-id", by_reservation },
    { "root-device-name", by_root_device },
    { "root-device-type", by_root_type },
    { "source-dest-check", by_true },
    { "spot-instance-request-id", NULL },
    { "state-reason-code", by_state_reason_code },
    { "state-reason-message", by_state_reason },
    { "subnet-id", by_subnet },
    { "tenancy", by_tenancy },
    { "tpm-support", by_tpm },
    { "usage-operation", by_usage },
    { "usage-operation-update-time", NULL },
    { "virtualization-type", by_virtualization },
    { "vpc-id", by_vpc },
    { 0 },
};

/* 1 when the instance passes all filters */
static int passes(struct api_call *c, const struct instance_rec *rec, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    _cleanup_free_ struct attachment_rec *at = NULL;
    _cleanup_free_ struct group_rec *groups = NULL;
    struct interface_rec nic;
    struct public_view shown;
    struct row row = { .rec = rec };
    int r;

    if (api_count(c, "Filter") == 0)
        return 1;
    r = model_attachment_list(c->model, rec->id, &at, &row.n_at, e);
    if (r < 0)
        return r;
    r = api_network_of(c, rec->id, &nic, &groups, &row.n_groups, e);
    if (r < 0)
        return r;
    row.nic = r > 0 ? &nic : NULL;
    row.groups = groups;
    if (r > 0)
        r = api_public_of(c, rec, &nic, &shown, e);
    if (r < 0)
        return r;
    row.shown = r > 0 ? &shown : NULL;
    r = api_tpm_of(c, rec, row.tpm, e);
    if (r < 0)
        return r;
    r = model_tags_get(c->model, rec->id, &tags, e);
    if (r < 0)
        return r;
    row.at = at;
    return api_filters_pass(c, filters, &row, &tags);
}

/* ---- reservations ---------------------------------------------------------------------------- */

struct place {
    const struct instance_rec *rec;
    size_t at; /* where the reservation was first seen */
};

static int by_reservation_id(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int r = strcmp(x->rec->reservation_id, y->rec->reservation_id);

    return r ? r : (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->rec->launch_index > y->rec->launch_index) -
           (x->rec->launch_index < y->rec->launch_index);
}

/* Brings the instances of one reservation together, at the place of the first one. */
static void group(struct place *v, size_t n)
{
    qsort(v, n, sizeof(*v), by_reservation_id);
    for (size_t i = 1; i < n; i++)
        if (str_eq(v[i].rec->reservation_id, v[i - 1].rec->reservation_id))
            v[i].at = v[i - 1].at;
    qsort(v, n, sizeof(*v), by_place);
}

static size_t group_end(const struct place *v, size_t n, size_t from)
{
    size_t to = from + 1;

    while (to < n && v[to].at == v[from].at)
        to++;
    return to;
}

static int put_group(struct api_call *c, const struct place *v, size_t n, struct err *e)
{
    _cleanup_free_ const struct instance_rec **recs = xcalloc(n, sizeof(*recs));
    int r;

    for (size_t i = 0; i < n; i++)
        recs[i] = v[i].rec;
    xml_open(c->out, "item");
    r = api_put_reservation(c, recs, n, e);
    if (r < 0)
        return r;
    xml_close(c->out, "item");
    return 0;
}

/* The unit of a page is the reservation. */
static int put_page(struct api_call *c, const struct place *v, size_t n, struct err *e)
{
    size_t groups = 0, from = 0, to = 0, g = 0;
    int r;

    for (size_t i = 0; i < n; i = group_end(v, n, i))
        groups++;
    r = api_page(c, groups, api_count(c, "InstanceId"), &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "reservationSet");
    for (size_t i = 0, end; i < n && g < to; i = end, g++) {
        end = group_end(v, n, i);
        if (g < from)
            continue;
        r = put_group(c, v + i, end - i, e);
        if (r < 0)
            return r;
    }
    xml_close(c->out, "reservationSet");
    api_page_end(c, groups, to);
    return 0;
}

/* ---- the action ------------------------------------------------------------------------------ */

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    /* No instance is managed by somebody else. */
    { .name = "IncludeManagedResources", .type = PARAM_IGNORED },
    { 0 },
};

static int describe_instances(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    _cleanup_free_ struct place *kept = NULL;
    size_t n = 0, n_kept = 0;
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    r = api_find_instances(c, "InstanceId", &v, &n, e);
    if (r < 0)
        return r;
    kept = xcalloc(n + 1, sizeof(*kept));
    for (size_t i = 0; i < n; i++) {
        r = passes(c, &v[i], e);
        if (r < 0)
            return r;
        if (r > 0)
            kept[n_kept++] = (struct place){ .rec = &v[i], .at = i };
    }
    group(kept, n_kept);
    return put_page(c, kept, n_kept, e);
}

const struct api_action api_describe_instances = {
    .name = "DescribeInstances",
    .resource = "instance",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_instances,
    .summary = "Shows instances, by reservation.",
};
