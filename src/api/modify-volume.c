/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ModifyVolume: the record has its new shape at once, and a type or speed with it. A larger size is
 * there for the volume's next user: the job waits for the present one. */
#include "find.h"
#include "put.h"

#include "clock.h"
#include "jobs.h"

static const char *const false_word[] = { "false", NULL };

static const struct api_param params[] = {
    { .name = "VolumeId", .type = PARAM_ID, .prefix = "vol", .required = true },
    { .name = "Size", .type = PARAM_INT, .min = 1 },
    { .name = "VolumeType", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "Iops", .type = PARAM_INT },
    { .name = "Throughput", .type = PARAM_INT },
    { .name = "MultiAttachEnabled", .type = PARAM_NOT_YET, .words = false_word },
    { 0 },
};

static struct volume_shape shape_of(const struct volume_rec *v)
{
    struct volume_shape s = { .size_gib = v->size_gib,
                              .iops = v->iops,
                              .throughput = v->throughput };

    (void)str_copy(s.type, sizeof(s.type), v->type);
    return s;
}

/* IOPS and throughput belong to a type: another one begins with its own defaults. */
static int plan(struct api_call *c, const struct volume_rec *v, struct volume_shape *s,
                struct err *e)
{
    const char *type = api_text(c, "VolumeType");
    int r;

    *s = shape_of(v);
    if (type && !str_eq(type, v->type)) {
        (void)str_copy(s->type, sizeof(s->type), type);
        s->iops = s->throughput = 0;
    }
    s->size_gib = api_int(c, "Size", s->size_gib);
    s->iops = (uint32_t)api_int(c, "Iops", s->iops);
    s->throughput = (uint32_t)api_int(c, "Throughput", s->throughput);
    if (s->size_gib < v->size_gib)
        return api_fail(c, e, "InvalidParameterValue",
                        "New size cannot be smaller than existing size");
    r = rules_volume(s->type, s->size_gib, &s->iops, &s->throughput, e);
    return r < 0 ? api_mapping_refused(c, r, e) : 0;
}

static int check(struct api_call *c, const struct volume_rec *v, struct err *e)
{
    struct modification_rec last;
    struct err why = { 0 };
    int r;

    if (!api_has(c, "Size") && !api_has(c, "VolumeType") && !api_has(c, "Iops") &&
        !api_has(c, "Throughput"))
        return api_fail(c, e, "InvalidParameterCombination",
                        "No change is asked for: give Size, VolumeType, Iops or Throughput");
    if (v->state != VOLUME_ST_AVAILABLE && v->state != VOLUME_ST_IN_USE)
        return api_fail(c, e, "IncorrectState",
                        "The volume '%s' is in the state '%s', in which it cannot be modified",
                        v->id, model_volume_state_name(v->state));
    r = model_modification_get(c->model, c->region, v->id, &last, &why);
    if (r < 0 && why.kind != ERR_NOT_FOUND) {
        *e = why;
        return r;
    }
    if (r >= 0 && (last.state == MODIFICATION_MODIFYING || last.state == MODIFICATION_OPTIMIZING))
        return api_fail(c, e, "IncorrectModificationState",
                        "The volume '%s' is being modified: '%s'. %s", v->id,
                        model_modification_state_name(last.state), last.status_message);
    return 0;
}

static int apply(struct api_call *c, struct volume_rec *v, struct modification_rec *m,
                 struct err *e)
{
    bool grows = m->to.size_gib > m->from.size_gib;
    int r;

    m->started_ms = clock_real_ms();
    m->state = grows ? MODIFICATION_MODIFYING : MODIFICATION_COMPLETED;
    m->ended_ms = grows ? 0 : m->started_ms;
    (void)str_copy(m->volume_id, sizeof(m->volume_id), v->id);
    (void)str_copy(m->region, sizeof(m->region), v->region);
    v->size_gib = m->to.size_gib;
    v->iops = m->to.iops;
    v->throughput = m->to.throughput;
    (void)str_copy(v->type, sizeof(v->type), m->to.type);
    r = model_volume_save(c->model, v, e);
    if (r >= 0)
        r = model_modification_put(c->model, m, e);
    if (r >= 0 && grows)
        r = jobs_modify_volume(c->jobs, v->id, e);
    return r;
}

static int modify_volume(struct api_call *c, struct err *e)
{
    struct modification_rec m = { 0 };
    struct volume_rec v;
    int r = api_find_volume(c, api_text(c, "VolumeId"), &v, e);

    if (r >= 0)
        r = check(c, &v, e);
    if (r < 0)
        return r;
    m.from = shape_of(&v);
    r = plan(c, &v, &m.to, e);
    if (r >= 0)
        r = apply(c, &v, &m, e);
    if (r < 0)
        return r;
    xml_open(c->out, "volumeModification");
    api_put_modification(c, &m);
    xml_close(c->out, "volumeModification");
    return 0;
}

const struct api_action api_modify_volume = {
    .name = "ModifyVolume",
    .resource = "volume",
    .flags = API_WRITES,
    .params = params,
    .handle = modify_volume,
    .summary = "Makes a volume larger, or changes its type and speed; one in use has its new size "
               "at its next start.",
};
