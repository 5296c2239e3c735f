/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "metadata.h"

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    { .name = "HttpTokens", .type = PARAM_TEXT, .words = api_http_tokens },
    { .name = "HttpEndpoint", .type = PARAM_TEXT, .words = api_switch },
    { .name = "HttpPutResponseHopLimit", .type = PARAM_INT, .min = 1, .max = 64 },
    { .name = "InstanceMetadataTags", .type = PARAM_TEXT, .words = api_switch },
    { .name = "HttpProtocolIpv6", .type = PARAM_NOT_YET, .words = api_switched_off },
    { 0 },
};

static int check_tags(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(c->model, i->id, &tags, e);

    return r < 0 ? r : api_metadata_check_tags(c, &tags, e);
}

static int modify_instance_metadata_options(struct api_call *c, struct err *e)
{
    struct instance_rec i;
    struct api_metadata m;
    int r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);

    if (r < 0)
        return r;
    if (i.state == INSTANCE_TERMINATED || i.state == INSTANCE_SHUTTING_DOWN)
        return api_fail(c, e, "IncorrectInstanceState",
                        "The instance '%s' is in the state '%s': its options cannot be changed",
                        i.id, model_instance_state_name(i.state));
    m = (struct api_metadata){ .tokens_required = i.metadata_tokens_required,
                               .disabled = i.metadata_disabled,
                               .tags = i.metadata_tags,
                               .hop_limit = i.metadata_hop_limit };
    api_metadata_read(c, "", &m);
    if (m.tags && !i.metadata_tags)
        r = check_tags(c, &i, e);
    if (r < 0)
        return r;
    api_metadata_keep(&m, &i);
    r = model_instance_save(c->model, &i, e);
    if (r < 0)
        return r;
    xml_text(c->out, "instanceId", i.id);
    xml_open(c->out, "instanceMetadataOptions");
    api_put_metadata(c, &i);
    xml_close(c->out, "instanceMetadataOptions");
    return 0;
}

const struct api_action api_modify_instance_metadata_options = {
    .name = "ModifyInstanceMetadataOptions",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = modify_instance_metadata_options,
    .summary = "Changes how the guest may ask the metadata service, at once.",
};
