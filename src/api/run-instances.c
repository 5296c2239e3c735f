/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RunInstances: the request is checked and planned whole (struct launch), then the records of all
 * instances with their disks are made in the request's transaction, then their jobs start. */
#include "find.h"
#include "put.h"

#include <stdio.h>

#include "clock.h"
#include "metadata.h"
#include "place.h"
#include "parse.h"
#include "rand.h"
#include "windows-tags.h"

#define INSTANCES_MAX 1000 /* of one request; memory is the real limit */
#define DEFAULT_TYPE  "m1.small"

/* ---- parameters ------------------------------------------------------------------------------ */

#define WORDS(name, ...) static const char *const name[] = { __VA_ARGS__, NULL }
WORDS(false_word, "false");
WORDS(behaviours, "stop", "terminate");
WORDS(tenancies, "default");
WORDS(default_word, "default");
WORDS(ip_name_word, "ip-name");
WORDS(reservation_words, "open", "none");
WORDS(tagged, "instance", "volume", "network-interface", "spot-instances-request");

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "InstanceType", .type = PARAM_TEXT, .max_len = 31 },
    { .name = "MinCount", .type = PARAM_INT, .required = true, .min = 1, .max = INSTANCES_MAX },
    { .name = "MaxCount", .type = PARAM_INT, .required = true, .min = 1, .max = INSTANCES_MAX },
    { .name = "KeyName", .type = PARAM_TEXT, .max_len = 255 },
    { .name = "Placement.AvailabilityZone", .type = PARAM_TEXT, .max_len = 31 },
    { .name = "Placement.Tenancy", .type = PARAM_NOT_YET, .words = tenancies },
    { .name = "Placement.*", .type = PARAM_NOT_YET },
    { .name = "InstanceInitiatedShutdownBehavior", .type = PARAM_TEXT, .words = behaviours },
    { .name = "DisableApiTermination", .type = PARAM_BOOL },
    { .name = "DisableApiStop", .type = PARAM_BOOL },
    /* Disks have no network of their own here; the flag is kept and shown, as clients compare it.
     */
    { .name = "EbsOptimized", .type = PARAM_BOOL },
    /* Kept and shown, as EbsOptimized: nothing measures instances here. */
    { .name = "Monitoring.Enabled", .type = PARAM_BOOL },
    { .name = "SecurityGroup.N", .type = PARAM_TEXT, .max_len = 255 },
    { .name = "SecurityGroupId.N", .type = PARAM_ID, .prefix = "sg" },
    { .name = "SubnetId", .type = PARAM_ID, .prefix = "subnet" },
    { .name = "PrivateIpAddress", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "NetworkInterface.N.DeviceIndex", .type = PARAM_INT },
    { .name = "NetworkInterface.N.SubnetId", .type = PARAM_ID, .prefix = "subnet" },
    { .name = "NetworkInterface.N.SecurityGroupId.N", .type = PARAM_ID, .prefix = "sg" },
    { .name = "NetworkInterface.N.PrivateIpAddress", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "NetworkInterface.N.DeleteOnTermination", .type = PARAM_BOOL },
    { .name = "NetworkInterface.N.Description", .type = PARAM_TEXT, .max_len = 255 },
    /* No address is public here: clients that ask for one fall back to the private address. */
    { .name = "NetworkInterface.N.AssociatePublicIpAddress", .type = PARAM_IGNORED },
    { .name = "NetworkInterface.N.*", .type = PARAM_NOT_YET },
    { .name = "SecondaryInterface.N.*", .type = PARAM_NOT_YET },
    { .name = "Ipv6AddressCount", .type = PARAM_NOT_YET },
    { .name = "Ipv6Address.N.*", .type = PARAM_NOT_YET },
    { .name = "EnablePrimaryIpv6", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "UserData", .type = PARAM_TEXT },
    { .name = "IamInstanceProfile.*", .type = PARAM_NOT_YET },
    { .name = "MetadataOptions.HttpTokens", .type = PARAM_TEXT, .words = api_http_tokens },
    { .name = "MetadataOptions.HttpEndpoint", .type = PARAM_TEXT, .words = api_switch },
    { .name = "MetadataOptions.HttpPutResponseHopLimit", .type = PARAM_INT, .min = 1, .max = 64 },
    { .name = "MetadataOptions.InstanceMetadataTags", .type = PARAM_TEXT, .words = api_switch },
    { .name = "MetadataOptions.HttpProtocolIpv6",
      .type = PARAM_NOT_YET,
      .words = api_switched_off },
    { .name = "LaunchTemplate.*", .type = PARAM_NOT_YET },
    { .name = "InstanceMarketOptions.*", .type = PARAM_NOT_YET },
    /* Nobody's CPU is held back here, whatever the credits. */
    { .name = "CreditSpecification.CpuCredits", .type = PARAM_IGNORED },
    { .name = "CpuOptions.*", .type = PARAM_NOT_YET },
    { .name = "CapacityReservationSpecification.CapacityReservationPreference",
      .type = PARAM_NOT_YET,
      .words = reservation_words },
    { .name = "CapacityReservationSpecification.*", .type = PARAM_NOT_YET },
    { .name = "HibernationOptions.Configured", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "EnclaveOptions.Enabled", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "LicenseSpecification.N.*", .type = PARAM_NOT_YET },
    { .name = "PrivateDnsNameOptions.HostnameType", .type = PARAM_NOT_YET, .words = ip_name_word },
    { .name = "PrivateDnsNameOptions.EnableResourceNameDnsARecord",
      .type = PARAM_NOT_YET,
      .words = false_word },
    { .name = "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord",
      .type = PARAM_NOT_YET,
      .words = false_word },
    { .name = "MaintenanceOptions.AutoRecovery", .type = PARAM_NOT_YET, .words = default_word },
    { .name = "NetworkPerformanceOptions.BandwidthWeighting",
      .type = PARAM_NOT_YET,
      .words = default_word },
    { .name = "Operator.*", .type = PARAM_NOT_YET },
    { .name = "ElasticGpuSpecification.N.*", .type = PARAM_NOT_YET },
    { .name = "ElasticInferenceAccelerator.N.*", .type = PARAM_NOT_YET },
    { .name = "KernelId", .type = PARAM_NOT_YET },
    { .name = "RamdiskId", .type = PARAM_NOT_YET },
    { .name = "AdditionalInfo", .type = PARAM_NOT_YET },
    API_PARAMS_MAPPINGS,
    API_PARAMS_TAG_SPECS,
    { 0 },
};

