/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copied.h"

#include "clock.h"
#include "dispatch.h"
#include "find.h"
#include "regions.h"

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

const char *const api_default_key[] = { "alias/aws/ebs", NULL };

int api_copy_from(struct api_call *c, struct err *e)
{
    const char *region = api_text(c, "SourceRegion");
    char shown[80];

    if (api_region_known(c->cfg, region))
        return 0;
    return api_fail(c, e, "InvalidRegion", "The source region '%s' does not exist",
                    str_show(region, shown, sizeof(shown)));
}

int api_copy_source(struct api_call *c, const char *id, struct snapshot_rec *ret, struct err *e)
{
    const char *here = c->region;
    int r;

    c->region = api_text(c, "SourceRegion");
    r = api_find_snapshot(c, id, ret, e);
    c->region = here;
    if (r < 0)
        return r;
    if (ret->state != SNAPSHOT_COMPLETED)
        return api_fail(c, e, "IncorrectState",
                        "The snapshot '%s' is in the state '%s', not 'completed'", ret->id,
                        model_snapshot_state_name(ret->state));
    return 0;
}

/* What is encrypted stays so; nothing is ever decrypted. */
static int choose_encryption(struct api_call *c, const struct snapshot_rec *source, bool *ret,
                             struct err *e)
{
    bool asked = false;
    int r = api_encrypted(c, api_bool(c, "Encrypted", false), &asked, e);

    if (r < 0)
        return r;
    if (source->encrypted && !asked && !api_bool(c, "Encrypted", true))
        return api_fail(c, e, "InvalidParameterCombination",
                        "The snapshot '%s' is encrypted, a copy of it cannot be unencrypted",
                        source->id);
    *ret = source->encrypted || asked;
    return 0;
}

int api_copy_record(struct api_call *c, const struct snapshot_rec *source, const char *description,
                    const struct tag_list *tags, struct snapshot_rec *ret, struct jobs_copy *job,
                    struct err *e)
{
    struct snapshot_rec s = {
        .state = SNAPSHOT_PENDING,
        .volume_size_gib = source->volume_size_gib,
        .started_ms = clock_real_ms(),
    };
    int r = choose_encryption(c, source, &s.encrypted, e);

    if (r < 0)
        return r;
    model_new_id("snap", s.id);
    COPY(s.region, c->region);
    COPY(s.owner, c->account);
    COPY(s.volume_id, "vol-ffffffff"); /* EC2's word for "of no volume" */
    COPY(s.platform, source->platform);
    COPY(s.description, description);
    api_about(c, "snapshot");
    r = model_snapshot_insert(c->model, &s, e);
    if (r < 0)
        return r;
    r = api_tag(c, s.id, tags, e);
    if (r < 0)
        return r;
    *ret = s;
    *job = (struct jobs_copy){ .source = source->id,
                               .made = ret->id,
                               .encrypt = s.encrypted && !source->encrypted };
    return 0;
}
