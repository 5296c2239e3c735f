/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogs/agent-config.h"

#include <errno.h>
#include <string.h>

#define LIST_MAX 64U

const char *const form_attributes[FORM_ATTRIBUTES] = {
    "hostName",    "instanceId",   "privateIpAddress", "publicIpAddress",
    "ipv6Address", "instanceSize", "availabilityZone", "architecture",
};

static const struct {
    const char *name, *stage;
} tasks[] = {
    [FORM_HOST_NAME] = { "setHostName", "postReady" },
    [FORM_EXTEND_ROOT] = { "extendRootPartition", "boot" },
    [FORM_ADMIN] = { "setAdminAccount", "preReady" },
    [FORM_SSM] = { "startSsm", "postReady" },
    [FORM_ENA] = { "optimizeEna", "postReady" },
    [FORM_SSH] = { "enableOpenSsh", "preReady" },
    [FORM_JUMBO] = { "enableJumboFrames", "postReady" },
    [FORM_DNS] = { "setDnsSuffix", "preReady" },
    [FORM_WALLPAPER] = { "setWallpaper", "preReady" },
    [FORM_VOLUMES] = { "initializeVolume", "postReady" },
};

static const char *const stage_order[] = { "boot", "network", "preReady", "postReady" };
static const char *const passwords[] = {
    [FORM_RANDOM] = "random",
    [FORM_STATIC] = "static",
    [FORM_NOTHING] = "doNothing",
    [FORM_ENCRYPTED] = "encrypted",
};

/* ---- reading ---- */

static const struct tree_node *find_task(const struct tree_node *root, enum form_task t)
{
    const struct tree_node *stages = tree_get(root, "config");

    for (const struct tree_node *s = stages ? stages->first : NULL; s; s = s->next) {
        const struct tree_node *name = tree_get(s, "stage"), *list = tree_get(s, "tasks");
        if (!name || !str_eq(name->text, tasks[t].stage))
            continue;
        for (const struct tree_node *n = list ? list->first : NULL; n; n = n->next) {
            const struct tree_node *task = tree_get(n, "task");
            if (task && str_eq(task->text, tasks[t].name))
                return n;
        }
    }
    return NULL;
}

static const char *text_of(const struct tree_node *map, const char *key)
{
    const struct tree_node *n = map ? tree_get(map, key) : NULL;

    return n && n->text ? n->text : "";
}

int form_set_text(struct form *f, enum form_text t, const char *text, struct err *e)
{
    char *copy = str_dup(text);

    if (!copy)
        return err_oom(e);
    if (f->text[t])
        mem_wipe(f->text[t], strlen(f->text[t]));
    free(f->text[t]);
    f->text[t] = copy;
    return 0;
}

static int read_lines(const struct tree_node *list, struct form *f, enum form_text t, struct err *e)
{
    struct str s = STR_INIT(KIB(32));
    int r;

    for (const struct tree_node *n = list ? list->first : NULL; n; n = n->next)
        str_addf(&s, "%s\n", n->text ? n->text : "");
    r = form_set_text(f, t, str_text(&s), e);
    str_done(&s);
    return r;
}

static int read_wallpaper(const struct tree_node *in, struct form *f, struct err *e)
{
    const struct tree_node *list = in ? tree_get(in, "attributes") : NULL;
    const struct tree_node *tags = in ? tree_get(in, "instanceTags") : NULL;

    for (const struct tree_node *n = list ? list->first : NULL; n; n = n->next)
        for (size_t i = 0; i < FORM_ATTRIBUTES; i++)
            if (str_eq(n->text, form_attributes[i]))
                f->attributes[i] = true;
    f->tags = !tags ? FORM_NO_TAGS : tags->type == TREE_LIST ? FORM_SOME_TAGS : FORM_ALL_TAGS;
    if (form_set_text(f, FORM_PATH, text_of(in, "path"), e) < 0)
        return -e->no;
    return read_lines(f->tags == FORM_SOME_TAGS ? tags : NULL, f, FORM_TAGS, e);
}

static int read_volumes(const struct tree_node *in, struct form *f, struct err *e)
{
    const struct tree_node *list = in ? tree_get(in, "devices") : NULL;
    struct str s = STR_INIT(KIB(32));
    int r;

    f->only_devices = str_eq(text_of(in, "initialize"), "devices");
    for (const struct tree_node *n = list ? list->first : NULL; n; n = n->next)
        str_addf(&s, "%s, %s, %s, %s\n", text_of(n, "device"), text_of(n, "name"),
                 text_of(n, "letter"), text_of(n, "partition"));
    r = form_set_text(f, FORM_ROWS, str_text(&s), e);
    str_done(&s);
    return r;
}

