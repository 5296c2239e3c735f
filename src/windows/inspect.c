/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be told about a Windows without starting it. The document: docs/windows/inspect.md. */
#include "inspect-priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEAP_MAX 64 /* files of a heap that are asked */

/* ---- words ----------------------------------------------------------------------------------- */

static json_t *text_json(const char *text)
{
    json_t *j = json_string(text);
    char show[512];

    return j ? j : json_string_nocheck(str_show(text, show, sizeof show));
}

void put_text(json_t *o, const char *key, const char *text)
{
    if (text)
        (void)json_object_set_new(o, key, text_json(text));
}

void put_take(json_t *o, const char *key, char *text)
{
    put_text(o, key, text);
    free(text);
}

void put_uint(json_t *o, const char *key, uint64_t v)
{
    (void)json_object_set_new(o, key, json_integer((json_int_t)v));
}

void put_bool(json_t *o, const char *key, bool v)
{
    (void)json_object_set_new(o, key, json_boolean(v));
}

static json_t *put_new(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
    return json_object_get(o, key);
}

json_t *put_object(json_t *o, const char *key)
{
    return put_new(o, key, json_object());
}

json_t *put_array(json_t *o, const char *key)
{
    return put_new(o, key, json_array());
}

void append_text(json_t *array, const char *text)
{
    (void)json_array_append_new(array, text_json(text));
}

void inspect_note(struct inspect *i, const char *fmt, ...)
{
    char text[700];
    va_list ap;

    if (!i->notes)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    append_text(i->notes, text);
}

char *look_text(const struct regf *h, uint32_t base, const char *path, const char *value)
{
    uint32_t key = h ? regf_find(h, base, path) : 0;

    return key ? regf_text(h, key, value) : NULL;
}

uint32_t look_dword(const struct regf *h, uint32_t base, const char *path, const char *value,
                    uint32_t otherwise)
{
    uint32_t key = h ? regf_find(h, base, path) : 0;

    return key ? regf_dword(h, key, value, otherwise) : otherwise;
}

/* ---- a heap of hives ------------------------------------------------------------------------- */

/* Which hive a file is, by its content: HIVE_ID_MAX when it is none of the machine's. */
static enum hive_id hive_by_content(const struct regf *h)
{
    static const struct {
        enum hive_id id;
        const char *key;
    } signs[] = {
        { HIVE_SYSTEM, "Select" },
        { HIVE_SAM, "SAM\\Domains\\Account" },
        { HIVE_SECURITY, "Policy\\PolAcDmS" },
        { HIVE_SOFTWARE, NT_KEY },
    };

    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (regf_find(h, 0, signs[i].key))
            return signs[i].id;
    return HIVE_ID_MAX;
}

/* Logs lie beside hives; they begin alike. */
static bool may_be_hive(const struct win_name *n)
{
    size_t len = strlen(n->name);
    const char *tail = n->name + (len > 5 ? len - 5 : 0);

    return !n->st.is_dir && n->st.bytes >= 4096 && !str_eq_nocase(tail, ".LOG1") &&
           !str_eq_nocase(tail, ".LOG2");
}

/* Files of a folder may have any name: each is asked what it is. */
static int place_heap(struct inspect *i, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { 0 };
    unsigned asked = 0;
    int r = win_tree_names(i->os, "", false, &x, e);

    for (size_t k = 0; r == 0 && k < x.n && asked < HEAP_MAX; k++) {
        struct hive_file f = { i->os, x.v[k].name };
        struct regf_source s = hive_source(&f, x.v[k].st.bytes);
        struct err scratch = { 0 };
        struct hive *v = NULL;
        enum hive_id id;

        asked += may_be_hive(&x.v[k]);
        if (!may_be_hive(&x.v[k]) || !regf_is_hive(&s))
            continue;
        if (hives_get_path(i->h, x.v[k].name, &v, &scratch) < 0 || !v->regf) {
            inspect_note(i, "%s", scratch.msg);
            continue;
        }
        id = hive_by_content(v->regf);
        if (id != HIVE_ID_MAX)
            hives_place(i->h, id, x.v[k].name);
    }
    return r;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_one(struct inspect *i, enum hive_id id, struct regf **ret, bool strict,
                    struct err *e)
{
    struct hive *v = NULL;
    int r = hives_get(i->h, id, &v, e);

    if (r < 0 && !strict && e->kind != ERR_IO) {
        inspect_note(i, "%s", e->msg);
        err_clear(e);
        return 0;
    }
    if (r < 0)
        return r;
    *ret = v->regf;
    if (v->regf && v->dirty_without_logs)
        inspect_note(i,
                     "%s: changed last without its logs LOG1 and LOG2, which are not here; its "
                     "newest keys may be missing",
                     v->path);
    return 0;
}

int inspect_open(struct inspect *i, struct windows *w, bool strict, struct err *e)
{
    int r = 0;

    i->w = w;
    i->os = w->os;
    i->h = hives_new(w->os, strict);
    if (win_tree_kind(i->os) == WIN_TREE_FOLDER)
        r = place_heap(i, e);
    if (r == 0)
        r = open_one(i, HIVE_SYSTEM, &i->system, strict, e);
    if (r == 0)
        r = open_one(i, HIVE_SOFTWARE, &i->software, strict, e);
    if (r == 0)
        r = open_one(i, HIVE_SAM, &i->sam, strict, e);
    if (r == 0)
        r = open_one(i, HIVE_SECURITY, &i->security, strict, e);
    if (r < 0)
        return r;
    if (i->system && control_sets(i->system, &i->sets, e) < 0) {
        if (strict)
            return -e->no;
        inspect_note(i, "%s", e->msg);
        err_clear(e);
    }
    setup_read(i->system, i->software, &i->setup);
    return 0;
}

void inspect_done(struct inspect *i)
{
    hives_free(i->h);
    json_decref(i->doc);
    *i = (struct inspect){ 0 };
}

/* ---- the document ---------------------------------------------------------------------------- */

typedef int (*section_fn)(struct inspect *i, struct err *e);

int windows_inspect(struct windows *w, json_t **ret, struct err *e)
{
    static const section_fn sections[] = {
        inspect_source, inspect_version, inspect_identity, inspect_state, inspect_users,
        inspect_agents, inspect_drivers, inspect_logs,     inspect_hives, inspect_actions,
    };
    _cleanup_(inspect_done) struct inspect i = { 0 };
    int r;

    i.doc = json_object();
    i.notes = json_array();
    if (!i.doc || !i.notes)
        return err_oom(e);
    r = inspect_open(&i, w, false, e);
    for (size_t k = 0; r == 0 && k < ARRAY_LEN(sections); k++)
        r = sections[k](&i, e);
    if (r < 0) {
        json_decref(i.notes);
        return err_wrap(e, "inspect");
    }
    if (!i.system && !i.software && !i.sam && !i.security)
        inspect_note(&i, "none of the hives SYSTEM, SOFTWARE, SAM and SECURITY was found");
    (void)json_object_set_new(i.doc, "notes", i.notes);
    *ret = TAKE_PTR(i.doc);
    return 0;
}