/* ---- the plan -------------------------------------------------------------------------------- */

struct launch {
    struct image_rec image;
    const struct instance_type *type;
    struct api_place place;
    struct api_metadata metadata;
    void *user_data; /* NULL: none */
    size_t user_data_len;
    struct key_pair_rec key; /* without a name: none */
    char reservation_id[MODEL_ID_MAX];
    struct mapping_list mapping;
    struct tag_list instance_tags, volume_tags, interface_tags;
    uint64_t count;
    uint64_t now_ms;
};

static void launch_done(struct launch *l)
{
    image_rec_done(&l->image);
    mapping_list_done(&l->mapping);
    tag_list_done(&l->instance_tags);
    tag_list_done(&l->volume_tags);
    tag_list_done(&l->interface_tags);
    free(l->user_data);
    key_pair_rec_done(&l->key);
}

static bool is_windows(const struct launch *l)
{
    return str_eq(l->image.platform, "windows");
}

static int plan_image(struct api_call *c, struct launch *l, struct err *e)
{
    int r = api_find_image(c, api_text(c, "ImageId"), &l->image, e);

    if (r < 0)
        return r;
    if (l->image.state == IMAGE_PENDING || l->image.state == IMAGE_FAILED)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is not available: it is %s", l->image.id,
                        model_image_state_name(l->image.state));
    if (l->image.state != IMAGE_AVAILABLE)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is no longer available", l->image.id);
    if (!str_eq(l->image.architecture, "x86_64") && !str_eq(l->image.architecture, "i386"))
        return api_fail(c, e, "Unsupported", "The architecture '%s' of '%s' does not run here",
                        l->image.architecture, l->image.id);
    return 0;
}

static int plan_type(struct api_call *c, struct launch *l, struct err *e)
{
    const char *name = api_text(c, "InstanceType");

    l->type = instance_type_find(name ? name : DEFAULT_TYPE);
    if (!l->type)
        return api_fail(c, e, "InvalidParameterValue", "Invalid value '%s' for InstanceType.",
                        name ? name : DEFAULT_TYPE);
    return 0;
}

static int plan_place(struct api_call *c, struct launch *l, struct err *e)
{
    int r = api_place_read(c, &l->place, e);

    if (r >= 0)
        api_about(c, c->action->resource);
    return r;
}

