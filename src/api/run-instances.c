/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RunInstances: the request is checked and planned whole (struct launch), then the records of all
 * instances with their disks are made in the request's transaction, then their jobs start. */
#include "launch.h"
#include "put.h"

#define INSTANCES_MAX 1000 /* of one request; memory is the real limit */

/* ---- parameters ------------------------------------------------------------------------------ */

#define WORDS(name, ...) static const char *const name[] = { __VA_ARGS__, NULL }
WORDS(false_word, "false");
WORDS(behaviours, "stop", "terminate");
WORDS(tenancies, "default");
WORDS(default_word, "default");
WORDS(ip_name_word, "ip-name");
WORDS(reservation_words, "open", "none");

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
    { .name = "NetworkInterface.N.AssociatePublicIpAddress", .type = PARAM_BOOL },
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
        int r = launch_instance(c, l, (uint32_t)i, &v[i], e);

        if (r < 0)
            return r;
    }
    return put(c, v, l->count, e);
}

static int run_instances(struct api_call *c, struct err *e)
{
    _cleanup_(launch_done) struct launch l = { 0 };
    int r = launch_plan(c, &l, e);

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
    (void)str_copy(c->resource_id, sizeof(c->resource_id), l.reservation_id);
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
