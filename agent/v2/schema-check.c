/* SPDX-License-Identifier: Apache-2.0 */
/* A list of tasks against the table of schema.c. */
#include "v2/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What stands there, for a message: the word, or the kind of thing. */
static const char *shown(const struct tree_node *n, char out[64])
{
    char word[56];

    if (n->type == TREE_LIST || n->type == TREE_MAP || n->type == TREE_NULL)
        return tree_type_name(n->type);
    (void)snprintf(out, 64, "'%s'", str_show(n->text, word, sizeof word));
    return out;
}

static int wrong_type(const struct tree *t, const struct tree_node *n, const char *wanted,
                      struct err *e)
{
    char word[64];

    return tree_err(t, n, e, "%s expected%s%s%s, not %s", wanted, n->key ? " for '" : "",
                    n->key ? n->key : "", n->key ? "'" : "", shown(n, word));
}

/* A hint for a word that is right but for its case. */
static const char *right_case(const char *text, const char *const *words, char out[80])
{
    out[0] = '\0';
    for (; *words; words++)
        if (str_eq_nocase(text, *words))
            (void)snprintf(out, 80, " (it is written '%s')", *words);
    return out;
}

static int check_word(const struct tree *t, const struct tree_node *n, const char *const *words,
                      struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(300);
    char hint[80], word[64];

    for (const char *const *w = words; *w; w++) {
        if (n->text && str_eq(n->text, *w))
            return 0;
        str_addf(&s, "%s'%s'", w == words ? "" : w[1] ? ", " : " or ", *w);
    }
    return tree_err(t, n, e, "%s expected for '%s', not %s%s", str_text(&s), n->key, shown(n, word),
                    n->text ? right_case(n->text, words, hint) : "");
}

static bool is_scalar(const struct tree_node *n)
{
    return n->type == TREE_STRING || n->type == TREE_NUMBER || n->type == TREE_BOOL;
}

static int check_text(const struct tree *t, const struct tree_node *n, const struct v2_field *f,
                      struct err *e)
{
    struct err why = { 0 };

    if (!is_scalar(n))
        return wrong_type(t, n, "a text", e);
    if (strlen(n->text) != n->len)
        return tree_err(t, n, e, "a character 0 in the text");
    if (f->check && f->check(n->text, &why) < 0)
        return tree_err(t, n, e, "wrong '%s': %s", f->name, why.msg);
    return 0;
}

/* A list, and not longer than what is done with it can be. */
static int check_list(const struct tree *t, const struct tree_node *n, unsigned max, struct err *e)
{
    unsigned count = 0;

    if (n->type != TREE_LIST)
        return wrong_type(t, n, "a list", e);
    for (const struct tree_node *c = n->first; c; c = c->next)
        if (++count > max)
            return tree_err(t, c, e, "'%s' has more than %u items", n->key, max);
    return 0;
}

static int check_texts(const struct tree *t, const struct tree_node *n, const struct v2_field *f,
                       struct err *e)
{
    if (check_list(t, n, V2_LIST_MAX, e) < 0)
        return -e->no;
    for (const struct tree_node *c = n->first; c; c = c->next) {
        int r = check_text(t, c, f, e);

        if (r < 0)
            return r;
    }
    return 0;
}

static int check_map(const struct tree *t, const struct tree_node *map,
                     const struct v2_field *fields, const char *what, struct err *e);

static int check_maps(const struct tree *t, const struct tree_node *n, const struct v2_field *f,
                      struct err *e)
{
    if (check_list(t, n, V2_LIST_MAX, e) < 0)
        return -e->no;
    for (const struct tree_node *c = n->first; c; c = c->next) {
        int r = check_map(t, c, f->members, f->name, e);

        if (r < 0)
            return r;
    }
    return 0;
}

/* true and false; of YAML, the words of its version 1.1, too, which the original takes for them.
 * The node becomes what it means, for all that read or write it from here on. */
