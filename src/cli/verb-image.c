/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images and snapshots: both are made from what runs, by a job that one may wait for. */
#include "verbs.h"
#include "wait.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int tell_bytes(struct cli *c, json_t *image, const char *doing, struct err *e)
{
    char read_[UNITS_MAX], stored[UNITS_MAX];
    int r = records_join_snapshots(c, image, e);

    if (r < 0)
        return r;
    (void)fprintf(stderr, "%s: %s read, %s stored\n", doing,
                  units_bytes(rec_int(image, "bytes_read", 0), read_),
                  units_bytes(rec_int(image, "bytes_stored", 0), stored));
    return 0;
}

/* Waits unless --no-wait, then prints id or document. */
static int finish(struct cli *c, enum kind k, const char *id, const char *want, const char *doing,
                  struct err *e)
{
    _cleanup_json_ json_t *record = NULL;
    const struct wait_spec w = { .kind = k, .id = id, .want = want, .doing = doing };
    int r = 0;

    if (!cli_flag(c, "--no-wait"))
        r = wait_for(c, &w, &record, e);
    else if (c->json)
        r = record_get(c, k, id, &record, e);
    if (r < 0 && c->exit == CLI_INTERRUPTED) {
        err_clear(e);
        return err_set(e, EINTR, ERR_OTHER,
                       "the %s is still being made; 'kiln show %s' and 'kiln wait %s %s' follow it",
                       kind_def(k)->word, id, id, want);
    }
    if (r >= 0 && k == KIND_IMAGE && !cli_flag(c, "--no-wait"))
        r = tell_bytes(c, record, doing, e);
    if (r < 0)
        return r;
    if (c->json)
        return out_json(json_pack("{s:O}", kind_def(k)->word, record), e);
    (void)puts(id);
    return out_flush(e);
}

/* ---- images ---------------------------------------------------------------------------------- */

/* Each --tag on the image and on its snapshots. */
static int add_image_tags(struct cli *c, struct query *q, struct err *e)
{
    static const char *const types[] = { "image", "snapshot" };
    const char *text;

    for (size_t i = 0; (text = cli_opt_at(c, "--tag", i)); i++) {
        const char *eq = strchr(text, '=');
        _cleanup_free_ char *key = eq ? strndup(text, (size_t)(eq - text)) : NULL;

        if (!key || !key[0] || !eq[1])
            return cli_usage(c, e, "--tag takes KEY=VALUE, not '%s'", text);
        for (size_t t = 0; t < ARRAY_LEN(types); t++)
            query_tag(q, t + 1, i + 1, types[t], key, eq + 1);
    }
    return 0;
}

