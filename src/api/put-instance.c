/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An instance and a reservation as DescribeInstances and RunInstances show them. What this version
 * of Kiln does not have (profiles) has the value that means "none"; clients read
 * all of these. */
#include "put.h"

#include "find.h"
#include "metadata.h"
#include "place.h"

void api_put_instance_state(struct api_call *c, const char *name, enum instance_state s)
{
    xml_open(c->out, name);
    xml_uint(c->out, "code", s);
    xml_text(c->out, "name", model_instance_state_name(s));
    xml_close(c->out, name);
}

void api_put_changes(struct api_call *c, const struct instance_rec *v,
                     const enum instance_state *before, size_t n)
{
    xml_open(c->out, "instancesSet");
    for (size_t i = 0; i < n; i++) {
        xml_open(c->out, "item");
        xml_text(c->out, "instanceId", v[i].id);
        api_put_instance_state(c, "currentState", v[i].state);
        api_put_instance_state(c, "previousState", before[i]);
        xml_close(c->out, "item");
    }
    xml_close(c->out, "instancesSet");
}

int api_put_tags_of(struct api_call *c, const char *id, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(c->model, id, &tags, e);

    if (r < 0)
        return r;
    xml_tags(c->out, &tags);
    return 0;
}

void api_put_inside(struct api_call *c, const char *outer, const char *inner, const char *text)
{
    xml_open(c->out, outer);
    xml_text(c->out, inner, text);
    xml_close(c->out, outer);
}

void api_put_no_tags(struct api_call *c, const struct tag_list *tags)
{
    if (tags->n == 0)
        xml_always(c->out, "tagSet", "");
}

int api_put_disks_of(struct api_call *c, const char *instance_id, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = model_attachment_list(c->model, instance_id, &at, &n, e);

    if (r < 0)
        return r;
    xml_open(c->out, "blockDeviceMapping");
    for (size_t k = 0; k < n; k++) {
        xml_open(c->out, "item");
        xml_text(c->out, "deviceName", at[k].device);
        xml_open(c->out, "ebs");
        xml_text(c->out, "volumeId", at[k].volume_id);
        xml_text(c->out, "status", model_attach_state_name(at[k].state));
        xml_time(c->out, "attachTime", at[k].attached_ms);
        xml_bool(c->out, "deleteOnTermination", at[k].delete_on_termination);
        xml_close(c->out, "ebs");
        xml_close(c->out, "item");
    }
    xml_close(c->out, "blockDeviceMapping");
    return 0;
}

static void put_state(struct api_call *c, const struct instance_rec *i)
{
    char name[RULES_HOST_MAX];

    rules_private_dns(i->private_ip, i->region, name);
    api_put_instance_state(c, "instanceState", i->state);
    xml_always(c->out, "privateDnsName", name);
    xml_always(c->out, "reason", i->transition_reason);
    if (i->state_reason_code[0]) {
        xml_open(c->out, "stateReason");
        xml_text(c->out, "code", i->state_reason_code);
        xml_text(c->out, "message", i->state_reason);
        xml_close(c->out, "stateReason");
    }
    xml_time(c->out, "launchTime", i->launched_ms);
}

static void put_place(struct api_call *c, const struct instance_rec *i)
{
    xml_open(c->out, "placement");
    xml_text(c->out, "availabilityZone", i->zone);
    xml_always(c->out, "groupName", "");
    xml_text(c->out, "tenancy", "default");
    xml_close(c->out, "placement");
}

int api_network_of(struct api_call *c, const char *instance_id, struct interface_rec *ret,
                   struct group_rec **ret_groups, size_t *ret_n, struct err *e)
{
    struct err why = { 0 };
    int r = model_interface_of(c->model, instance_id, ret, &why);

    if (r < 0 && why.kind == ERR_NOT_FOUND)
        return 0;
    if (r < 0) {
        *e = why;
        return r;
    }
    r = model_interface_groups(c->model, ret->id, ret_groups, ret_n, e);
    return r < 0 ? r : 1;
}

int api_public_of(struct api_call *c, const struct instance_rec *i, const struct interface_rec *nic,
                  struct public_view *ret, struct err *e)
{
    return i->state == INSTANCE_PENDING ? 0 : model_public_of(c->model, nic, ret, e);
}