static int check_flag(const struct tree *t, const struct tree_node *n, struct err *e)
{
    static const char *const on[] = { "y", "Y", "yes", "Yes", "YES", "on", "On", "ON" };
    static const char *const off[] = { "n", "N", "no", "No", "NO", "off", "Off", "OFF" };
    struct tree_node *change = (struct tree_node *)(uintptr_t)n;

    for (size_t i = 0; n->type == TREE_STRING && !n->quoted && i < ARRAY_LEN(on); i++)
        if (str_eq(n->text, on[i]) || str_eq(n->text, off[i])) {
            change->type = TREE_BOOL;
            change->yes = str_eq(n->text, on[i]);
        }
    return n->type == TREE_BOOL ? 0 : wrong_type(t, n, "true or false", e);
}

static int check_value(const struct tree *t, const struct tree_node *n, const struct v2_field *f,
                       struct err *e)
{
    switch (f->type) {
    case V2_TEXT:
        return check_text(t, n, f, e);
    case V2_FLAG:
        return check_flag(t, n, e);
    case V2_WORD:
        return check_word(t, n, f->words, e);
    case V2_TEXTS:
        return check_texts(t, n, f, e);
    case V2_TEXT_OR_TEXTS:
        return n->type == TREE_LIST ? check_texts(t, n, f, e) : check_text(t, n, f, e);
    case V2_MAP:
        return check_map(t, n, f->members, f->name, e);
    case V2_MAPS:
        return check_maps(t, n, f, e);
    default:
        return 0;
    }
}

static const struct v2_field *find_field(const struct v2_field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (str_eq(fields->name, name))
            return fields;
    return NULL;
}

static int unknown_field(const struct tree *t, const struct tree_node *n,
                         const struct v2_field *fields, const char *what, struct err *e)
{
    const char *words[16] = { NULL };
    char hint[80];

    for (size_t i = 0; fields[i].name && i + 1 < ARRAY_LEN(words); i++)
        words[i] = fields[i].name;
    return tree_err_key(t, n, e, "unknown key '%s' in %s%s", n->key, what,
                        right_case(n->key, words, hint));
}

static int check_map(const struct tree *t, const struct tree_node *map,
                     const struct v2_field *fields, const char *what, struct err *e)
{
    if (map->type != TREE_MAP)
        return wrong_type(t, map, "a map", e);
    for (const struct tree_node *n = map->first; n; n = n->next) {
        const struct v2_field *f = find_field(fields, n->key);
        int r;

        if (!f)
            return unknown_field(t, n, fields, what, e);
        if (n->type == TREE_NULL && !f->required)
            continue;
        r = check_value(t, n, f, e);
        if (r < 0)
            return r;
    }
    for (; fields->name; fields++)
        if (fields->required && !tree_get(map, fields->name))
            return tree_err(t, map, e, "'%s' is missing in %s", fields->name, what);
    return 0;
}

int v2_check_keys(const struct tree *t, const struct tree_node *map, const char *const *known,
                  const char *what, struct err *e)
{
    if (map->type != TREE_MAP)
        return wrong_type(t, map, "a map", e);
    for (const struct tree_node *n = map->first; n; n = n->next) {
        bool is = false;
        char hint[80];

        for (const char *const *k = known; *k; k++)
            is = is || str_eq(*k, n->key);
        if (!is)
            return tree_err_key(t, n, e, "unknown key '%s' in %s%s", n->key, what,
                                right_case(n->key, known, hint));
    }
    return 0;
}

int v2_check_version(const struct tree *t, const struct tree_node *root, unsigned *ret_minor,
                     struct err *e)
{
    const struct tree_node *v = tree_get(root, "version");

    if (!v)
        return tree_err(t, root, e, "'version' is missing");
    if (!v->text || (!str_eq(v->text, "1.0") && !str_eq(v->text, "1.1")))
        return wrong_type(t, v, "1.0 or 1.1", e);
    *ret_minor = str_eq(v->text, "1.1");
    return 0;
}

static void warn_run_as(const struct tree *t, const struct v2_schema *s,
                        const struct tree_node *item, v2_warn *warn, void *ctx)
{
    char text[400];

    if (!warn || (s->id != V2_EXECUTE_SCRIPT && s->id != V2_EXECUTE_PROGRAM) ||
        v2_text(item, "runAs"))
        return;
    (void)snprintf(text, sizeof text, "%s:%u:%u: 'runAs' is missing, localSystem is meant", t->file,
                   item->line, item->col);
    warn(ctx, text);
}