static int run_image_create(struct cli *c, struct err *e)
{
    _cleanup_free_ char *doing = xasprintf("image '%s'", cli_opt(c, "--name"));
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    char id[64];
    int r;

    query_action(&q, "CreateImage");
    query_add(&q, "Name", cli_opt(c, "--name"));
    query_add(&q, "Description", cli_opt(c, "--description"));
    query_add(&q, "NoReboot", cli_flag(c, "--no-reboot") ? "true" : NULL);
    r = add_image_tags(c, &q, e);
    if (r >= 0)
        r = names_resolve(c, KIND_INSTANCE, c->args[0], id, NULL, e);
    if (r < 0)
        return r;
    query_add(&q, "InstanceId", id);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    return finish(c, KIND_IMAGE, xml_text_at(answer_root(&a), "imageId"), "available", doing, e);
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* The source is looked for where it is; the rest of the verb speaks to the region of the copy. */
static int resolve_there(struct cli *c, enum kind k, char id[64], struct query *q, struct err *e)
{
    const char *from = cli_opt(c, "--from");
    char here[sizeof(c->cfg.region)];
    int r = c->configured ? 0 : config_load(c, false, e);

    if (r < 0)
        return r;
    (void)str_copy(here, sizeof(here), c->cfg.region);
    if (from && str_copy(c->cfg.region, sizeof(c->cfg.region), from) < 0)
        return cli_usage(c, e, "--from takes a region, not '%s'", from);
    r = names_resolve(c, k, c->args[0], id, NULL, e);
    query_add(q, "SourceRegion", c->cfg.region);
    (void)str_copy(c->cfg.region, sizeof(c->cfg.region), here);
    return r;
}

static int run_image_copy(struct cli *c, struct err *e)
{
    _cleanup_free_ char *doing = xasprintf("image '%s'", cli_opt(c, "--name"));
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    char id[64];
    int r;

    query_action(&q, "CopyImage");
    query_add(&q, "Name", cli_opt(c, "--name"));
    query_add(&q, "Description", cli_opt(c, "--description"));
    query_add(&q, "Encrypted", cli_flag(c, "--encrypt") ? "true" : NULL);
    query_add(&q, "CopyImageTags", cli_flag(c, "--with-tags") ? "true" : NULL);
    r = resolve_there(c, KIND_IMAGE, id, &q, e);
    if (r < 0)
        return r;
    query_add(&q, "SourceImageId", id);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    return finish(c, KIND_IMAGE, xml_text_at(answer_root(&a), "imageId"), "available", doing, e);
}

static int run_snapshot_copy(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_free_ char *doing = NULL;
    char id[64];
    int r;

    query_action(&q, "CopySnapshot");
    query_add(&q, "Description", cli_opt(c, "--description"));
    query_add(&q, "Encrypted", cli_flag(c, "--encrypt") ? "true" : NULL);
    query_tag(&q, 1, 1, "snapshot", "Name", cli_opt(c, "--name"));
    r = resolve_there(c, KIND_SNAPSHOT, id, &q, e);
    if (r < 0)
        return r;
    query_add(&q, "SourceSnapshotId", id);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    doing = xasprintf("copy of '%s'", id);
    return finish(c, KIND_SNAPSHOT, xml_text_at(answer_root(&a), "snapshotId"), "completed", doing,
                  e);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static int run_image_delete(struct cli *c, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->n_args; i++) {
        _cleanup_query_ struct query q = QUERY_INIT;
        _cleanup_answer_ struct answer a = { 0 };
        char id[64];

        r = names_resolve(c, KIND_IMAGE, c->args[i], id, NULL, e);
        if (r < 0)
            return r;
        query_action(&q, "DeregisterImage");
        query_add(&q, "ImageId", id);
        query_add(&q, "DeleteAssociatedSnapshots", cli_flag(c, "--snapshots") ? "true" : NULL);
        r = client_call(c, &q, &a, e);
    }
    return r;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static int run_snapshot_create(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_free_ char *doing = NULL;
    char id[64];
    int r = names_resolve(c, KIND_VOLUME, c->args[0], id, NULL, e);

    if (r < 0)
        return r;
    query_action(&q, "CreateSnapshot");
    query_add(&q, "VolumeId", id);
    query_add(&q, "Description", cli_opt(c, "--description"));
    query_tag(&q, 1, 1, "snapshot", "Name", cli_opt(c, "--name"));
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    doing = xasprintf("snapshot of '%s'", id);
    return finish(c, KIND_SNAPSHOT, xml_text_at(answer_root(&a), "snapshotId"), "completed", doing,
                  e);
}

static int run_snapshot_delete(struct cli *c, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->n_args; i++) {
        _cleanup_query_ struct query q = QUERY_INIT;
        _cleanup_answer_ struct answer a = { 0 };
        char id[64];

        r = names_resolve(c, KIND_SNAPSHOT, c->args[i], id, NULL, e);
        if (r < 0)
            return r;
        query_action(&q, "DeleteSnapshot");
        query_add(&q, "SnapshotId", id);
        r = client_call(c, &q, &a, e);
    }
    return r;
}

/* ---- the rows -------------------------------------------------------------------------------- */

static const struct cli_option image_create_options[] = {
    { .name = "--name", .value = "NAME", .required = true, .help = "Name of the new image." },
    { .name = "--description", .value = "TEXT", .help = "Its description." },
    { .name = "--no-reboot",
      .help = "Take the disks of the running guest instead of shutting it down for that instant." },
    { .name = "--tag",
      .value = "KEY=VALUE",
      .many = true,
      .help = "A tag for the image and its snapshots." },
    { .name = "--no-wait", .help = "Print the id at once; the image is pending then." },
    { 0 },
};

#define COPY_OPTIONS                                                                               \
    { .name = "--description", .value = "TEXT", .help = "Its description." },                      \
        { .name = "--from",                                                                        \
          .value = "REGION",                                                                       \
          .help = "Where the source is; the copy is made in --region." },                          \
        { .name = "--encrypt", .help = "Encrypt the copy: its blocks are written anew." },         \
    {                                                                                              \
        .name = "--no-wait", .help = "Print the id at once; the copy is pending then."             \
    }

static const struct cli_option image_copy_options[] = {
    { .name = "--name", .value = "NAME", .required = true, .help = "Name of the new image." },
    { .name = "--with-tags", .help = "Copy the image's tags, too." },
    COPY_OPTIONS,
    { 0 },
};

static const struct cli_option snapshot_copy_options[] = {
    { .name = "--name", .value = "NAME", .help = "Value of the tag Name." },
    COPY_OPTIONS,
    { 0 },
};

static const struct cli_option image_delete_options[] = {
    { .name = "--snapshots", .help = "Delete its snapshots as well." },
    { 0 },
};

static const struct cli_option snapshot_create_options[] = {
    { .name = "--name", .value = "NAME", .help = "Value of the tag Name." },
    { .name = "--description", .value = "TEXT", .help = "Its description." },
    { .name = "--no-wait", .help = "Print the id at once; the snapshot is pending then." },
    { 0 },
};

const struct cli_verb cli_verbs_image[] = {
    { .name = "image create",
      .args = "INSTANCE",
      .min_args = 1,
      .max_args = 1,
      .complete = "instances",
      .options = image_create_options,
      .summary = "Makes an image of an instance and prints its id.",
      .help = "The guest is shut down, all disks are fixed at one instant, and the guest starts "
              "again seconds later, while the changed blocks are being stored. Progress goes to "
              "standard error.",
      .run = run_image_create },
    { .name = "image copy",
      .args = "IMAGE",
      .min_args = 1,
      .max_args = 1,
      .complete = "images",
      .options = image_copy_options,
      .summary = "Makes an image of an image and prints its id.",
      .help =
          "All regions share their blocks, so that a copy costs nothing unless it is encrypted. "
          "The source and its snapshots may be deleted at once.",
      .run = run_image_copy },
    { .name = "image delete",
      .alias = "image deregister",
      .args = "IMAGE...",
      .min_args = 1,
      .max_args = CLI_ARGS_MAX,
      .complete = "images",
      .options = image_delete_options,
      .summary = "Deregisters images.",
      .help = "What was launched from them goes on.",
      .run = run_image_delete },
    { 0 },
};

const struct cli_verb cli_verbs_snapshot[] = {
    { .name = "snapshot create",
      .args = "VOLUME",
      .min_args = 1,
      .max_args = 1,
      .complete = "volumes",
      .options = snapshot_create_options,
      .summary = "Takes a snapshot of a volume and prints its id.",
      .help = "Only blocks that have changed since the volume's last snapshot are read.",
      .run = run_snapshot_create },
    { .name = "snapshot copy",
      .args = "SNAPSHOT",
      .min_args = 1,
      .max_args = 1,
      .complete = "snapshots",
      .options = snapshot_copy_options,
      .summary = "Makes a snapshot of a snapshot and prints its id.",
      .help = "As image copy, for one snapshot.",
      .run = run_snapshot_copy },
    { .name = "snapshot delete",
      .args = "SNAPSHOT...",
      .min_args = 1,
      .max_args = CLI_ARGS_MAX,
      .complete = "snapshots",
      .summary = "Deletes snapshots.",
      .help = "A snapshot that an image uses is refused.",
      .run = run_snapshot_delete },
    { 0 },
};