static int put_network(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    _cleanup_free_ struct group_rec *groups = NULL;
    struct interface_rec nic;
    struct public_view shown;
    size_t n = 0;
    int has_public = 0, r = api_network_of(c, i->id, &nic, &groups, &n, e);

    if (r > 0)
        has_public = api_public_of(c, i, &nic, &shown, e);
    if (r < 0 || has_public < 0)
        return r < 0 ? r : has_public;
    xml_always(c->out, "dnsName", has_public ? shown.ip : "");
    if (r == 0) {
        xml_always(c->out, "groupSet", "");
        xml_always(c->out, "networkInterfaceSet", "");
        return 0;
    }
    xml_text(c->out, "vpcId", nic.vpc_id);
    xml_text(c->out, "subnetId", nic.subnet_id);
    xml_text(c->out, "privateIpAddress", nic.private_ip);
    if (has_public)
        xml_text(c->out, "ipAddress", shown.ip);
    xml_bool(c->out, "sourceDestCheck", true);
    api_put_group_set(c, groups, n);
    xml_open(c->out, "networkInterfaceSet");
    xml_open(c->out, "item");
    api_put_interface(c, &nic, groups, n, has_public ? &shown : NULL, false);
    xml_close(c->out, "item");
    xml_close(c->out, "networkInterfaceSet");
    return 0;
}

int api_tpm_of(struct api_call *c, const struct instance_rec *i, char ret[16], struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec image = { 0 };
    int r;

    ret[0] = '\0';
    if (!str_starts(i->boot_mode, "uefi")) /* nothing else has one */
        return 0;
    r = model_image_get(c->model, NULL, i->image_id, &image, e);
    if (r == 0)
        (void)str_copy(ret, 16, image.tpm_support);
    return r;
}

static void put_machine(struct api_call *c, const struct instance_rec *i, const char *tpm)
{
    const struct instance_type *t = instance_type_find(i->type);

    xml_text(c->out, "instanceType", i->type);
    xml_text(c->out, "platform", i->platform);
    xml_text(c->out, "platformDetails", i->platform_details);
    xml_text(c->out, "usageOperation", i->usage_operation);
    xml_text(c->out, "architecture", i->architecture);
    xml_text(c->out, "rootDeviceType", "ebs");
    xml_text(c->out, "rootDeviceName", i->root_device_name);
    xml_text(c->out, "virtualizationType", "hvm");
    xml_text(c->out, "hypervisor", "xen"); /* EC2 says so for every type here */
    xml_text(c->out, "bootMode", i->boot_mode);
    xml_text(c->out, "tpmSupport", tpm);
    xml_text(c->out, "currentInstanceBootMode",
             str_starts(i->boot_mode, "uefi") ? "uefi" : "legacy-bios");
    xml_bool(c->out, "ebsOptimized", i->ebs_optimized);
    xml_bool(c->out, "enaSupport", i->ena_support);
    if (t) {
        xml_open(c->out, "cpuOptions");
        xml_uint(c->out, "coreCount", t->vcpus > 1 ? t->vcpus / 2 : 1);
        xml_uint(c->out, "threadsPerCore", t->vcpus > 1 ? 2 : 1);
        xml_close(c->out, "cpuOptions");
    }
}

static void put_options(struct api_call *c, const struct instance_rec *i)
{
    api_put_inside(c, "monitoring", "state", i->monitoring ? "enabled" : "disabled");
    api_put_inside(c, "hibernationOptions", "configured", "false");
    api_put_inside(c, "enclaveOptions", "enabled", "false");
    api_put_inside(c, "maintenanceOptions", "autoRecovery", "default");
    xml_open(c->out, "metadataOptions");
    api_put_metadata(c, i);
    xml_close(c->out, "metadataOptions");
}

int api_put_instance(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    char tpm[16];
    int r = api_tpm_of(c, i, tpm, e);

    if (r < 0)
        return r;

    xml_text(c->out, "instanceId", i->id);
    xml_text(c->out, "imageId", i->image_id);
    put_state(c, i);
    xml_text(c->out, "keyName", i->key_name);
    xml_uint(c->out, "amiLaunchIndex", i->launch_index);
    xml_always(c->out, "productCodes", "");
    put_place(c, i);
    put_machine(c, i, tpm);
    put_options(c, i);
    xml_always(c->out, "clientToken", i->client_token);
    xml_text(c->out, "kilnGuest", i->guest_status); /* EC2 does not have it */
    r = put_network(c, i, e);
    if (r < 0)
        return r;
    r = api_put_disks_of(c, i->id, e);
    if (r < 0)
        return r;
    return api_put_tags_of(c, i->id, e);
}

int api_put_reservation(struct api_call *c, const struct instance_rec *const *v, size_t n,
                        struct err *e)
{
    xml_text(c->out, "reservationId", v[0]->reservation_id);
    xml_text(c->out, "ownerId", v[0]->owner);
    xml_always(c->out, "groupSet", "");
    xml_open(c->out, "instancesSet");
    for (size_t i = 0; i < n; i++) {
        int r;

        xml_open(c->out, "item");
        r = api_put_instance(c, v[i], e);
        if (r < 0)
            return r;
        xml_close(c->out, "item");
    }
    xml_close(c->out, "instancesSet");
    return 0;
}
