/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"
#include "wait.h"

#include <stdio.h>

/* The state, when --wait is given; then the id or the document. */
static int finish(struct cli *c, const char *id, const char *want, struct err *e)
{
    _cleanup_json_ json_t *record = NULL;
    struct wait_spec w = { .kind = KIND_VOLUME, .id = id, .want = want };
    int r = wait_timeout(c, WAIT_DEFAULT_S, &w.timeout_ms, e);

    if (r >= 0 && cli_flag(c, "--wait"))
        r = wait_for(c, &w, &record, e);
    else if (r >= 0 && c->json)
        r = record_get(c, KIND_VOLUME, id, &record, e);
    if (r < 0)
        return r;
    if (c->json)
        return out_json(record ? json_pack("{s:O}", "volume", record)
                               : json_pack("{s:n}", "volume"),
                        e);
    (void)puts(id);
    return out_flush(e);
}

/* The server's zones are the region's name and a letter. */
static int add_zone(struct cli *c, struct query *q, struct err *e)
{
    _cleanup_free_ char *zone = NULL;
    int r = c->configured ? 0 : config_load(c, false, e);

    if (r < 0)
        return r;
    zone = xasprintf("%sa", c->cfg.region);
    query_add(q, "AvailabilityZone", cli_opt(c, "--zone") ? cli_opt(c, "--zone") : zone);
    return 0;
}

static int run_create(struct cli *c, struct err *e)
{
    const char *snapshot = cli_opt(c, "--snapshot"), *size = cli_opt(c, "--size");
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    char id[64] = "";
    int r;

    if (!snapshot && !size)
        return cli_usage(c, e, "'volume create' needs --size or --snapshot");
    query_action(&q, "CreateVolume");
    query_add(&q, "Size", size);
    query_add(&q, "VolumeType", cli_opt(c, "--type"));
    query_tag(&q, 1, 1, "volume", "Name", cli_opt(c, "--name"));
    r = add_zone(c, &q, e);
    if (r >= 0 && snapshot)
        r = names_resolve(c, KIND_SNAPSHOT, snapshot, id, NULL, e);
    if (r < 0)
        return r;
    query_add(&q, "SnapshotId", id);
    r = client_call(c, &q, &a, e);
    return r < 0 ? r : finish(c, xml_text_at(answer_root(&a), "volumeId"), "available", e);
}

static int run_delete(struct cli *c, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->n_args; i++) {
        _cleanup_query_ struct query q = QUERY_INIT;
        _cleanup_answer_ struct answer a = { 0 };
        char id[64];

        r = names_resolve(c, KIND_VOLUME, c->args[i], id, NULL, e);
        if (r < 0)
            return r;
        query_action(&q, "DeleteVolume");
        query_add(&q, "VolumeId", id);
        r = client_call(c, &q, &a, e);
    }
    return r;
}

/* Who uses it now goes on with the old size, and is not asked to stop. */
static int run_resize(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_json_ json_t *record = NULL;
    char id[64];
    int r = names_resolve(c, KIND_VOLUME, c->args[0], id, NULL, e);

    if (r < 0)
        return r;
    query_action(&q, "ModifyVolume");
    query_add(&q, "VolumeId", id);
    query_add(&q, "Size", c->args[1]);
    query_add(&q, "VolumeType", cli_opt(c, "--type"));
    r = client_call(c, &q, &a, e);
    if (r >= 0)
        r = record_get(c, KIND_VOLUME, id, &record, e);
    if (r < 0)
        return r;
    if (str_eq(rec_text(record, "state"), "in-use"))
        (void)fprintf(stderr,
                      "volume '%s' is in use: its guest has the new size when the instance is "
                      "started, or the volume attached, the next time\n",
                      id);
    return finish(c, id, "available", e);
}