static int read_admin(const struct tree_node *in, struct form *f, struct err *e)
{
    const struct tree_node *p = in ? tree_get(in, "password") : NULL;

    for (size_t i = 0; i < ARRAY_LEN(passwords); i++)
        if (str_eq(text_of(p, "type"), passwords[i]))
            f->password = (enum form_password)i;
    if (form_set_text(f, FORM_ACCOUNT, text_of(in, "name"), e) < 0)
        return -e->no;
    return form_set_text(f, FORM_PASSWORD, text_of(p, "data"), e);
}

int form_read(const struct v2_config *c, struct form *ret, struct err *e)
{
    struct form f = { .password = FORM_RANDOM };
    const struct tree_node *in[FORM_TASK_MAX] = { NULL };
    int r;

    for (int t = 0; t < FORM_TASK_MAX; t++) {
        const struct tree_node *n = find_task(c->tree->root, (enum form_task)t);
        f.on[t] = n != NULL;
        in[t] = n ? tree_get(n, "inputs") : NULL;
    }
    f.reboot = v2_flag(in[FORM_HOST_NAME], "reboot", false);
    r = form_set_text(&f, FORM_NAME, text_of(in[FORM_HOST_NAME], "hostName"), e);
    if (r == 0)
        r = read_admin(in[FORM_ADMIN], &f, e);
    if (r == 0)
        r = read_lines(in[FORM_DNS] ? tree_get(in[FORM_DNS], "suffixes") : NULL, &f, FORM_SUFFIXES,
                       e);
    if (r == 0)
        r = read_wallpaper(in[FORM_WALLPAPER], &f, e);
    if (r == 0)
        r = read_volumes(in[FORM_VOLUMES], &f, e);
    if (r < 0) {
        form_done(&f);
        return r;
    }
    *ret = f;
    return 0;
}

void form_done(struct form *f)
{
    for (int t = 0; t < FORM_TEXT_MAX; t++) {
        if (f->text[t])
            mem_wipe(f->text[t], strlen(f->text[t]));
        free(f->text[t]);
        f->text[t] = NULL;
    }
}

/* ---- writing: every call returns NULL when memory is gone ---- */

static struct tree_node *add_text(struct tree *t, struct tree_node *map, const char *key,
                                  const char *text)
{
    return map ? tree_add(map, key, tree_node_new(t, TREE_STRING, text, strlen(text))) : NULL;
}

static struct tree_node *add_node(struct tree *t, struct tree_node *map, const char *key,
                                  enum tree_type type)
{
    return map ? tree_add(map, key, tree_node_new(t, type, NULL, 0)) : NULL;
}

/* Calls fn for each line that is not blank, ends cut. */
static bool each_line(const char *text, bool (*fn)(void *ctx, const char *line), void *ctx)
{
    _cleanup_free_ char *copy = str_dup(text);

    if (!copy)
        return false;
    for (char *line = copy, *next; line; line = next) {
        size_t n;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line += strspn(line, " \t\r");
        for (n = strlen(line); n && strchr(" \t\r", line[n - 1]);)
            line[--n] = '\0';
        if (n && !fn(ctx, line))
            return false;
    }
    return true;
}

struct adding {
    struct tree *t;
    struct tree_node *list;
};

static bool add_line(void *ctx, const char *line)
{
    struct adding *a = ctx;

    return add_text(a->t, a->list, NULL, line) != NULL;
}

static bool add_lines(struct tree *t, struct tree_node *map, const char *key, const char *text)
{
    struct adding a = { t, add_node(t, map, key, TREE_LIST) };

    return a.list && each_line(text, add_line, &a);
}

static bool add_device(void *ctx, const char *line)
{
    static const char *const keys[] = { "device", "name", "letter", "partition" };
    struct adding *a = ctx;
    struct tree_node *map = add_node(a->t, a->list, NULL, TREE_MAP);
    bool fine = map != NULL;

    for (size_t i = 0; fine && i < ARRAY_LEN(keys); i++) {
        size_t n = strcspn(line, ",");
        _cleanup_free_ char *word = str_dup_n(line, n);
        size_t from = word ? strspn(word, " \t") : 0, end = word ? strlen(word) : 0;
        while (word && end > from && strchr(" \t", word[end - 1]))
            word[--end] = '\0';
        fine = word && (!word[from] || add_text(a->t, map, keys[i], word + from));
        line += n + (line[n] == ',');
    }
    return fine;
}

