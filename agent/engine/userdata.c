/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of XML user data. It is not XML (a script holds any character): a tag is its literal
 * text, and what stands between two of them is taken as it is. */
#include <errno.h>
#include <string.h>

#include "engine/userdata-run.h"
#include "lib/str.h"

struct span {
    const char *p;
    size_t n;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same(const char *a, const char *b, size_t n, bool any_case)
{
    for (size_t i = 0; i < n; i++)
        if (any_case ? lower(a[i]) != lower(b[i]) : a[i] != b[i])
            return false;
    return true;
}

static const char *find(const char *p, const char *end, const char *what, bool any_case)
{
    size_t n = strlen(what);

    for (; (size_t)(end - p) >= n; p++)
        if (same(p, what, n, any_case))
            return p;
    return NULL;
}

/* What stands between <name> and </name>; false when it is not there (or, with `once`, more than
 * once). */
static bool between(struct span text, const char *name, const struct dialect *d, struct span *ret)
{
    const char *end = text.p + text.n, *from, *to;
    struct str open = STR_INIT(64), close = STR_INIT(64);
    bool found = false;

    str_addf(&open, "<%s>", name);
    str_addf(&close, "</%s>", name);
    from = find(text.p, end, str_text(&open), d->tags_any_case);
    if (from) {
        from += open.len;
        to = find(from, end, str_text(&close), d->tags_any_case);
        found = to && !(d->tags_once && find(from, end, str_text(&open), d->tags_any_case));
        if (found)
            *ret = (struct span){ from, (size_t)(to - from) };
    }
    str_done(&open);
    str_done(&close);
    return found;
}

static int take_text(struct span text, const char *name, const struct dialect *d, char **ret,
                     struct span *ret_at, struct err *e)
{
    struct span s;

    if (!between(text, name, d, &s))
        return 0;
    *ret = str_dup_n(s.p, s.n);
    *ret_at = s;
    return *ret ? 0 : err_oom(e);
}

static bool take_bool(struct span text, const char *name, const struct dialect *d, bool *ret_given)
{
    struct span s;

    if (!between(text, name, d, &s))
        return false;
    *ret_given = true;
    while (s.n && strchr(" \t\r\n", *s.p)) {
        s.p++;
        s.n--;
    }
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    return s.n == 4 && same(s.p, "true", 4, true);
}

/* The text without the scripts, so that a word inside a script is no tag of ours. */
static int outside(struct span text, struct span a, struct span b, struct str *out, struct err *e)
{
    for (size_t i = 0; i < text.n; i++) {
        const char *c = text.p + i;

        if ((a.p && c >= a.p && c < a.p + a.n) || (b.p && c >= b.p && c < b.p + b.n))
            continue;
        str_addc(out, *c);
    }
    return str_check(out, "user data", e);
}

int userdata_tags_parse(const struct dialect *d, const char *text, size_t n,
                        struct userdata_tags *ret, struct err *e)
{
    _cleanup_str_ struct str rest = STR_INIT(USERDATA_SCRIPT_MAX);
    struct span all = { text, n }, script = { 0 }, powershell = { 0 }, ignore = { 0 };
    struct userdata_tags t = { 0 };
    bool given = false;
    int r;

    if (n > USERDATA_SCRIPT_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "user data has %zu bytes, the limit is %zu", n,
                       (size_t)USERDATA_SCRIPT_MAX);
    r = take_text(all, "script", d, &t.script, &script, e);
    if (r == 0)
        r = take_text(all, "powershell", d, &t.powershell, &powershell, e);
    if (r == 0)
        r = outside(all, script, powershell, &rest, e);
    if (r == 0) {
        struct span others = d->tags_once ? all : (struct span){ str_text(&rest), rest.len };

        r = take_text(others, "powershellArguments", d, &t.powershell_arguments, &ignore, e);
        t.persist = take_bool(others, "persist", d, &t.has_persist);
        t.as_local_system = take_bool(others, "runAsLocalSystem", d, &t.has_as_local_system);
        t.detach = d->id == DIALECT_V2 && take_bool(others, "detach", d, &given);
    }
    if (r < 0) {
        userdata_tags_done(&t);
        return r;
    }
    *ret = t;
    return t.script || t.powershell;
}

void userdata_tags_done(struct userdata_tags *t)
{
    free(t->script);
    free(t->powershell);
    free(t->powershell_arguments);
    *t = (struct userdata_tags){ 0 };
}
