/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In which state it was left: setup, servicing, hibernation, encryption, rearm; event logs; hives.
 */
#include "inspect-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "evtx.h"

#define CBS      "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
#define LOGS_DIR "Windows/System32/winevt/Logs"
#define LOGS_MAX 4000

/* ---- servicing ------------------------------------------------------------------------------- */

static char *pending_in_registry(const struct inspect *i)
{
    uint32_t cs = i->sets.current_key;
    uint32_t sm = i->sets.n ? regf_find(i->system, cs, "Control\\Session Manager") : 0;
    char **list = sm ? regf_multi(i->system, sm, "SetupExecute") : NULL;
    char *found = NULL;
    uint32_t k;

    if (list && list[0] && list[0][0])
        found = xasprintf("SetupExecute runs '%s' at the next boot", list[0]);
    regf_multi_free(list);
    if (found || !i->software)
        return found;
    k = regf_find(i->software, 0, CBS "\\RebootPending");
    if (k)
        return xstrdup("Component Based Servicing waits for a reboot (RebootPending)");
    k = regf_find(i->software, 0, CBS "\\PackagesPending");
    if (k && (regf_key_count(i->software, k) || regf_value_count(i->software, k)))
        return xstrdup("packages are half installed (PackagesPending)");
    /* The key itself is on every system. */
    k = regf_find(i->software, 0, CBS "\\SessionsPending");
    if (k && (regf_key_count(i->software, k) || regf_dword(i->software, k, "Exclusive", 0)))
        return xstrdup("a servicing session is open (SessionsPending)");
    return NULL;
}

int fact_pending_servicing(const struct inspect *i, char **ret, struct err *e)
{
    char *found = pending_in_registry(i);
    int r;

    if (!found) {
        r = win_tree_exists(i->os, "Windows/WinSxS/pending.xml", e);
        if (r < 0)
            return r;
        if (r > 0)
            found = xstrdup("Windows\\WinSxS\\pending.xml is there");
    }
    *ret = found;
    return 0;
}

static int put_servicing(struct inspect *i, struct err *e)
{
    json_t *o = put_object(i->doc, "servicing");
    _cleanup_free_ char *why = NULL;
    int r = fact_pending_servicing(i, &why, e);

    if (r < 0)
        return r;
    put_bool(o, "pending", why != NULL);
    put_text(o, "reason", why);
    return 0;
}

/* ---- setup ----------------------------------------------------------------------------------- */

static void put_dword(json_t *o, const char *key, uint32_t v)
{
    if (v != SETUP_ABSENT)
        put_uint(o, key, v);
}

static void put_setup(struct inspect *i)
{
    const struct setup_markers *m = &i->setup;
    char reason[SETUP_REASON_MAX];
    enum setup_state s = setup_judge(m, reason);
    json_t *o = put_object(i->doc, "setup"), *k;

    put_text(o, "state", setup_state_name(s));
    put_bool(o, "sealed", s == SETUP_SEALED || s == SETUP_SEALED_AUDIT);
    put_text(o, "reason", reason);
    k = put_object(o, "markers");
    put_dword(k, "SetupType", m->setup_type);
    if (m->have_system)
        put_text(k, "CmdLine", m->command);
    put_dword(k, "SystemSetupInProgress", m->system_setup);
    put_dword(k, "OOBEInProgress", m->oobe);
    put_dword(k, "AuditInProgress", m->audit);
    put_dword(k, "GeneralizationState", m->generalization);
    put_dword(k, "CleanupState", m->cleanup);
    put_text(k, "ImageState", m->image_state[0] ? m->image_state : NULL);
    put_text(k, "RespecializeCmdLine", m->respecialize[0] ? m->respecialize : NULL);
    put_text(k, "UnattendFile", m->answer_file[0] ? m->answer_file : NULL);
    put_text(o, "generalised_last", m->clone_tag[0] ? m->clone_tag : NULL);
}

/* How often it may still be rearmed is kept in the protected licence store. */
static void put_rearm(struct inspect *i)
{
    unsigned build = fact_build(i);
    json_t *o = put_object(i->doc, "rearm");

    if (build)
        put_uint(o, "limit", build >= 9200 ? 1001 : 3);
    put_bool(o, "skip_rearm", i->setup.skip_rearm == 1);
    put_text(o, "count", "not readable offline (protected store); ask 'slmgr /dlv' in Windows");
}

/* ---- hibernation, encryption, the volume ----------------------------------------------------- */

