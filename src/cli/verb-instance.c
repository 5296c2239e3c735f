/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"
#include "wait.h"

#include <stdio.h>
#include <string.h>

#include "file.h"
#include "parse.h"
#include "rand.h"

#define COUNT_MAX     1000
#define DISK_GIB_MAX  65536
#define USER_DATA_MAX KIB(16) /* EC2's, before base64 */

/* ---- launch ---------------------------------------------------------------------------------- */

/* "/dev/sdf:20" */
static int add_disk(struct cli *c, struct query *q, size_t n, const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':');
    _cleanup_free_ char *device = colon ? strndup(text, (size_t)(colon - text)) : NULL;
    uint64_t gib = 0;

    if (!device || !device[0] || parse_u64(colon + 1, 1, DISK_GIB_MAX, &gib) < 0)
        return cli_usage(c, e,
                         "--disk takes DEVICE:SIZE with a size in GiB (/dev/sdf:20), not '%s'",
                         text);
    query_addf(q, device, "BlockDeviceMapping.%zu.DeviceName", n);
    query_addf(q, colon + 1, "BlockDeviceMapping.%zu.Ebs.VolumeSize", n);
    return 0;
}

static int add_user_data(struct query *q, const char *path, struct err *e)
{
    _cleanup_free_ char *bytes = NULL, *text = NULL;
    size_t n = 0;
    int r = path ? file_read(path, USER_DATA_MAX, &bytes, &n, e) : 0;

    if (r < 0)
        return err_wrap(e, "user data");
    if (!path)
        return 0;
    text = base64_encode(bytes, n);
    if (!text)
        return err_oom(e);
    query_add(q, "UserData", text);
    return 0;
}

/* Ids and names go into two lists. */
static void add_groups(const struct cli *c, struct query *q)
{
    const char *group;
    size_t ids = 0, names = 0;

    for (size_t i = 0; (group = cli_opt_at(c, "--security-group", i)); i++) {
        if (str_starts(group, "sg-"))
            query_addf(q, group, "SecurityGroupId.%zu", ++ids);
        else
            query_addf(q, group, "SecurityGroup.%zu", ++names);
    }
}

static int add_launch(struct cli *c, struct query *q, struct err *e)
{
    const char *count = cli_opt(c, "--count"), *type = cli_opt(c, "--type"), *disk;
    uint64_t n = 1;
    char token[33];
    int r = 0;

    if (count && parse_u64(count, 1, COUNT_MAX, &n) < 0)
        return cli_usage(c, e, "--count takes a number from 1 to %d, not '%s'", COUNT_MAX, count);
    query_add(q, "MinCount", count ? count : "1");
    query_add(q, "MaxCount", count ? count : "1");
    query_add(q, "InstanceType", type ? type : CLI_MACHINE);
    query_add(q, "KeyName", cli_opt(c, "--key"));
    query_tag(q, 1, 1, "instance", "Name", cli_opt(c, "--name"));
    rand_hex(token, 32);
    query_add(q, "ClientToken", token);
    for (size_t i = 0; r >= 0 && (disk = cli_opt_at(c, "--disk", i)); i++)
        r = add_disk(c, q, i + 1, disk, e);
    add_groups(c, q);
    return r < 0 ? r : add_user_data(q, cli_opt(c, "--user-data"), e);
}

/* "current" of what was waited for is what has been reached. */
static int wait_all(struct cli *c, const json_t *records, const char *want, const char *fail,
                    struct err *e)
{
    struct wait_spec w = { .kind = KIND_INSTANCE, .want = want, .fail = fail };
    size_t i;
    json_t *rec;
    int r = wait_timeout(c, WAIT_DEFAULT_S, &w.timeout_ms, e);

    json_array_foreach (records, i, rec) {
        if (r < 0)
            break;
        w.id = rec_text(rec, "id");
        r = wait_for(c, &w, NULL, e);
        if (r >= 0)
            json_object_set_new(rec, "current", json_string(want));
    }
    return r;
}

/* Beside the ids: scripts read those. */
static int tell_addresses(struct cli *c, const json_t *made, struct err *e)
{
    size_t i;
    json_t *one;

    json_array_foreach (made, i, one) {
        _cleanup_json_ json_t *now = NULL;
        int r = records_get(c, KIND_INSTANCE, rec_text(one, "id"), &now, e);
        const char *ip = r < 0 ? "" : rec_text(json_array_get(now, 0), "public_ip");

        if (r < 0)
            return r;
        if (ip[0])
            (void)fprintf(stderr, "%s is at %s\n", rec_text(one, "id"), ip);
    }
    return 0;
}

static int run_launch(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_json_ json_t *made = NULL;
    char image[64];
    int r;

    query_action(&q, "RunInstances");
    r = add_launch(c, &q, e);
    if (r >= 0)
        r = names_resolve(c, KIND_IMAGE, c->args[0], image, NULL, e);
    if (r < 0)
        return r;
    query_add(&q, "ImageId", image);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    made = records_read_at(KIND_INSTANCE, "instancesSet/item", answer_root(&a));
    r = out_records(c, "instances", made, e);
    if (r < 0 || !cli_flag(c, "--wait"))
        return r;
    r = wait_all(c, made, "running", "stopping|stopped", e);
    return r < 0 ? r : tell_addresses(c, made, e);
}

/* ---- power ----------------------------------------------------------------------------------- */

static const struct field change_fields[] = {
    { "id", FIELD_TEXT, "instanceId", NULL },
    { "previous", FIELD_TEXT, "previousState/name", NULL },
    { "current", FIELD_TEXT, "currentState/name", NULL },
    { 0 },
};