static int run_attach(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    char volume[64], instance[64];
    int r = names_resolve(c, KIND_VOLUME, c->args[0], volume, NULL, e);

    if (r >= 0)
        r = names_resolve(c, KIND_INSTANCE, c->args[1], instance, NULL, e);
    if (r < 0)
        return r;
    query_action(&q, "AttachVolume");
    query_add(&q, "VolumeId", volume);
    query_add(&q, "InstanceId", instance);
    query_add(&q, "Device", c->args[2]);
    r = client_call(c, &q, &a, e);
    return r < 0 ? r : finish(c, volume, "attached", e);
}

static int run_detach(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    char volume[64];
    int r = names_resolve(c, KIND_VOLUME, c->args[0], volume, NULL, e);

    if (r < 0)
        return r;
    query_action(&q, "DetachVolume");
    query_add(&q, "VolumeId", volume);
    query_add(&q, "Force", cli_flag(c, "--force") ? "true" : NULL);
    r = client_call(c, &q, &a, e);
    return r < 0 ? r : finish(c, volume, "available", e);
}

/* ---- the rows -------------------------------------------------------------------------------- */

#define WAIT_OPTIONS(what)                                                                         \
    { .name = "--wait", .help = "Wait until the volume is " what "." },                            \
    {                                                                                              \
        .name = "--timeout", .value = "SECONDS",                                                   \
        .help = "With --wait: give up after this long (600)."                                      \
    }

static const struct cli_option create_options[] = {
    { .name = "--size", .value = "GIB", .help = "Its size; that of the snapshot when left out." },
    { .name = "--snapshot", .value = "SNAPSHOT", .help = "Content to start with." },
    { .name = "--type", .value = "TYPE", .help = "EC2's volume type, such as gp3." },
    { .name = "--zone", .value = "ZONE", .help = "Availability zone (the region's zone a)." },
    { .name = "--name", .value = "NAME", .help = "Value of the tag Name." },
    WAIT_OPTIONS("available"),
    { 0 },
};

static const struct cli_option resize_options[] = {
    { .name = "--type", .value = "TYPE", .help = "EC2's volume type from now on, such as gp3." },
    { 0 },
};

static const struct cli_option attach_options[] = {
    WAIT_OPTIONS("attached"),
    { 0 },
};

static const struct cli_option detach_options[] = {
    { .name = "--force", .help = "Do not ask the guest." },
    WAIT_OPTIONS("available"),
    { 0 },
};

const struct cli_verb cli_verbs_volume[] = {
    { .name = "volume create",
      .args = "",
      .options = create_options,
      .summary = "Makes a volume and prints its id.",
      .help = "A volume from a snapshot is usable at once; its content is loaded at first touch.",
      .run = run_create },
    { .name = "volume delete",
      .args = "VOLUME...",
      .min_args = 1,
      .max_args = CLI_ARGS_MAX,
      .complete = "volumes",
      .summary = "Deletes volumes.",
      .help = "A volume that is attached is refused.",
      .run = run_delete },
    { .name = "volume resize",
      .args = "VOLUME GIB",
      .min_args = 2,
      .max_args = 2,
      .complete = "volumes",
      .options = resize_options,
      .summary = "Makes a volume larger and prints its id.",
      .help = "It never gets smaller. A running guest has the new size after a stop and a start (a "
              "reboot is not enough), or when a data volume is detached and attached again; its "
              "partitions are its own affair.",
      .run = run_resize },
    { .name = "volume attach",
      .args = "VOLUME INSTANCE DEVICE",
      .min_args = 3,
      .max_args = 3,
      .complete = "volumes",
      .options = attach_options,
      .summary = "Attaches a volume to an instance under a device name such as /dev/sdf.",
      .help = "",
      .run = run_attach },
    { .name = "volume detach",
      .args = "VOLUME",
      .min_args = 1,
      .max_args = 1,
      .complete = "volumes",
      .options = detach_options,
      .summary = "Detaches a volume from its instance.",
      .help = "",
      .run = run_detach },
    { 0 },
};
