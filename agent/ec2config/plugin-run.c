/* SPDX-License-Identifier: Apache-2.0 */
/* The plug-ins of one phase, all at the same time. */
#include <errno.h>
#include <string.h>

#include "ec2config/config.h"
#include "plugin-priv.h"

#define OWN_LIMIT_MS (30U * 60U * 1000U)
#define PLUGS_MAX    (CONFIG_PLUGINS_MAX + 8U)

static void run_chain(void *arg)
{
    for (struct plug *p = arg; p; p = p->next) {
        log_from(p->r->log, p->name, "Executing in a new thread");
        if (p->what && p->what->run)
            p->result = p->what->run(p, &p->e);
        else if (!p->what)
            p->result = plugin_run_own(p, &p->e);
    }
}

int plugin_run_own(struct plug *p, struct err *e)
{
    static const char *const endings[] = { "cmd", "exe" };
    struct win *w = p->r->w;

    if (strpbrk(p->name, "\\/:*?\"<>|%"))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no name of a plug-in", p->name);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        struct str path = STR_INIT(1024), command = STR_INIT(2048);
        _cleanup_free_ char *full = NULL;
        struct win_name st;
        struct win_run run = { .timeout_ms = OWN_LIMIT_MS };
        uint32_t pid = 0, code = 0;
        int r;
        str_addf(&path, "%sPlugins\\%s.%s", CONFIG_ROOT, p->name, endings[i]);
        full = win_expand(w, str_text(&path), e);
        str_done(&path);
        r = full ? w->file_stat(w, full, &st, e) : -e->no;
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        str_addf(&command, i == 0 ? "cmd.exe /d /s /c \"\"%s\"\"" : "\"%s\"", full);
        run.command = str_text(&command);
        r = w->run(w, &run, &pid, &code, e);
        str_done(&command);
        if (r == 0 && code)
            log_from(p->r->log, p->name, "ended with exit code %u", code);
        return r < 0 ? r : 1;
    }
    return 0;
}

static struct plug *find_plug(struct plug *list, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (str_eq_nocase(list[i].name, name))
            return &list[i];
    return NULL;
}

/* Puts each plug-in that waits for another behind it. */
static void chain(struct plug *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct plug *first = find_plug(list, n, list[i].what ? list[i].what->after : NULL);
        if (!first)
            continue;
        while (first->next)
            first = first->next;
        first->next = &list[i];
        list[i].is_behind = true;
    }
}

static bool belongs(const struct plugin *what, enum plugin_phase phase)
{
    return what ? what->phase == phase : phase == PLUGIN_BEFORE_READY;
}

static size_t collect(struct config_run *r, enum plugin_phase phase, struct plug *list)
{
    size_t n = 0, rows_n = 0;
    const struct plugin *rows = plugin_list(&rows_n);

    for (size_t i = 0; i < r->config.plugins_n; i++) {
        const struct plugin *what = plugin_find(r->config.plugins[i].name);
        if (!r->config.plugins[i].on || !belongs(what, phase))
            continue;
        list[n] = (struct plug){ .what = what, .r = r };
        (void)str_copy(list[n++].name, sizeof(list[0].name), r->config.plugins[i].name);
    }
    for (size_t i = 0; i < rows_n; i++)
        if (rows[i].always && rows[i].phase == phase) {
            list[n] = (struct plug){ .what = &rows[i], .r = r };
            (void)str_copy(list[n++].name, sizeof(list[0].name), rows[i].name);
        }
    return n;
}

static void tell(struct config_run *r, const struct plug *p, struct err *e)
{
    if (p->result >= 0)
        return;
    log_from(r->log, p->name, "Error: %s", p->e.msg);
    if (!e->no)
        (void)err_set(e, p->e.no, p->e.kind, "%s: %s", p->name, p->e.msg);
}

/* The file is read again: a plug-in or a person may have changed it meanwhile. */
static void turn_off(struct config_run *r, const struct plug *list, size_t n)
{
    struct config_file now = { 0 };
    struct err e = { 0 };
    bool any = false;

    if (config_file_load(r->w, &now, &e) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!list[i].turn_off || !config_plugin_on(&now, list[i].name))
            continue;
        log_from(r->log, list[i].name, "Plugin default state is Disabled so disable the plugin");
        if (config_plugin_set(&now, list[i].name, false, &e) < 0)
            break;
        any = true;
    }
    if (e.no || (any && config_file_save(r->w, &now, &e) < 0))
        log_err(r->log, "Turn plug-ins off", &e);
    config_file_done(&now);
}

void plugin_turn_off(struct plug *p)
{
    p->turn_off = true;
    turn_off(p->r, p, 1);
    p->turn_off = false; /* once: from now on Config.xml says what is wanted */
}

static int start(struct config_run *r, struct plug *list, size_t n, struct err *e)
{
    void *heads[PLUGS_MAX] = { NULL };
    size_t heads_n = 0;
    int ret;

    for (size_t i = 0; i < n; i++) {
        list[i].imds = imds_new(r->w, r->d);
        if (!list[i].imds)
            return err_oom(e);
        if (!list[i].what || !list[i].what->always)
            log_from(r->log, "PluginManager",
                     "=========Loading plugin %s==============", list[i].name);
        if (!list[i].is_behind)
            heads[heads_n++] = &list[i];
    }
    for (size_t i = 0; i < n; i++)
        log_from(r->log, "PluginManager", "Waiting for background plugin to complete: %s",
                 list[i].name);
    ret = r->w->run_all(r->w, run_chain, heads, heads_n, e);
    for (size_t i = 0; ret == 0 && i < n; i++)
        tell(r, &list[i], e);
    return ret;
}

int plugins_run(struct config_run *r, enum plugin_phase phase, void (*told)(struct config_run *r),
                struct err *e)
{
    struct plug *list = calloc(PLUGS_MAX, sizeof(*list));
    size_t n;
    int ret;

    if (!list)
        return err_oom(e);
    n = collect(r, phase, list);
    chain(list, n);
    ret = start(r, list, n, e);
    if (told)
        told(r);
    if (ret == 0)
        turn_off(r, list, n);
    for (size_t i = 0; i < n; i++)
        imds_free(list[i].imds);
    free(list);
    return e->no ? -e->no : ret;
}
