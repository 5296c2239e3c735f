/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "records.h"

#define CANDIDATES_SHOWN 5

static bool is_ended(const json_t *r)
{
    const char *state = rec_text(r, "state");

    return str_eq(state, "terminated") || str_eq(state, "shutting-down") ||
           str_eq(state, "deleted");
}

static bool fits(const json_t *r, const char *text, bool by_id)
{
    return by_id ? str_starts(rec_text(r, "id"), text)
                 : str_eq(rec_text(r, "name"), text) ||
                       str_eq(rec_text(json_object_get(r, "tags"), "Name"), text);
}

static size_t collect(const json_t *records, const char *text, bool by_id, bool ended,
                      json_t *found)
{
    size_t i;
    json_t *r;

    json_array_foreach (records, i, r) {
        if (fits(r, text, by_id) && is_ended(r) == ended)
            json_array_append(found, r);
    }
    return json_array_size(found);
}

static int ambiguous(enum kind k, const json_t *found, const char *text, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(400);
    size_t i;
    json_t *r;

    json_array_foreach (found, i, r) {
        if (i == CANDIDATES_SHOWN)
            break;
        str_addf(&s, "%s%s", i ? ", " : "", rec_text(r, "id"));
    }
    return err_set(e, ENOTUNIQ, ERR_CONFLICT, "'%s' fits %zu %s: %s%s", text,
                   json_array_size(found), kind_def(k)->plural, str_text(&s),
                   json_array_size(found) > CANDIDATES_SHOWN ? ", …" : "");
}

int names_choose(enum kind k, const json_t *records, const char *text, const char **ret,
                 struct err *e)
{
    _cleanup_json_ json_t *found = json_array();
    bool by_id = kind_of_id(text) == k;

    /* A name that looks like the beginning of an id is still a name when no id begins so. */
    if ((by_id && collect(records, text, true, false, found)) ||
        collect(records, text, false, false, found) ||
        (by_id && collect(records, text, true, true, found)) ||
        collect(records, text, false, true, found)) {
        if (json_array_size(found) > 1)
            return ambiguous(k, found, text, e);
        *ret = rec_text(json_array_get(found, 0), "id"); /* records holds it */
        return 1;
    }
    return 0;
}

/* 1 found, 0 not of this kind */
static int try_kind(struct cli *c, enum kind k, const char *text, char ret_id[64], struct err *e)
{
    _cleanup_json_ json_t *records = NULL;
    const char *id = NULL;
    int r = records_get(c, k, NULL, &records, e);

    if (r < 0)
        return r;
    r = names_choose(k, records, text, &id, e);
    if (r > 0 && str_copy(ret_id, 64, id) < 0)
        return err_set(e, EPROTO, ERR_IO, "the server's id '%s' is too long", id);
    return r;
}

int names_resolve(struct cli *c, enum kind k, const char *text, char ret_id[64],
                  enum kind *ret_kind, struct err *e)
{
    enum kind of = kind_of_id(text), first = k < KIND_MAX ? k : of < KIND_MAX ? of : 0;
    bool one = k < KIND_MAX || of < KIND_MAX;

    if (of < KIND_MAX && (k == KIND_MAX || k == of) && kind_is_id(of, text)) {
        if (ret_kind)
            *ret_kind = of;
        return str_copy(ret_id, 64, text); /* the server knows whether it exists */
    }
    for (enum kind i = first; i < (one ? first + 1 : KIND_MAX); i++) {
        int r = try_kind(c, i, text, ret_id, e);

        if (r < 0)
            return r;
        if (r > 0 && ret_kind)
            *ret_kind = i;
        if (r > 0)
            return 0;
    }
    return err_set(e, ENOENT, ERR_NOT_FOUND, "no %s has the id or the name '%s'",
                   one ? kind_def(first)->word : "resource", text);
}
