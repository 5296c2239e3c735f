/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"
#include "wait.h"

#include <stdio.h>
#include <string.h>

#define KINDS "instances|images|snapshots|volumes|imports"

/* ---- ls -------------------------------------------------------------------------------------- */

/* What is over is shown with --all only. */
static bool is_shown(enum kind k, const json_t *r)
{
    const char *state = rec_text(r, "state");

    return !(k == KIND_INSTANCE && str_eq(state, "terminated")) &&
           !(k == KIND_IMPORT && str_eq(state, "completed"));
}

static int list(struct cli *c, enum kind k, json_t **ret, struct err *e)
{
    _cleanup_json_ json_t *all = NULL;
    json_t *shown, *r_;
    size_t i;
    int r = records_get(c, k, NULL, &all, e);

    if (r < 0)
        return r;
    if (k == KIND_INSTANCE && !cli_flag(c, "--ids")) {
        r = records_join_volumes(c, all, e);
        if (r < 0)
            return r;
    }
    shown = json_array();
    json_array_foreach (all, i, r_) {
        if (cli_flag(c, "--all") || is_shown(k, r_))
            json_array_append(shown, r_);
    }
    *ret = shown;
    return 0;
}

static int run_ls(struct cli *c, struct err *e)
{
    _cleanup_json_ json_t *records = NULL;
    enum kind k = c->n_args ? kind_find(c->args[0]) : KIND_INSTANCE;
    int r;

    if (k == KIND_MAX)
        return cli_usage(c, e, "'%s' is none of " KINDS, c->args[0]);
    r = list(c, k, &records, e);
    if (r < 0)
        return r;
    if (c->json || cli_flag(c, "--ids"))
        return out_records(c, kind_def(k)->plural, records, e);
    return table_print(kind_def(k)->columns, records, kind_def(k)->plural, e);
}

/* ---- show ------------------------------------------------------------------------------------ */

static void put_value(struct str *s, const json_t *v)
{
    if (json_is_string(v))
        str_add(s, json_string_value(v));
    else if (json_is_integer(v))
        str_addf(s, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        str_add(s, json_is_true(v) ? "yes" : "no");
}

static bool is_empty(const json_t *v)
{
    return json_is_null(v) || (json_is_string(v) && !json_string_value(v)[0]) ||
           (json_is_object(v) && json_object_size(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0);
}

static void put_pairs(struct str *s, const json_t *object)
{
    const char *key;
    json_t *v;
    bool first = true;

    json_object_foreach ((json_t *)object, key, v) {
        if (is_empty(v))
            continue;
        str_addf(s, "%s%s=", first ? "" : " ", key);
        put_value(s, v);
        first = false;
    }
}

static void put_field(struct str *s, const char *key, const json_t *v)
{
    size_t i;
    json_t *one;

    if (is_empty(v))
        return;
    if (!json_is_array(v)) {
        str_addf(s, "%-22s ", key);
        if (json_is_object(v))
            put_pairs(s, v);
        else
            put_value(s, v);
        str_addc(s, '\n');
        return;
    }
    json_array_foreach (v, i, one) {
        str_addf(s, "%-22s ", i ? "" : key);
        put_pairs(s, one);
        str_addc(s, '\n');
    }
}

static int print_record(const json_t *record, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(CLI_TEXT_MAX);
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)record, key, v)
        put_field(&s, key, v);
    if (str_check(&s, "the record", e) < 0)
        return -e->no;
    (void)fputs(str_text(&s), stdout);
    return out_flush(e);
}

static int run_show(struct cli *c, struct err *e)
{
    _cleanup_json_ json_t *record = NULL, *one = json_array();
    enum kind k = KIND_MAX;
    char id[64];
    int r = names_resolve(c, KIND_MAX, c->args[0], id, &k, e);

    if (r >= 0)
        r = record_get(c, k, id, &record, e);
    if (r < 0)
        return r;
    json_array_append(one, record);
    if (k == KIND_INSTANCE)
        r = records_join_volumes(c, one, e);
    else if (k == KIND_IMAGE)
        r = records_join_snapshots(c, record, e);
    if (r < 0)
        return r;
    if (c->json)
        return out_json(json_pack("{s:O}", kind_def(k)->word, record), e);
    return print_record(record, e);
}

/* ---- wait ------------------------------------------------------------------------------------ */