static int put_hibernation(struct inspect *i, struct err *e)
{
    json_t *o = put_object(i->doc, "hibernation");
    struct err scratch = { 0 };
    struct win_stat st;
    uint8_t magic[4] = { 0 };
    size_t got = 0;
    int r = win_tree_stat(i->os, "hiberfil.sys", &st, &scratch);

    if (r < 0 && r != -ENOENT) {
        *e = scratch;
        return r;
    }
    put_bool(o, "file", r == 0);
    if (r == 0) {
        put_uint(o, "bytes", st.bytes);
        r = win_tree_read_at(i->os, "hiberfil.sys", 0, magic, sizeof magic, &got, &scratch);
        put_bool(o, "active",
                 r == 0 && (memcmp(magic, "hibr", 4) == 0 || memcmp(magic, "HIBR", 4) == 0));
    } else {
        put_bool(o, "active", false);
    }
    if (i->sets.n)
        put_bool(o, "fast_startup",
                 look_dword(i->system, i->sets.current_key, "Control\\Session Manager\\Power",
                            "HiberbootEnabled", 0) == 1);
    return 0;
}

static void put_bitlocker(struct inspect *i)
{
    json_t *o = put_object(i->doc, "bitlocker");
    json_t *list = put_array(o, "encrypted_partitions");

    for (size_t k = 0; k < i->w->parts.n; k++)
        if (i->w->parts.part[k].holds == WIN_HOLDS_BITLOCKER)
            (void)json_array_append_new(list, json_integer((json_int_t)i->w->parts.part[k].number));
    put_bool(o, "encrypted", json_array_size(list) > 0);
}

static int put_volume_state(struct inspect *i, struct err *e)
{
    json_t *o = json_object_get(json_object_get(i->doc, "source"), "volume");
    enum win_volume_state s;
    int r;

    if (win_tree_kind(i->os) != WIN_TREE_NTFS)
        return 0;
    r = win_ntfs_state(i->os, &s, e);
    if (r == 0)
        put_text(o, "state", win_volume_state_name(s));
    return r;
}

int inspect_state(struct inspect *i, struct err *e)
{
    int r;

    put_setup(i);
    put_rearm(i);
    if (i->system || i->software) {
        r = put_servicing(i, e);
        if (r < 0)
            return r;
    }
    r = put_volume_state(i, e);
    if (r < 0 || win_tree_kind(i->os) == WIN_TREE_FOLDER)
        return r;
    put_bitlocker(i);
    return put_hibernation(i, e);
}

/* ---- event logs ------------------------------------------------------------------------------ */

struct logs {
    struct inspect *i;
    uint64_t n, bytes, events, dirty, damaged, empty;
};

static void look_at_log(struct logs *l, const char *name, uint64_t bytes)
{
    _cleanup_free_ char *path = xasprintf(LOGS_DIR "/%s", name);
    struct err scratch = { 0 };
    struct evtx_info info;
    uint8_t head[EVTX_HEAD_BYTES];
    size_t got = 0;

    if (win_tree_read_at(l->i->os, path, 0, head, sizeof head, &got, &scratch) < 0 ||
        evtx_head(head, got, bytes, &info, &scratch) < 0) {
        l->damaged++;
        return;
    }
    l->events += info.next_record - 1;
    l->empty += info.next_record == 1;
    l->dirty += (info.flags & EVTX_DIRTY) != 0;
}

static bool is_log(const struct win_name *n)
{
    size_t len = strlen(n->name);

    return !n->st.is_dir && len >= 5 && str_eq_nocase(n->name + len - 5, ".evtx");
}

int inspect_logs(struct inspect *i, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { 0 };
    struct logs l = { .i = i };
    json_t *o;
    int r = win_tree_list(i->os, LOGS_DIR, win_names_keep, &x, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0)
        return r;
    for (size_t k = 0; k < x.n && l.n < LOGS_MAX; k++) {
        if (!is_log(&x.v[k]))
            continue;
        l.n++;
        l.bytes += x.v[k].st.bytes;
        look_at_log(&l, x.v[k].name, x.v[k].st.bytes);
    }
    o = put_object(i->doc, "event_logs");
    put_uint(o, "files", l.n);
    put_uint(o, "bytes", l.bytes);
    put_uint(o, "events_ever", l.events);
    put_uint(o, "empty", l.empty);
    put_uint(o, "open_when_stopped", l.dirty);
    put_uint(o, "damaged", l.damaged);
    return 0;
}

/* ---- hives ----------------------------------------------------------------------------------- */

int inspect_hives(struct inspect *i, struct err *e)
{
    json_t *list = put_array(i->doc, "hives");
    const struct hive *v;
    size_t at = 0;

    (void)e;
    while ((v = hives_next(i->h, &at)) != NULL) {
        json_t *o;

        if (!v->regf)
            continue;
        o = json_object();
        put_text(o, "path", v->path);
        put_uint(o, "bytes", v->info.bytes);
        put_uint(o, "minor_version", v->info.minor);
        put_bool(o, "dirty", v->info.was_dirty);
        put_uint(o, "log_entries", v->info.log_entries);
        put_bool(o, "newest_keys_missing", v->dirty_without_logs);
        (void)json_array_append_new(list, o);
    }
    return 0;
}
