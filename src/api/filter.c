/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filter.N.Name with Filter.N.Value.M: values of one filter are ORed, filters ANDed. Checked and
 * gathered once for each request, then asked once for each record. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "request.h"

#define FILTER_VALUES_MAX 200 /* in one request, EC2's limit */

enum filter_kind { FILTER_RECORD, FILTER_TAG, FILTER_TAG_KEY, FILTER_TAG_VALUE };

struct filter {
    enum filter_kind kind;
    const struct filter_def *def; /* FILTER_RECORD */
    const char *key;              /* FILTER_TAG */
    const char **values;
    size_t n;
};

struct filter_set {
    struct filter *v;
    size_t n;
    const char **values; /* of all filters, one block */
};

struct filter_match {
    const struct filter *f;
    bool hit;
};

void filter_set_free(struct filter_set *f)
{
    if (!f)
        return;
    free(f->values);
    free(f->v);
    free(f);
}

bool filter_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *again = NULL;

    while (*text) {
        bool quoted = pattern[0] == '\\' && pattern[1];
        const char *p = pattern + quoted;

        if (!quoted && *pattern == '*') {
            star = ++pattern;
            again = text;
        } else if (!quoted && *pattern == '?') {
            pattern++;
            /* one character, not one byte */
            do
                text++;
            while (((unsigned char)*text & 0xc0) == 0x80);
        } else if (*p && *p == *text) {
            pattern = p + 1;
            text++;
        } else if (star) {
            pattern = star;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

void filter_offer(struct filter_match *f, const char *value)
{
    for (size_t i = 0; value && !f->hit && i < f->f->n; i++)
        f->hit = filter_glob(f->f->values[i], value);
}

void filter_offer_bool(struct filter_match *f, bool v)
{
    filter_offer(f, v ? "true" : "false");
}

void filter_offer_uint(struct filter_match *f, uint64_t v)
{
    char buf[24];
    size_t at = sizeof(buf);

    buf[--at] = '\0';
    do
        buf[--at] = (char)('0' + v % 10);
    while (v /= 10);
    filter_offer(f, buf + at);
}

void filter_offer_time(struct filter_match *f, uint64_t real_ms)
{
    char buf[CLOCK_ISO_MAX];

    clock_iso8601(real_ms, buf);
    filter_offer(f, buf);
}

static int name_filter(struct api_call *c, const struct filter_def *defs, const char *name,
                       struct filter *ret, struct err *e)
{
    char shown[120];

    if (str_starts(name, "tag:") && name[4]) {
        *ret = (struct filter){ .kind = FILTER_TAG, .key = name + 4 };
        return 0;
    }
    if (str_eq(name, "tag-key") || str_eq(name, "tag-value")) {
        ret->kind = str_eq(name, "tag-key") ? FILTER_TAG_KEY : FILTER_TAG_VALUE;
        return 0;
    }
    for (const struct filter_def *d = defs; d && d->name; d++)
        if (str_eq(d->name, name)) {
            *ret = (struct filter){ .kind = FILTER_RECORD, .def = d };
            return 0;
        }
    return api_fail(c, e, "InvalidParameterValue", "The filter '%s' is invalid",
                    str_show(name, shown, sizeof(shown)));
}

/* The i-th filter's values go to set->values from *used on. */
static int gather(struct api_call *c, const struct filter_def *defs, size_t i,
                  struct filter_set *set, size_t *used, struct err *e)
{
    struct filter *f = &set->v[i];
    char list[64];
    size_t n;
    int r = name_filter(c, defs, api_item(c, "Filter", i, "Name"), f, e);

    if (r < 0)
        return r;
    (void)api_sub(c, "Filter", i, "Value", list, sizeof(list));
    n = api_count(c, list);
    if (n > FILTER_VALUES_MAX - *used)
        return api_fail(c, e, "FilterLimitExceeded", "The request has more than %d filter values",
                        FILTER_VALUES_MAX);
    f->values = set->values + *used;
    for (size_t k = 0; k < n; k++)
        f->values[f->n++] = api_item(c, list, k, "");
    *used += n;
    return 0;
}

int api_filters_check(struct api_call *c, const struct filter_def *defs, struct err *e)
{
    size_t n = api_count(c, "Filter"), used = 0;
    struct filter_set *set;
    int r = 0;

    filter_set_free(c->req->filters);
    c->req->filters = set = xcalloc(1, sizeof(*set));
    if (n > FILTER_VALUES_MAX)
        return api_fail(c, e, "FilterLimitExceeded", "The request has more than %d filters",
                        FILTER_VALUES_MAX);
    set->v = xcalloc(n + 1, sizeof(*set->v));
    set->values = xcalloc(FILTER_VALUES_MAX, sizeof(*set->values));
    for (size_t i = 0; r == 0 && i < n; i++)
        r = gather(c, defs, i, set, &used, e);
    if (r == 0)
        set->n = n;
    return r;
}

static void offer_tags(struct filter_match *m, const struct tag_list *tags)
{
    for (size_t i = 0; tags && i < tags->n && !m->hit; i++) {
        const struct tag *t = &tags->v[i];

        if (m->f->kind == FILTER_TAG_KEY)
            filter_offer(m, t->key);
        else if (m->f->kind == FILTER_TAG_VALUE || str_eq(t->key, m->f->key))
            filter_offer(m, t->value);
    }
}

bool api_filters_pass(struct api_call *c, const struct filter_def *defs, const void *record,
                      const struct tag_list *tags)
{
    const struct filter_set *set = c->req->filters;

    (void)defs; /* bound by api_filters_check */
    for (size_t i = 0; set && i < set->n; i++) {
        struct filter_match m = { .f = &set->v[i] };

        if (m.f->kind != FILTER_RECORD)
            offer_tags(&m, tags);
        else if (m.f->def->values)
            m.f->def->values(record, &m);
        if (!m.hit)
            return false;
    }
    return true;
}