/* After the tags and the image. */
static int plan_prepare(struct api_call *c, struct launch *l, struct err *e)
{
    return windows_tags_instance(c, &l->instance_tags, l->image.platform, e);
}

/* After the tags and the image: both have a say. */
static int plan_metadata(struct api_call *c, struct launch *l, struct err *e)
{
    api_metadata_defaults(&l->image, &l->metadata);
    api_metadata_read(c, "MetadataOptions.", &l->metadata);
    return l->metadata.tags ? api_metadata_check_tags(c, &l->instance_tags, e) : 0;
}

static int plan_user_data(struct api_call *c, struct launch *l, struct err *e)
{
    return api_user_data(c, api_text(c, "UserData"), &l->user_data, &l->user_data_len, e);
}

static int plan_key(struct api_call *c, struct launch *l, struct err *e)
{
    const char *name = api_text(c, "KeyName");
    struct err why = { 0 };
    int r;

    if (!name)
        return 0;
    r = model_key_pair_get(c->model, c->region, name, &l->key, &why);
    /* The lookup takes ids too, a launch only names. */
    if ((r < 0 && why.kind == ERR_NOT_FOUND) || (r >= 0 && !str_eq(l->key.name, name)))
        return api_fail(c, e, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name);
    if (r < 0) {
        *e = why;
        return r;
    }
    if (is_windows(l) && str_eq(l->key.type, "ed25519"))
        return api_fail(c, e, "Unsupported",
                        "ED25519 key pairs are not supported with Windows AMIs. Choose a different "
                        "key pair type and try again.");
    return 0;
}

/* Where everything new is encrypted, whatever the request says. */
static int encrypt_by_default(struct api_call *c, struct launch *l, struct err *e)
{
    bool on = false;
    int r = api_encrypted(c, false, &on, e);

    for (size_t i = 0; r >= 0 && on && i < l->mapping.n; i++) {
        struct mapping *m = &l->mapping.v[i];

        if (!m->has_ebs)
            continue;
        if (!l->type->encryption)
            return api_fail(c, e, "InvalidParameterCombination",
                            "Every volume is encrypted in %s and '%s' does not support encrypted "
                            "volumes.",
                            c->region, l->type->name);
        m->encrypted = TRI_TRUE;
    }
    return r;
}

static int plan_disks(struct api_call *c, struct launch *l, struct err *e)
{
    _cleanup_(mapping_list_done) struct mapping_list asked = { 0 };
    int r = api_mappings(c, &asked, e);

    if (r < 0)
        return r;
    r = api_mapping_check(c, &asked, e);
    if (r < 0)
        return r;
    r = rules_mapping_launch(&l->image.mapping, l->image.root_device_name, &asked, l->type,
                             api_snapshot_size, c, &l->mapping, e);
    if (r < 0)
        return api_mapping_refused(c, r, e);
    r = encrypt_by_default(c, l, e);
    return r < 0 ? r : api_mapping_check(c, &l->mapping, e);
}

static int plan_count(struct api_call *c, struct launch *l, struct err *e)
{
    uint64_t need = api_int(c, "MinCount", 1), want = api_int(c, "MaxCount", 1);

    if (need > want)
        return api_fail(c, e, "InvalidParameterCombination",
                        "MinCount (%ju) may not be greater than MaxCount (%ju)", (uintmax_t)need,
                        (uintmax_t)want);
    return api_capacity(c, l->type, need, want, &l->count, e);
}

static int plan_tags(struct api_call *c, struct launch *l, struct err *e)
{
    int r = api_tag_specs(c, "instance", tagged, &l->instance_tags, e);

    if (r >= 0)
        r = api_tag_specs(c, "volume", tagged, &l->volume_tags, e);
    if (r < 0)
        return r;
    return api_tag_specs(c, "network-interface", tagged, &l->interface_tags, e);
}

