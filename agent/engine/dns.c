/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dns.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"

#define TCPIP    "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define DNSCACHE "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Dnscache\\Parameters"

#define LIST_MAX    KIB(8)
#define LEVEL_USUAL 2U
#define LEVEL_MAX   127U

struct list {
    struct str text; /* "a.example,b.example" */
    size_t n;
};

static bool holds(const struct list *l, const char *suffix, size_t n)
{
    const char *p = str_text(&l->text);

    while (*p) {
        size_t one = strcspn(p, ",");

        if (one == n) {
            _cleanup_free_ char *a = str_dup_n(p, one), *b = str_dup_n(suffix, n);

            if (a && b && str_eq_nocase(a, b))
                return true;
        }
        p += one;
        p += *p == ',';
    }
    return false;
}

/* What can stand in a search list: no separator inside, no blank, no dot at an end. */
static void add(struct list *l, const char *suffix, size_t n)
{
    while (n && (*suffix == ' ' || *suffix == '.')) {
        suffix++;
        n--;
    }
    while (n && (suffix[n - 1] == ' ' || suffix[n - 1] == '.'))
        n--;
    if (n == 0 || n > 253 || l->n == DNS_SUFFIXES_MAX || holds(l, suffix, n))
        return;
    if (l->n++)
        str_addc(&l->text, ',');
    str_add_mem(&l->text, suffix, n);
}

static void add_all(struct list *l, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, ", ");

        add(l, text, n);
        text += n;
        text += *text != '\0';
    }
}

/* suffix with $REGION and $AZ replaced; NULL in *ret when a value is missing. */
static int expand(const char *suffix, const char *region, const char *zone, char **ret,
                  struct err *e)
{
    struct str s = STR_INIT(KIB(1));

    *ret = NULL;
    while (*suffix) {
        bool is_region = str_starts(suffix, "$REGION"), is_zone = str_starts(suffix, "$AZ");
        const char *value = is_region ? region : zone;

        if (!is_region && !is_zone) {
            str_addc(&s, *suffix++);
            continue;
        }
        if (!value || !*value) {
            str_done(&s);
            return 0;
        }
        str_add(&s, value);
        suffix += is_region ? 7 : 3;
    }
    int r = str_check(&s, "a DNS suffix", e);
    if (r == 0)
        *ret = str_take(&s);
    str_done(&s);
    return r;
}

static int add_wishes(struct list *l, const char *const *suffixes, size_t n, const char *region,
                      const char *zone, struct log *log, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *one = NULL;
        int r = expand(suffixes[i], region, zone, &one, e);

        if (r < 0)
            return r;
        if (one)
            add_all(l, one);
        else
            log_say(log, LOG_WARNING, "DNS suffix '%s' is left out: its value is not known.",
                    suffixes[i]);
    }
    return 0;
}

/* The domain's parents down to `level` labels: a.b.example.com, b.example.com, example.com. */
static int add_domain(struct win *w, struct list *l, struct log *log, struct err *e)
{
    _cleanup_free_ char *domain = NULL;
    uint32_t devolve = 0, level = LEVEL_USUAL;
    int r = win_reg_text(w, TCPIP, "Domain", &domain, e);

    if (r < 0)
        return r;
    r = win_reg_u32(w, TCPIP, "UseDomainNameDevolution", &devolve, e);
    if (r < 0)
        return r;
    if (r == 0)
        log_say(log, LOG_INFO,
                "Optional registry key UseDomainNameDevolution doesn't exist. "
                "Skipping domain devolution.");
    r = win_reg_u32(w, DNSCACHE, "DomainNameDevolutionLevel", &level, e);
    if (r < 0)
        return r;
    if (!domain)
        return 0;
    add(l, domain, strlen(domain));
    for (const char *p = strchr(domain, '.'); p && devolve == 1; p = strchr(p, '.')) {
        unsigned labels = 1;

        p++;
        for (const char *q = p; (q = strchr(q, '.')) != NULL && labels < LEVEL_MAX; q++)
            labels++;
        if (labels < level || labels < LEVEL_USUAL)
            break;
        add(l, p, strlen(p));
    }
    return 0;
}

static int add_rest(struct win *w, struct list *l, struct log *log, struct err *e)
{
    _cleanup_free_ struct win_adapter *nics = NULL;
    _cleanup_free_ char *nv = NULL;
    struct err ignore = { 0 };
    size_t n = 0;
    int r = win_reg_text(w, TCPIP, "NV Domain", &nv, e);

    if (r < 0)
        return r;
    if (r == 0)
        log_say(log, LOG_INFO, "Optional registry key NV Domain doesn't exist.");
    else
        add(l, nv, strlen(nv));
    if (w->adapters(w, &nics, &n, &ignore) < 0) {
        log_say(log, LOG_WARNING, "No DNS suffixes of adapters: %s", ignore.msg);
        n = 0;
    }
    for (size_t i = 0; i < n; i++)
        add(l, nics[i].suffix, strlen(nics[i].suffix));
    return 0;
}

int dns_suffixes_apply(struct win *w, const char *const *suffixes, size_t n, const char *region,
                       const char *zone, struct log *log, bool *ret_changed, struct err *e)
{
    struct list l = { .text = STR_INIT(LIST_MAX) };
    _cleanup_free_ char *now = NULL;
    bool changed;
    int r = win_reg_text(w, TCPIP, "SearchList", &now, e);

    log_say(log, LOG_INFO, "Add DNS suffixes.");
    if (r >= 0)
        r = add_wishes(&l, suffixes, n, region, zone, log, e);
    if (r >= 0) {
        log_say(log, LOG_INFO, "Current suffix list: %s", now ? now : "");
        if (now)
            add_all(&l, now);
        r = add_domain(w, &l, log, e);
    }
    if (r >= 0)
        r = add_rest(w, &l, log, e);
    if (r >= 0)
        r = str_check(&l.text, "the DNS search list", e);
    changed = r >= 0 && !str_eq(now ? now : "", str_text(&l.text));
    if (changed)
        r = w->reg_set_text(w, TCPIP, "SearchList", str_text(&l.text), e);
    if (r >= 0) {
        *ret_changed = changed;
        r = 0;
    }
    str_done(&l.text);
    return r < 0 ? err_wrap(e, "set the DNS suffixes") : 0;
}