static int check_item(const struct tree *t, const struct v2_schema *s, const struct tree_node *item,
                      v2_warn *warn, void *ctx, struct err *e)
{
    int r = check_map(t, item, s->fields, s->name, e);

    if (r == 0 && s->check)
        r = s->check(t, item, e);
    if (r == 0)
        warn_run_as(t, s, item, warn, ctx);
    return r;
}

static bool is_nothing(const struct tree_node *n)
{
    return !n || n->type == TREE_NULL ||
           ((n->type == TREE_MAP || n->type == TREE_LIST) && !n->first);
}

static int check_inputs(const struct tree *t, const struct v2_schema *s,
                        const struct tree_node *task, v2_warn *warn, void *ctx, struct err *e)
{
    const struct tree_node *inputs = tree_get(task, "inputs");

    if (is_nothing(inputs)) {
        if (s->inputs == V2_INPUTS_NONE || s->inputs == V2_INPUTS_MAY)
            return 0;
        return tree_err(t, task, e, "the task '%s' needs 'inputs'", s->name);
    }
    if (s->inputs == V2_INPUTS_NONE)
        return tree_err_key(t, inputs, e, "the task '%s' has no inputs", s->name);
    if (s->inputs != V2_INPUTS_LIST)
        return check_item(t, s, inputs, warn, ctx, e);
    if (check_list(t, inputs, V2_ITEMS_MAX, e) < 0)
        return -e->no;
    for (const struct tree_node *item = inputs->first; item; item = item->next) {
        int r = check_item(t, s, item, warn, ctx, e);

        if (r < 0)
            return r;
    }
    return 0;
}

static int unknown_task(const struct tree *t, const struct tree_node *name, struct err *e)
{
    const char *words[V2_TASK_MAX + 1] = { NULL };
    char hint[80];

    for (size_t i = 0; i < V2_TASK_MAX; i++)
        words[i] = v2_schema_of((enum v2_task_id)i)->name;
    return tree_err(t, name, e, "unknown task '%s'%s", name->text,
                    right_case(name->text, words, hint));
}

static const char *spoken(enum v2_stage s)
{
    return s == V2_USER_DATA ? "user data" : v2_stage_name(s);
}

static const char *stages_text(unsigned stages, char out[100])
{
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < V2_STAGE_MAX; i++)
        if (stages & (1U << i))
            n +=
                (size_t)snprintf(out + n, 100 - n, "%s%s", n ? ", " : "", spoken((enum v2_stage)i));
    return out;
}

/* The name of a task and where it may stand. */
static int check_name(const struct tree *t, const struct tree_node *tasks,
                      const struct tree_node *task, enum v2_stage stage,
                      const struct v2_schema **ret, struct err *e)
{
    const struct tree_node *name = tree_get(task, "task");
    const struct v2_schema *s;
    char where[100];

    if (!name)
        return tree_err(t, task, e, "'task' is missing");
    if (name->type != TREE_STRING)
        return wrong_type(t, name, "the name of a task", e);
    s = v2_schema_find(name->text);
    if (!s)
        return unknown_task(t, name, e);
    if (!(s->stages & (1U << stage)))
        return tree_err(t, name, e, "the task '%s' cannot stand in %s; it can in: %s", s->name,
                        spoken(stage), stages_text(s->stages, where));
    for (const struct tree_node *o = tasks->first; o != task; o = o->next)
        if (str_eq(v2_text(o, "task"), s->name))
            return tree_err(t, name, e, "task '%s' should be unique and only invoked once",
                            s->name);
    *ret = s;
    return 0;
}

int v2_check_tasks(const struct tree *t, const struct tree_node *tasks, enum v2_stage stage,
                   v2_warn *warn, void *ctx, struct err *e)
{
    static const char *const keys[] = { "task", "inputs", NULL };

    if (tasks->type == TREE_NULL)
        return 0;
    if (tasks->type != TREE_LIST)
        return wrong_type(t, tasks, "a list", e);
    for (const struct tree_node *task = tasks->first; task; task = task->next) {
        const struct v2_schema *s = NULL;
        int r = v2_check_keys(t, task, keys, "a task", e);

        if (r == 0)
            r = check_name(t, tasks, task, stage, &s, e);
        if (r == 0)
            r = check_inputs(t, s, task, warn, ctx, e);
        if (r < 0)
            return r;
    }
    return 0;
}