static int plan(struct api_call *c, struct launch *l, struct err *e)
{
    static int (*const parts[])(struct api_call *, struct launch *, struct err *) = {
        plan_tags,    plan_type,     plan_place,     plan_image, plan_key,
        plan_prepare, plan_metadata, plan_user_data, plan_disks, plan_count,
    };

    l->now_ms = clock_real_ms();
    model_new_id("r", l->reservation_id);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int r = parts[i](c, l, e);

        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- records --------------------------------------------------------------------------------- */

/* EC2's guests know where they run by the first three characters. */
static void new_uuid(char out[37])
{
    rand_uuid(out);
    out[0] = 'e';
    out[1] = 'c';
    out[2] = '2';
}

static void new_mac(char out[18])
{
    uint8_t b[5];

    rand_bytes(b, sizeof(b));
    snprintf(out, 18, "0a:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4]);
}

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

static void copy_text(struct api_call *c, char *dst, size_t size, const char *param)
{
    const char *text = api_text(c, param);

    (void)str_copy(dst, size, text ? text : "");
}

static void fill_instance(struct api_call *c, const struct launch *l, uint32_t index,
                          struct instance_rec *i)
{
    *i = (struct instance_rec){
        .state = INSTANCE_PENDING,
        .launched_ms = l->now_ms,
        .launch_index = index,
        .ena_support = l->image.ena_support,
        .ebs_optimized = api_bool(c, "EbsOptimized", false),
        .monitoring = api_bool(c, "Monitoring.Enabled", false),
        .disable_api_termination = api_bool(c, "DisableApiTermination", false),
        .disable_api_stop = api_bool(c, "DisableApiStop", false),
        .terminate_on_shutdown =
            str_eq(api_text(c, "InstanceInitiatedShutdownBehavior"), "terminate"),
    };
    api_metadata_keep(&l->metadata, i);
    model_new_id("i", i->id);
    new_uuid(i->uuid);
    new_mac(i->mac);
    COPY(i->region, c->region);
    COPY(i->zone, l->place.subnet.zone);
    COPY(i->reservation_id, l->reservation_id);
    COPY(i->owner, c->account);
    COPY(i->image_id, l->image.id);
    COPY(i->type, l->type->name);
    copy_text(c, i->key_name, sizeof(i->key_name), "KeyName");
    copy_text(c, i->client_token, sizeof(i->client_token), "ClientToken");
    COPY(i->platform, l->image.platform);
    COPY(i->platform_details, l->image.platform_details);
    COPY(i->usage_operation, l->image.usage_operation);
    COPY(i->architecture, l->image.architecture);
    COPY(i->root_device_name, l->image.root_device_name);
    COPY(i->boot_mode, l->image.boot_mode);
}

/* The root disk is of the image's platform; others of what their snapshot was of. */
static void volume_platform(struct api_call *c, const struct launch *l, const struct mapping *m,
                            struct volume_rec *v)
{
    struct snapshot_rec s;
    struct err e = { 0 };

    if (str_eq(m->device, l->image.root_device_name))
        COPY(v->platform, l->image.platform);
    else if (m->snapshot_id[0] &&
             model_snapshot_get(c->model, c->region, m->snapshot_id, &s, &e) >= 0)
        COPY(v->platform, s.platform);
}

/* A volume of a launch is in use from the start; its files are made by the launch's job. */
static int insert_volume(struct api_call *c, const struct launch *l, const struct instance_rec *i,
                         const struct mapping *m, struct err *e)
{
    struct attachment_rec at = {
        .state = ATTACH_ATTACHING,
        .attached_ms = l->now_ms,
        .delete_on_termination = m->delete_on_termination == TRI_TRUE,
    };
    struct volume_rec v = {
        .state = VOLUME_ST_AVAILABLE,
        .size_gib = m->size_gib,
        .iops = m->iops,
        .throughput = m->throughput,
        .encrypted = m->encrypted == TRI_TRUE,
        .created_ms = l->now_ms,
    };
    int r;

    model_new_id("vol", v.id);
    COPY(v.region, c->region);
    COPY(v.zone, l->place.subnet.zone);
    COPY(v.owner, c->account);
    COPY(v.type, m->volume_type);
    COPY(v.snapshot_id, m->snapshot_id);
    volume_platform(c, l, m, &v);
    COPY(at.volume_id, v.id);
    COPY(at.instance_id, i->id);
    COPY(at.device, m->device);
    api_about(c, "volume");
    r = model_volume_insert(c->model, &v, e);
    if (r < 0)
        return r;
    r = model_attach(c->model, &at, e);
    if (r < 0)
        return r;
    return api_tag(c, v.id, &l->volume_tags, e);
}

static int insert_ephemeral(struct api_call *c, const struct launch *l,
                            const struct instance_rec *i, const char *device, const char *name,
                            struct err *e)
{
    struct ephemeral_rec d = { .size_gib = l->type->store_disk_gib, .mapped = device[0] };

    COPY(d.instance_id, i->id);
    COPY(d.device, device);
    COPY(d.virtual_name, name);
    return model_ephemeral_insert(c->model, &d, e);
}

static bool mapped(const struct launch *l, const char *name)
{
    for (size_t i = 0; i < l->mapping.n; i++)
        if (str_eq(l->mapping.v[i].virtual_name, name))
            return true;
    return false;
}

/* C-67: NVMe disks of the type are there without any mapping. */
static int insert_unmapped(struct api_call *c, const struct launch *l, const struct instance_rec *i,
                           struct err *e)
{
    for (unsigned k = 0; k < l->type->store_disks && l->type->store_nvme; k++) {
        char name[24];
        int r;

        snprintf(name, sizeof(name), "ephemeral%u", k);
        if (mapped(l, name))
            continue;
        r = insert_ephemeral(c, l, i, "", name, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int insert_disks(struct api_call *c, const struct launch *l, const struct instance_rec *i,
                        struct err *e)
{
    for (size_t k = 0; k < l->mapping.n; k++) {
        const struct mapping *m = &l->mapping.v[k];
        int number = rules_ephemeral_number(m->virtual_name), r = 0;

        if (m->has_ebs)
            r = insert_volume(c, l, i, m, e);
        else if (number >= 0 && (unsigned)number < l->type->store_disks)
            r = insert_ephemeral(c, l, i, m->device, m->virtual_name, e);
        if (r < 0)
            return r;
    }
    return insert_unmapped(c, l, i, e);
}

static int insert_instance(struct api_call *c, const struct launch *l, struct instance_rec *i,
                           struct err *e)
{
    int r = model_instance_insert(c->model, i, e);

    if (r >= 0)
        r = api_place_instance(c, &l->place, i, &l->interface_tags, e);
    if (r >= 0 && l->user_data_len)
        r = model_user_data_set(c->model, i->id, l->user_data, l->user_data_len, e);
    if (r >= 0 && l->key.name[0])
        r = model_launch_key_set(c->model, i->id, l->key.public_key, e);
    if (r < 0)
        return r;
    r = insert_disks(c, l, i, e);
    if (r < 0)
        return r;
    r = api_tag(c, i->id, &l->instance_tags, e);
    if (r < 0)
        return r;
    return jobs_launch(c->jobs, i->id, e);
}

/* ---- the action ------------------------------------------------------------------------------ */

static int put(struct api_call *c, const struct instance_rec *v, size_t n, struct err *e)
{
    _cleanup_free_ const struct instance_rec **recs = xcalloc(n, sizeof(*recs));

    for (size_t i = 0; i < n; i++)
        recs[i] = &v[i];
    return api_put_reservation(c, recs, n, e);
}

static int launch(struct api_call *c, struct launch *l, struct err *e)
{
    _cleanup_free_ struct instance_rec *v = xcalloc(l->count, sizeof(*v));

    for (uint64_t i = 0; i < l->count; i++) {
        int r;

        fill_instance(c, l, (uint32_t)i, &v[i]);
        r = insert_instance(c, l, &v[i], e);
        if (r < 0)
            return r;
    }
    return put(c, v, l->count, e);
}

static int run_instances(struct api_call *c, struct err *e)
{
    _cleanup_(launch_done) struct launch l = { 0 };
    int r = plan(c, &l, e);

    if (r < 0)
        return r;
    api_about(c, "instance");
    r = launch(c, &l, e);
    if (r < 0)
        return r;
    l.image.last_launched_ms = l.now_ms;
    r = model_image_save(c->model, &l.image, e);
    if (r < 0)
        return r;
    COPY(c->resource_id, l.reservation_id);
    jobs_network_changed(c->jobs, c->region);
    return 0;
}

/* The token's resource is the reservation. */
static int replay(struct api_call *c, const char *resource_id, struct err *e)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0, kept = 0, alive = 0;
    int r = model_instance_list(c->model, c->region, &v, &n, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(v[i].reservation_id, resource_id))
            continue;
        alive += v[i].state != INSTANCE_TERMINATED;
        if (i != kept)
            v[kept] = v[i];
        kept++;
    }
    if (alive == 0)
        return api_fail(c, e, "IdempotentInstanceTerminated",
                        "The instances launched with this client token have been terminated");
    return put(c, v, kept, e);
}

const struct api_action api_run_instances = {
    .name = "RunInstances",
    .resource = "instance",
    .flags = API_WRITES | API_TOKEN,
    .params = params,
    .handle = run_instances,
    .replay = replay,
    .summary = "Launches instances from an image, each with disks of its own.",
};