static int run_wait(struct cli *c, struct err *e)
{
    _cleanup_json_ json_t *record = NULL;
    struct wait_spec w = { .kind = KIND_MAX, .want = c->args[1] };
    char id[64];
    int r = wait_timeout(c, WAIT_DEFAULT_S, &w.timeout_ms, e);

    if (r >= 0)
        r = names_resolve(c, KIND_MAX, c->args[0], id, &w.kind, e);
    if (r < 0)
        return r;
    w.id = id;
    if (!wait_word_in(w.want, kind_def(w.kind)->states) && !str_eq(w.want, "gone"))
        return cli_usage(c, e, "'%s' is no state of %s '%s': %s|gone", w.want,
                         kind_def(w.kind)->word, id, kind_def(w.kind)->states);
    r = wait_for(c, &w, &record, e);
    if (r < 0 || !c->json)
        return r;
    return out_json(record ? json_pack("{s:O}", kind_def(w.kind)->word, record)
                           : json_pack("{s:n}", kind_def(w.kind)->word),
                    e);
}

/* ---- tag ------------------------------------------------------------------------------------- */

static int add_tags(struct cli *c, struct query *q, struct err *e)
{
    bool removes = cli_flag(c, "--remove");

    for (size_t i = 1; i < c->n_args; i++) {
        const char *eq = strchr(c->args[i], '=');
        _cleanup_free_ char *key =
            eq ? strndup(c->args[i], (size_t)(eq - c->args[i])) : xstrdup(c->args[i]);

        if (!key || !key[0] || (!eq && !removes))
            return cli_usage(c, e, "'%s' is not KEY=VALUE", c->args[i]);
        query_addf(q, key, "Tag.%zu.Key", i);
        query_addf(q, eq ? eq + 1 : NULL, "Tag.%zu.Value", i);
    }
    return 0;
}

static int run_tag(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    char id[64];
    int r;

    query_action(&q, cli_flag(c, "--remove") ? "DeleteTags" : "CreateTags");
    r = add_tags(c, &q, e);
    if (r >= 0)
        r = names_resolve(c, KIND_MAX, c->args[0], id, NULL, e);
    if (r < 0)
        return r;
    query_add(&q, "ResourceId.1", id);
    return client_call(c, &q, &a, e);
}

/* ---- the rows -------------------------------------------------------------------------------- */

static const struct cli_option ls_options[] = {
    { .name = "--all", .help = "Show terminated instances and completed imports as well." },
    { .name = "--ids", .help = "Print ids alone, one a line." },
    { 0 },
};

static const struct cli_option wait_options[] = {
    { .name = "--timeout", .value = "SECONDS", .help = "Give up after this long (600)." },
    { 0 },
};

static const struct cli_option tag_options[] = {
    { .name = "--remove", .help = "Remove the tags; the value may be left out then." },
    { 0 },
};

const struct cli_verb cli_verbs_list[] = {
    { .name = "ls",
      .args = "[" KINDS "]",
      .max_args = 1,
      .complete = KINDS,
      .options = ls_options,
      .summary = "Lists instances, images, snapshots, volumes or imports.",
      .help = "Without an argument the instances are listed. 'lazy 31 %' in the column FILL says "
              "that 31 per cent of the content have been loaded from the store; what is missing "
              "comes at first touch and in the background.",
      .run = run_ls },
    { .name = "show",
      .args = "ID",
      .min_args = 1,
      .max_args = 1,
      .complete = "ids",
      .summary = "Shows everything about one resource.",
      .help = "",
      .run = run_show },
    { .name = "wait",
      .args = "ID STATE",
      .min_args = 2,
      .max_args = 2,
      .complete = "ids",
      .options = wait_options,
      .summary = "Waits until a resource has reached a state.",
      .help = "States are EC2's words (running, stopped, available, completed and so on), and "
              "'ok' for an instance whose status checks have passed, 'attached' for a volume that "
              "its instance has, 'filled' for one that needs the store no more, 'gone' for what "
              "does not exist any more. A state from "
              "which the wanted one cannot follow, such as 'failed', ends the wait with exit "
              "status 1 and the reason.",
      .run = run_wait },
    { .name = "tag",
      .args = "ID KEY=VALUE...",
      .min_args = 2,
      .max_args = CLI_ARGS_MAX,
      .complete = "ids",
      .options = tag_options,
      .summary = "Sets tags of a resource, or removes them.",
      .help = "",
      .run = run_tag },
    { 0 },
};
