/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"
#include "records.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "file.h"

/* ---- env ------------------------------------------------------------------------------------- */

static void put_export(struct str *s, const char *name, const char *value)
{
    str_addf(s, "export %s=", name);
    str_shell(s, value);
    str_addc(s, '\n');
}

/* Of the credentials file and the options alone: the environment may be that of another Kiln. */
static int run_env(struct cli *c, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(CLI_TEXT_MAX);
    const struct cli_config *k = &c->cfg;
    int r = config_load(c, true, e);

    if (r < 0)
        return r;
    if (c->json)
        return out_json(json_pack("{s:{s:s, s:s, s:s, s:s, s:s}}", "env", "home", k->home,
                                  "endpoint", k->endpoint, "region", k->region, "access_key_id",
                                  k->access_key, "secret_access_key", k->secret),
                        e);
    put_export(&s, "KILN_HOME", k->home);
    put_export(&s, "KILN_ENDPOINT", k->endpoint);
    put_export(&s, "AWS_ENDPOINT_URL", k->endpoint);
    put_export(&s, "AWS_ACCESS_KEY_ID", k->access_key);
    put_export(&s, "AWS_SECRET_ACCESS_KEY", k->secret);
    put_export(&s, "AWS_DEFAULT_REGION", k->region);
    r = str_check(&s, "the environment", e);
    if (r < 0)
        return r;
    (void)fputs(str_text(&s), stdout);
    return out_flush(e);
}

/* ---- status ---------------------------------------------------------------------------------- */

/* What the daemon found out at its start: "tcg: why", in two parts; "" when it has not yet. */
static void read_acceleration(const struct cli *c, char *out, size_t size, char *why,
                              size_t why_size)
{
    _cleanup_free_ char *path = xasprintf("%s/run/guests-run-with", c->cfg.home);
    _cleanup_free_ char *text = NULL;
    struct err ignored = { 0 };
    char *colon;

    out[0] = why[0] = 0;
    if (file_read(path, 512, &text, NULL, &ignored) < 0)
        return;
    text[strcspn(text, "\n")] = 0;
    colon = strstr(text, ": ");
    if (!colon)
        return;
    *colon = 0;
    (void)str_copy(out, size, text); /* too long: "" */
    (void)str_copy(why, why_size, colon + 2);
}

static int count_all(struct cli *c, json_t *counts, uint64_t *ret_running, struct err *e)
{
    uint64_t running = 0;

    for (enum kind k = 0; k < KIND_MAX; k++) {
        _cleanup_json_ json_t *all = NULL;
        size_t i;
        json_t *one;
        int r = records_get(c, k, NULL, &all, e);

        if (r < 0)
            return r;
        json_object_set_new(counts, kind_def(k)->plural,
                            json_integer((json_int_t)json_array_size(all)));
        json_array_foreach (all, i, one)
            running += k == KIND_INSTANCE && str_eq(rec_text(one, "state"), "running");
    }
    *ret_running = running;
    return 0;
}

static int print_status(struct cli *c, json_t *counts, uint64_t running, const char *accel,
                        const char *why, struct err *e)
{
    const char *key;
    json_t *n;

    if (c->json)
        return out_json(json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:I, s:O}}", "status", "endpoint",
                                  c->cfg.endpoint, "region", c->cfg.region, "home", c->cfg.home,
                                  "acceleration", accel, "acceleration_reason", why, "running",
                                  (json_int_t)running, "counts", counts),
                        e);
    (void)printf("kilnd answers at %s, region %s\n", c->cfg.endpoint, c->cfg.region);
    (void)printf("%-14s %s%s%s\n", "acceleration", accel[0] ? accel : "not yet known",
                 why[0] ? ": " : "", why);
    json_object_foreach (counts, key, n) {
        (void)printf("%-14s %lld", key, (long long)json_integer_value(n));
        if (str_eq(key, "instances"))
            (void)printf(" (%llu running)", (unsigned long long)running);
        (void)putchar('\n');
    }
    return out_flush(e);
}

static int run_status(struct cli *c, struct err *e)
{
    _cleanup_json_ json_t *counts = json_object();
    uint64_t running = 0;
    char accel[32], why[256];
    int r = count_all(c, counts, &running, e);

    if (r < 0)
        return r;
    read_acceleration(c, accel, sizeof(accel), why, sizeof(why));
    return print_status(c, counts, running, accel, why, e);
}

/* ---- help, completion ------------------------------------------------------------------------ */

static int print(struct str *s, struct err *e)
{
    if (str_check(s, "the text", e) < 0)
        return -e->no;
    (void)fputs(str_text(s), stdout);
    return out_flush(e);
}

static int run_help(struct cli *c, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(CLI_TEXT_MAX);
    const struct cli_verb *v;
    size_t used = 0;

    if (c->n_args == 0) {
        help_overview(&s);
        return print(&s, e);
    }
    v = cli_verb_find(c->args, c->n_args, &used);
    if (v && used == c->n_args)
        help_verb(&s, v);
    else if (!v && c->n_args == 1 && cli_verb_is_family(c->args[0]))
        help_family(&s, c->args[0]);
    else
        return cli_usage(c, e, "unknown verb '%s%s%s'", c->args[0], c->n_args > 1 ? " " : "",
                         c->n_args > 1 ? c->args[1] : "");
    return print(&s, e);
}

static int run_completion(struct cli *c, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(CLI_TEXT_MAX);

    if (!str_eq(c->args[0], "bash"))
        return cli_usage(c, e, "there is completion for bash, not for '%s'", c->args[0]);
    help_completion(&s);
    return print(&s, e);
}

const struct cli_verb cli_verbs_about[] = {
    { .name = "env",
      .args = "",
      .summary = "Prints the environment for EC2 clients.",
      .help = "Export lines for a shell: KILN_HOME, KILN_ENDPOINT, AWS_ENDPOINT_URL, "
              "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION. They come from the "
              "credentials file below KILN_HOME and from options, not from the environment.",
      .run = run_env },
    { .name = "status",
      .args = "",
      .summary = "Says whether the daemon answers, and how much there is.",
      .help = "",
      .run = run_status },
    { .name = "completion",
      .args = "bash",
      .min_args = 1,
      .max_args = 1,
      .complete = "bash",
      .summary = "Prints the completion script for a shell.",
      .help = "For one session: . <(kiln completion bash)",
      .run = run_completion },
    { .name = "help",
      .args = "[VERB]",
      .max_args = 2,
      .complete = "verbs",
      .summary = "Explains a verb, or lists all.",
      .help = "",
      .run = run_help },
    { 0 },
};