static bool fill_host_name(struct tree *t, struct tree_node *task, const struct form *f)
{
    struct tree_node *in, *reboot;

    if (!*f->text[FORM_NAME] && !f->reboot)
        return true;
    in = add_node(t, task, "inputs", TREE_MAP);
    if (in && *f->text[FORM_NAME] && !add_text(t, in, "hostName", f->text[FORM_NAME]))
        return false;
    reboot = add_node(t, in, "reboot", TREE_BOOL);
    if (reboot)
        reboot->yes = f->reboot;
    return reboot != NULL;
}

static bool fill_admin(struct tree *t, struct tree_node *task, const struct form *f)
{
    struct tree_node *in = add_node(t, task, "inputs", TREE_MAP), *p;
    bool has_data = f->password == FORM_STATIC || f->password == FORM_ENCRYPTED;

    if (in && *f->text[FORM_ACCOUNT] && !add_text(t, in, "name", f->text[FORM_ACCOUNT]))
        return false;
    p = add_node(t, in, "password", TREE_MAP);
    if (!add_text(t, p, "type", passwords[f->password]))
        return false;
    return !has_data || add_text(t, p, "data", f->text[FORM_PASSWORD]);
}

static bool fill_dns(struct tree *t, struct tree_node *task, const struct form *f)
{
    return add_lines(t, add_node(t, task, "inputs", TREE_MAP), "suffixes", f->text[FORM_SUFFIXES]);
}

static bool fill_wallpaper(struct tree *t, struct tree_node *task, const struct form *f)
{
    struct tree_node *in = add_node(t, task, "inputs", TREE_MAP), *list;

    if (!add_text(t, in, "path", f->text[FORM_PATH]))
        return false;
    list = add_node(t, in, "attributes", TREE_LIST);
    for (size_t i = 0; i < FORM_ATTRIBUTES; i++)
        if (f->attributes[i] && !add_text(t, list, NULL, form_attributes[i]))
            return false;
    if (f->tags == FORM_ALL_TAGS)
        return add_text(t, in, "instanceTags", "AllTags") != NULL;
    return f->tags == FORM_NO_TAGS || add_lines(t, in, "instanceTags", f->text[FORM_TAGS]);
}

static bool fill_volumes(struct tree *t, struct tree_node *task, const struct form *f)
{
    struct tree_node *in = add_node(t, task, "inputs", TREE_MAP);
    struct adding a = { t, NULL };

    if (!add_text(t, in, "initialize", f->only_devices ? "devices" : "all"))
        return false;
    if (!f->only_devices)
        return true;
    a.list = add_node(t, in, "devices", TREE_LIST);
    return a.list && each_line(f->text[FORM_ROWS], add_device, &a);
}

static bool fill(struct tree *t, struct tree_node *task, enum form_task which, const struct form *f)
{
    switch (which) {
    case FORM_HOST_NAME:
        return fill_host_name(t, task, f);
    case FORM_ADMIN:
        return fill_admin(t, task, f);
    case FORM_DNS:
        return fill_dns(t, task, f);
    case FORM_WALLPAPER:
        return fill_wallpaper(t, task, f);
    case FORM_VOLUMES:
        return fill_volumes(t, task, f);
    case FORM_EXTEND_ROOT:
    case FORM_SSM:
    case FORM_ENA:
    case FORM_SSH:
    case FORM_JUMBO:
    case FORM_TASK_MAX:
        break;
    }
    return true;
}

/* ---- changing the tree ---- */

static void unlink_child(struct tree_node *parent, struct tree_node *child)
{
    struct tree_node *before = NULL;

    for (struct tree_node *n = parent->first; n && n != child; n = n->next)
        before = n;
    if (before)
        before->next = child->next;
    else
        parent->first = child->next;
    if (parent->last == child)
        parent->last = before;
    child->next = NULL;
    tree_node_free(child);
}

static struct tree_node *change(const struct tree_node *n)
{
    return (struct tree_node *)(uintptr_t)n; /* of our own tree, read through its public calls */
}

static size_t order_of(const struct tree_node *stage)
{
    const struct tree_node *name = tree_get(stage, "stage");
    size_t i = 0;

    while (i < ARRAY_LEN(stage_order) && !(name && str_eq(name->text, stage_order[i])))
        i++;
    return i;
}

