/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/json.h"

static const char *const result_names[V2_RESULT_MAX] = {
    [V2_PENDING] = "pending", [V2_RUNNING] = "running", [V2_SUCCESS] = "success",
    [V2_FAILED] = "failed",   [V2_SKIPPED] = "skipped",
};

const char *v2_result_name(enum v2_result r)
{
    return (unsigned)r < V2_RESULT_MAX ? result_names[r] : "?";
}

void v2_state_done(struct v2_state *s)
{
    free(s->steps);
    *s = (struct v2_state){ 0 };
}

static struct v2_step *add_step(struct v2_state *s)
{
    struct v2_step *p;

    if (s->n >= V2_STEPS_MAX)
        return NULL;
    p = realloc(s->steps, (s->n + 1) * sizeof *p);
    if (!p)
        return NULL;
    s->steps = p;
    p[s->n] = (struct v2_step){ 0 };
    return &p[s->n++];
}

struct v2_step *v2_state_step(struct v2_state *s, enum v2_stage stage, const char *task,
                              unsigned index, bool once)
{
    struct v2_step *step;
    char id[sizeof step->id];

    (void)snprintf(id, sizeof id, "%s-%s-%u", v2_stage_name(stage), task, index);
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->steps[i].id, id))
            return &s->steps[i];
    step = add_step(s);
    if (!step)
        return NULL;
    (void)str_copy(step->id, sizeof step->id, id);
    step->stage = stage;
    step->once = once;
    return step;
}

enum v2_result v2_state_stage(const struct v2_state *s, enum v2_stage stage)
{
    static const enum v2_result order[] = { V2_RUNNING, V2_PENDING, V2_FAILED };

    for (size_t o = 0; o < ARRAY_LEN(order); o++)
        for (size_t i = 0; i < s->n; i++)
            if (s->steps[i].stage == stage && s->steps[i].result == order[o])
                return order[o];
    return V2_SUCCESS;
}

bool v2_state_failed(const struct v2_state *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->steps[i].result == V2_FAILED)
            return true;
    return false;
}

static void write_step(struct str *out, const struct v2_step *step)
{
    str_add(out, "\n      {\"id\": \"");
    str_json(out, step->id, strlen(step->id));
    str_addf(out,
             "\", \"frequency\": \"%s\", \"status\": \"%s\", \"exitCode\": %u, \"reboots\": %u}",
             step->once ? "once" : "always", v2_result_name(step->result),
             (unsigned)step->exit_code, step->reboots);
}

void v2_state_write(struct str *out, const struct v2_state *s)
{
    bool some = false;

    str_addf(out, "{\"schema\": 1, \"result\": \"%s\", \"stages\": [", v2_result_name(s->result));
    for (unsigned stage = 0; stage < V2_STAGE_MAX; stage++) {
        bool more = false;

        for (size_t i = 0; i < s->n; i++) {
            if (s->steps[i].stage != stage)
                continue;
            if (!more)
                str_addf(out, "%s\n  {\"stage\": \"%s\", \"result\": \"%s\", \"tasks\": [",
                         some ? "," : "", v2_stage_name((enum v2_stage)stage),
                         v2_result_name(v2_state_stage(s, (enum v2_stage)stage)));
            else
                str_addc(out, ',');
            more = some = true;
            write_step(out, &s->steps[i]);
        }
        if (more)
            str_add(out, "\n    ]}");
    }
    str_add(out, some ? "\n]}\n" : "]}\n");
}

static int parse_result(const struct tree *t, const struct tree_node *map, const char *name,
                        enum v2_result *ret, struct err *e)
{
    const char *word = v2_text(map, name);

    for (unsigned i = 0; word && i < V2_RESULT_MAX; i++)
        if (str_eq(word, result_names[i])) {
            *ret = (enum v2_result)i;
            return 0;
        }
    return tree_err(t, map, e, "no '%s' that is understood", name);
}

static uint32_t number(const struct tree_node *map, const char *name)
{
    const char *text = v2_text(map, name);
    uint64_t v = 0;

    return text && parse_u64(text, 0, UINT32_MAX, &v) == 0 ? (uint32_t)v : 0;
}

static int parse_step(const struct tree *t, const struct tree_node *task, enum v2_stage stage,
                      struct v2_state *s, struct err *e)
{
    const char *id = v2_text(task, "id");
    struct v2_step *step = add_step(s);

    if (!step)
        return err_set(e, E2BIG, ERR_LIMIT, "%s: more than %u tasks", t->file, V2_STEPS_MAX);
    if (!id || str_copy(step->id, sizeof step->id, id) < 0)
        return tree_err(t, task, e, "no 'id' that is understood");
    step->stage = stage;
    step->once = str_eq(v2_text(task, "frequency"), "once");
    step->exit_code = number(task, "exitCode");
    step->reboots = number(task, "reboots");
    return parse_result(t, task, "status", &step->result, e);
}

static int parse_stage(const struct tree *t, const struct tree_node *map, struct v2_state *s,
                       struct err *e)
{
    const struct tree_node *tasks = tree_get(map, "tasks");
    unsigned stage = 0;

    while (stage < V2_STAGE_MAX &&
           !str_eq(v2_text(map, "stage"), v2_stage_name((enum v2_stage)stage)))
        stage++;
    if (stage == V2_STAGE_MAX)
        return tree_err(t, map, e, "no 'stage' that is understood");
    for (const struct tree_node *n = tasks ? tasks->first : NULL; n; n = n->next) {
        int r = parse_step(t, n, (enum v2_stage)stage, s, e);

        if (r < 0)
            return r;
    }
    return 0;
}

int v2_state_parse(const char *file, const char *text, size_t n, struct v2_state *ret,
                   struct err *e)
{
    _cleanup_(tree_freep) struct tree *t = NULL;
    struct v2_state s = { 0 };
    const struct tree_node *stages;
    int r = json_parse(file, text, n, &t, e);

    if (r < 0)
        return r;
    if (!str_eq(v2_text(t->root, "schema"), "1"))
        return tree_err(t, t->root, e, "'schema' is not 1");
    r = parse_result(t, t->root, "result", &s.result, e);
    stages = tree_get(t->root, "stages");
    for (const struct tree_node *m = stages ? stages->first : NULL; m && r == 0; m = m->next)
        r = parse_stage(t, m, &s, e);
    if (r < 0) {
        v2_state_done(&s);
        return r;
    }
    *ret = s;
    return 0;
}

int v2_state_load(struct win *w, const char *path, struct v2_state *ret, struct err *e)
{
    _cleanup_free_ char *where = win_expand(w, path, e);
    _cleanup_free_ char *text = NULL;
    size_t n;
    int r;

    if (!where)
        return -e->no;
    r = w->file_read(w, where, TREE_FILE_MAX, &text, &n, e);
    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r == 0)
        r = v2_state_parse(where, text, n, ret, e);
    return r < 0 ? r : 1;
}

int v2_state_save(struct win *w, const char *path, const struct v2_state *s, struct err *e)
{
    _cleanup_free_ char *where = win_expand(w, path, e);
    _cleanup_str_ struct str out = STR_INIT(TREE_FILE_MAX);
    int r;

    if (!where)
        return -e->no;
    v2_state_write(&out, s);
    r = str_check(&out, "state.json", e);
    return r < 0 ? r : w->file_write(w, where, out.p, out.len, e);
}