static int add_change(const xmlNode *n, void *userdata)
{
    json_array_append_new(userdata, record_read(change_fields, n));
    return 0;
}

static int print_changes(struct cli *c, const json_t *changes, struct err *e)
{
    size_t i;
    json_t *one;

    if (c->json)
        return out_json(json_pack("{s:O}", "changes", changes), e);
    json_array_foreach (changes, i, one)
        (void)printf("%s %s (was %s)\n", rec_text(one, "id"), rec_text(one, "current"),
                     rec_text(one, "previous"));
    return out_flush(e);
}

/* One request for all: EC2 checks all ids before it touches any. */
static int change(struct cli *c, const char *action, json_t **ret, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    json_t *changes;
    int r = 0;

    query_action(&q, action);
    if (cli_flag(c, "--force"))
        query_add(&q, "Force", "true");
    for (size_t i = 0; r >= 0 && i < c->n_args; i++) {
        char id[64];

        r = names_resolve(c, KIND_INSTANCE, c->args[i], id, NULL, e);
        if (r >= 0)
            query_addf(&q, id, "InstanceId.%zu", i + 1);
    }
    if (r >= 0)
        r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    changes = json_array();
    (void)xml_each(answer_root(&a), "instancesSet/item", add_change, changes);
    *ret = changes;
    return 0;
}

static int power(struct cli *c, const char *action, const char *want, const char *fail,
                 struct err *e)
{
    _cleanup_json_ json_t *changes = NULL;
    int r = change(c, action, &changes, e);

    if (r < 0)
        return r;
    if (cli_flag(c, "--wait"))
        r = wait_all(c, changes, want, fail, e);
    return r < 0 ? r : print_changes(c, changes, e);
}

static int run_stop(struct cli *c, struct err *e)
{
    return power(c, "StopInstances", "stopped", NULL, e);
}

/* A start that fails leads back to 'stopped'. */
static int run_start(struct cli *c, struct err *e)
{
    return power(c, "StartInstances", "running", "stopping|stopped", e);
}

static int run_terminate(struct cli *c, struct err *e)
{
    return power(c, "TerminateInstances", "terminated", NULL, e);
}

static int run_reboot(struct cli *c, struct err *e)
{
    _cleanup_json_ json_t *none = NULL;

    return change(c, "RebootInstances", &none, e);
}

/* ---- the rows -------------------------------------------------------------------------------- */

#define TIMEOUT_OPTION                                                                             \
    {                                                                                              \
        .name = "--timeout", .value = "SECONDS",                                                   \
        .help = "With --wait: give up after this long (600)."                                      \
    }

static const struct cli_option launch_options[] = {
    { .name = "--type",
      .value = "TYPE",
      .help = "Instance type, such as t3.medium (the default) or m5.large." },
    { .name = "--count", .value = "N", .help = "Launch this many, or none (1)." },
    { .name = "--name", .value = "NAME", .help = "Value of the tag Name." },
    { .name = "--key", .value = "KEY", .help = "Name of a key pair." },
    { .name = "--disk",
      .value = "DEVICE:SIZE",
      .many = true,
      .help = "A disk more, or another size of the image's disk, in GiB: /dev/sdf:20." },
    { .name = "--security-group",
      .value = "GROUP",
      .many = true,
      .help = "Id or name of a security group, instead of the group 'default'." },
    { .name = "--user-data",
      .value = "FILE",
      .help = "What the guest finds as user data, 16 KiB at most." },
    { .name = "--wait",
      .help = "Wait until the instances run; then say their public addresses, beside the ids." },
    TIMEOUT_OPTION,
    { 0 },
};

static const struct cli_option stop_options[] = {
    { .name = "--force", .help = "Pull the plug instead of asking the guest to shut down." },
    { .name = "--wait", .help = "Wait until the instances are stopped." },
    TIMEOUT_OPTION,
    { 0 },
};

static const struct cli_option start_options[] = {
    { .name = "--wait", .help = "Wait until the instances run." },
    TIMEOUT_OPTION,
    { 0 },
};

static const struct cli_option terminate_options[] = {
    { .name = "--force", .help = "Accepted for EC2's sake: no guest is asked in any case." },
    { .name = "--wait", .help = "Wait until the instances are terminated." },
    TIMEOUT_OPTION,
    { 0 },
};

#define INSTANCES                                                                                  \
    .args = "INSTANCE...", .min_args = 1, .max_args = CLI_ARGS_MAX, .complete = "instances"

const struct cli_verb cli_verbs_instance[] = {
    { .name = "launch",
      .args = "IMAGE",
      .min_args = 1,
      .max_args = 1,
      .complete = "images",
      .options = launch_options,
      .summary = "Launches instances of an image and prints their ids.",
      .help = "An instance is ready at once, however large its image: blocks are loaded at first "
              "touch.",
      .run = run_launch },
    { .name = "stop",
      INSTANCES,
      .options = stop_options,
      .summary = "Stops instances; their volumes stay.",
      .help = "The guest is asked to shut down, and stopped hard when it does not.",
      .run = run_stop },
    { .name = "start",
      INSTANCES,
      .options = start_options,
      .summary = "Starts stopped instances.",
      .help = "",
      .run = run_start },
    { .name = "reboot", INSTANCES, .summary = "Reboots instances.", .help = "", .run = run_reboot },
    { .name = "terminate",
      INSTANCES,
      .options = terminate_options,
      .summary = "Ends instances and deletes the volumes that go with them.",
      .help = "",
      .run = run_terminate },
    { 0 },
};