/* Moves the last child in front of the first stage that comes later. */
static void sort_last(struct tree_node *stages)
{
    struct tree_node *last = stages->last, *before = NULL, *n = stages->first;

    while (n != last && order_of(n) <= order_of(last)) {
        before = n;
        n = n->next;
    }
    if (n == last)
        return;
    for (struct tree_node *p = n; p; p = p->next)
        if (p->next == last) {
            p->next = NULL;
            stages->last = p;
            break;
        }
    last->next = n;
    if (before)
        before->next = last;
    else
        stages->first = last;
}

static struct tree_node *want_stage(struct tree *t, const char *name)
{
    struct tree_node *stages = change(tree_get(t->root, "config")), *s, *list;

    if (!stages)
        stages = add_node(t, t->root, "config", TREE_LIST);
    for (s = stages ? stages->first : NULL; s; s = s->next)
        if (str_eq(text_of(s, "stage"), name))
            break;
    if (!s) {
        s = add_node(t, stages, NULL, TREE_MAP);
        if (!add_text(t, s, "stage", name))
            return NULL;
        sort_last(stages);
    }
    list = change(tree_get(s, "tasks"));
    return list ? list : add_node(t, s, "tasks", TREE_LIST);
}

/* The inputs are made anew; the task keeps its place in the stage. */
static bool turn_on(struct tree *t, enum form_task which, const struct form *f)
{
    struct tree_node *task = change(find_task(t->root, which)), *in;

    if (!task) {
        task = add_node(t, want_stage(t, tasks[which].stage), NULL, TREE_MAP);
        if (!add_text(t, task, "task", tasks[which].name))
            return false;
    }
    in = change(tree_get(task, "inputs"));
    if (in)
        unlink_child(task, in);
    return fill(t, task, which, f);
}

/* A stage without tasks goes with its last one. */
static void turn_off(struct tree *t, enum form_task which)
{
    struct tree_node *task = change(find_task(t->root, which));
    struct tree_node *stages = change(tree_get(t->root, "config"));

    for (struct tree_node *s = task ? stages->first : NULL; s; s = s->next) {
        struct tree_node *list = change(tree_get(s, "tasks"));
        if (!list || !str_eq(text_of(s, "stage"), tasks[which].stage))
            continue;
        unlink_child(list, task);
        if (!list->first)
            unlink_child(stages, s);
        return;
    }
}

static bool texts_differ(const struct form *a, const struct form *b, enum form_text t)
{
    return !str_eq(a->text[t], b->text[t]);
}

static bool differs(const struct form *a, const struct form *b, enum form_task t)
{
    if (a->on[t] != b->on[t])
        return true;
    switch (t) {
    case FORM_HOST_NAME:
        return texts_differ(a, b, FORM_NAME) || a->reboot != b->reboot;
    case FORM_ADMIN:
        return texts_differ(a, b, FORM_ACCOUNT) || texts_differ(a, b, FORM_PASSWORD) ||
               a->password != b->password;
    case FORM_DNS:
        return texts_differ(a, b, FORM_SUFFIXES);
    case FORM_WALLPAPER:
        return texts_differ(a, b, FORM_PATH) || texts_differ(a, b, FORM_TAGS) ||
               a->tags != b->tags ||
               memcmp(a->attributes, b->attributes, sizeof(a->attributes)) != 0;
    case FORM_VOLUMES:
        return texts_differ(a, b, FORM_ROWS) || a->only_devices != b->only_devices;
    case FORM_EXTEND_ROOT:
    case FORM_SSM:
    case FORM_ENA:
    case FORM_SSH:
    case FORM_JUMBO:
    case FORM_TASK_MAX:
        break;
    }
    return false;
}

int form_apply(struct v2_config *c, const struct form *was, const struct form *now, struct err *e)
{
    _cleanup_(v2_config_freep) struct v2_config *again = NULL;
    struct str out = STR_INIT(TREE_FILE_MAX);
    int r;

    for (int t = 0; t < FORM_TASK_MAX; t++) {
        if (!differs(was, now, (enum form_task)t))
            continue;
        if (!now->on[t])
            turn_off(c->tree, (enum form_task)t);
        else if (!turn_on(c->tree, (enum form_task)t, now))
            return err_oom(e);
    }
    v2_config_write(&out, c, c->json);
    r = str_check(&out, V2_CONFIG_NAME, e);
    if (r == 0)
        r = v2_config_parse(V2_CONFIG_NAME, str_text(&out), out.len, NULL, NULL, &again, e);
    str_wipe(&out);
    return r;
}
