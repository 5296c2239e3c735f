/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Setup would refuse in an answer file, and what its author ought to know, each with the line
 * and the wrong word. */
#include "answer-priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "answer-rules.h"
#include "str.h"

#define DEPTH_MAX 16
#define SHOWN     64
#define SCRUBBED  "*SENSITIVE*DATA*DELETED*"

struct check {
    struct answer_faults *f;
    enum answer_pass pass;
    const char *component;
    const xmlNode *stack[DEPTH_MAX]; /* elements from the component's child on */
    size_t depth;
};

static void path_of(const struct check *c, char *out, size_t size)
{
    struct str s = STR_INIT(size - 1);

    str_add(&s, c->pass < PASS_MAX ? answer_pass_name(c->pass) : "unattend");
    if (c->component)
        str_addf(&s, "/%s", c->component);
    for (size_t i = 0; i < c->depth; i++)
        str_addf(&s, "/%s", answer_name(c->stack[i]));
    (void)str_show(str_text(&s), out, size);
    str_done(&s);
}

static void PRINTF_LIKE(4, 5)
    fault(struct check *c, const xmlNode *at, bool is_error, const char *fmt, ...)
{
    struct answer_fault *x;
    char raw[ANSWER_PATH_MAX];
    va_list ap;

    if (is_error)
        c->f->errors++;
    else
        c->f->notes++;
    if (c->f->n == ANSWER_FAULTS_MAX)
        return;
    x = &c->f->v[c->f->n++];
    x->line = (unsigned)xmlGetLineNo(at);
    x->is_error = is_error;
    path_of(c, x->path, sizeof x->path);
    va_start(ap, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    (void)str_show(raw, x->text, sizeof x->text);
}

static void unknown(struct check *c, const xmlNode *at, const char *what, const char *meant)
{
    char show[SHOWN];

    fault(c, at, true, "%s '%s' is not known%s%s%s", what,
          str_show(answer_name(at), show, sizeof show), meant ? "; '" : "", meant ? meant : "",
          meant ? "' is meant?" : "");
}

/* Looking for what is meant is dear: only for what is told. */
static bool is_full(const struct check *c)
{
    return c->f->n == ANSWER_FAULTS_MAX;
}

/* Plain text stands where only elements belong. */
static void check_no_text(struct check *c, const xmlNode *n)
{
    char show[SHOWN];

    for (const xmlNode *k = n->children; k; k = k->next)
        if ((k->type == XML_TEXT_NODE || k->type == XML_CDATA_SECTION_NODE) && !xmlIsBlankNode(k)) {
            const char *t = (const char *)k->content;

            t += strspn(t, " \t\r\n");
            fault(c, k, true, "text '%s' where elements belong", str_show(t, show, sizeof show));
            return;
        }
}

static void check_value(struct check *c, const xmlNode *n, const struct rule *r)
{
    _cleanup_free_ char *v = answer_text(n);
    char text[ANSWER_PATH_MAX];

    if (!v)
        return;
    if (answer_first(n)) {
        fault(c, n, true, "an element stands where a value belongs");
        return;
    }
    if (strcmp(v, SCRUBBED) == 0) {
        fault(c, n, false, "Setup removed the password from this copy of the file");
        return;
    }
    /* Empty is left to the agents: they fill such elements in before Sysprep sees them. */
    if (!*v && (r->kind == RULE_LOCALE || r->kind == RULE_INPUT || r->kind == RULE_COMMAND)) {
        fault(c, n, false, "is empty; the agent must fill it in before Setup reads it");
        return;
    }
    if (rule_value_is_wrong(r, v, text, sizeof text))
        fault(c, n, r->kind != RULE_ZONE, "%s", text);
}

static void check_element(struct check *c, const xmlNode *n, const struct rule *r);

/* Setup takes children only in its own order. */
static void check_kids(struct check *c, const xmlNode *n, const struct rule *table)
{
    const xmlNode *before = NULL;
    size_t highest = 0;

    check_no_text(c, n);
    for (const xmlNode *k = answer_first(n); k; k = answer_next(k)) {
        size_t i = rule_index(table, answer_name(k));

        if (i == SIZE_MAX) {
            unknown(c, k, "the element", is_full(c) ? NULL : rule_nearest(table, answer_name(k)));
            continue;
        }
        if (answer_child(n, answer_name(k)) != k)
            fault(c, k, true, "'%s' stands there twice", answer_name(k));
        else if (before && i < highest && strcmp(answer_name(n), "OOBE") == 0)
            fault(c, k, true, "'%s' must stand before '%s'", answer_name(k), answer_name(before));
        if (i >= highest) {
            highest = i;
            before = k;
        }
        check_element(c, k, &table[i]);
    }
}

static void check_order_number(struct check *c, const xmlNode *item)
{
    const xmlNode *o = answer_child(item, "Order");
    _cleanup_free_ char *mine = o ? answer_text(o) : NULL;

    if (!o) {
        fault(c, item, true, "'%s' has no 'Order'", answer_name(item));
        return;
    }
    for (const xmlNode *k = answer_first(item->parent); k && k != item; k = answer_next(k)) {
        const xmlNode *other = answer_child(k, "Order");
        _cleanup_free_ char *its = other ? answer_text(other) : NULL;

        if (mine && its && strcmp(mine, its) == 0) {
            fault(c, o, true, "the number %s stands there twice", mine);
            return;
        }
    }
}

static void check_list(struct check *c, const xmlNode *n, const struct rule *item)
{
    if (!answer_attr_is(n, "action", "add") && !answer_attr_is(n, "action", "remove") &&
        !answer_attr_is(n, "action", "modify"))
        fault(c, n, true, "'%s' lacks wcm:action=\"add\"", answer_name(n));
    if (rule_find(item->kids, "Order"))
        check_order_number(c, n);
}

static bool is_list_table(const struct rule *table)
{
    return table && table[0].name && table[0].kind == RULE_LIST;
}

static void check_items(struct check *c, const xmlNode *n, const struct rule *table)
{
    size_t count = 0;

    check_no_text(c, n);
    for (const xmlNode *k = answer_first(n); k; k = answer_next(k)) {
        if (strcmp(answer_name(k), table[0].name) != 0) {
            unknown(c, k, "the element", table[0].name);
            continue;
        }
        if (++count > ANSWER_LIST_MAX) {
            fault(c, k, true, "more than %d of '%s'", ANSWER_LIST_MAX, table[0].name);
            return;
        }
        check_list(c, k, &table[0]);
        check_element(c, k, &table[0]);
    }
}

static void check_element(struct check *c, const xmlNode *n, const struct rule *r)
{
    if (c->depth == DEPTH_MAX)
        return;
    c->stack[c->depth++] = n;
    if (r->passes && c->pass < PASS_MAX && !(r->passes & PASS_BIT(c->pass)))
        fault(c, n, false, "has no effect in the pass '%s'", answer_pass_name(c->pass));
    if (r->kind == RULE_LIST || (r->kind == RULE_GROUP && !is_list_table(r->kids)))
        check_kids(c, n, r->kids);
    else if (r->kind == RULE_GROUP)
        check_items(c, n, r->kids);
    else if (r->kind != RULE_ANY)
        check_value(c, n, r);
    c->depth--;
}

static void check_component_attrs(struct check *c, const xmlNode *n)
{
    static const char *const words[][2] = {
        { "processorArchitecture", "amd64|x86|arm64|wow64" },
        { "publicKeyToken", "31bf3856ad364e35" },
        { "language", "neutral" },
        { "versionScope", "nonSxS|SxS" },
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct rule r = { .name = words[i][0], .kind = RULE_WORDS, .words = words[i][1] };
        xmlChar *v = answer_attr(n, words[i][0]);
        char text[ANSWER_PATH_MAX];

        if (!v)
            fault(c, n, true, "the component lacks the attribute '%s'", words[i][0]);
        else if (rule_value_is_wrong(&r, (const char *)v, text, sizeof text))
            fault(c, n, true, "%s: %s", words[i][0], text);
        xmlFree(v);
    }
}

static void check_twice(struct check *c, const xmlNode *n, const xmlChar *name)
{
    xmlChar *arch = answer_attr(n, "processorArchitecture");

    for (const xmlNode *k = answer_first(n->parent); k && k != n; k = answer_next(k))
        if (arch && answer_attr_is(k, "name", (const char *)name) &&
            answer_attr_is(k, "processorArchitecture", (const char *)arch))
            fault(c, n, true, "the component stands there twice for '%s'", (const char *)arch);
    xmlFree(arch);
}

static void check_component(struct check *c, const xmlNode *n)
{
    xmlChar *name = answer_attr(n, "name");
    const struct rule_component *k = name ? rule_component_find((const char *)name) : NULL;
    const char *meant =
        name && !k && !is_full(c) ? rule_nearest_component((const char *)name) : NULL;

    c->component = (const char *)name;
    if (!name)
        fault(c, n, true, "the component has no name");
    else if (!k && meant)
        fault(c, n, true, "the component is not known; '%s' is meant?", meant);
    else if (!k)
        fault(c, n, false, "a component that Kiln does not know: left as it is");
    else if (c->pass < PASS_MAX && !(k->passes & PASS_BIT(c->pass)))
        fault(c, n, false, "the component has no settings in the pass '%s'",
              answer_pass_name(c->pass));
    if (name) {
        check_component_attrs(c, n);
        check_twice(c, n, name);
    }
    if (k && k->rules)
        check_kids(c, n, k->rules);
    c->component = NULL;
    xmlFree(name);
}

static void check_settings(struct check *c, const xmlNode *n)
{
    struct rule passes = { .kind = RULE_WORDS,
                           .words = "windowsPE|offlineServicing|generalize|specialize|auditSystem|"
                                    "auditUser|oobeSystem" };
    char text[ANSWER_PATH_MAX];
    xmlChar *v = answer_attr(n, "pass");

    c->pass = answer_pass_of(n);
    if (!v)
        fault(c, n, true, "'settings' has no pass");
    else if (c->pass == PASS_MAX &&
             rule_value_is_wrong(&passes, (const char *)v, text, sizeof text))
        fault(c, n, true, "pass: %s", text);
    else if (c->pass == PASS_MAX)
        fault(c, n, true, "pass: '%s' is written in the wrong case", (const char *)v);
    xmlFree(v);
    for (const xmlNode *k = answer_first(n); k; k = answer_next(k)) {
        if (strcmp(answer_name(k), "component") != 0)
            unknown(c, k, "the element", "component");
        else
            check_component(c, k);
    }
    check_no_text(c, n);
    c->pass = PASS_MAX;
}

void answer_check(const struct answer *a, struct answer_faults *ret)
{
    struct check c = { .f = ret, .pass = PASS_MAX };

    memset(ret, 0, sizeof *ret);
    check_no_text(&c, a->root);
    for (const xmlNode *n = answer_first(a->root); n; n = answer_next(n)) {
        if (strcmp(answer_name(n), "settings") == 0)
            check_settings(&c, n);
        else if (strcmp(answer_name(n), "servicing") != 0 &&
                 strcmp(answer_name(n), "offlineImage") != 0)
            unknown(&c, n, "the element", "settings");
    }
}

int answer_require_valid(const struct answer *a, struct err *e)
{
    _cleanup_free_ struct answer_faults *f = malloc(sizeof *f);
    char more[48] = "";

    if (!f)
        return err_oom(e);
    answer_check(a, f);
    if (f->errors == 0)
        return 0;
    if (f->errors > 1)
        (void)snprintf(more, sizeof more, " (and %zu more)", f->errors - 1);
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].is_error)
            return err_set(e, EINVAL, ERR_INVALID, "answer file: line %u: %s: %s%s", f->v[i].line,
                           f->v[i].path, f->v[i].text, more);
    return err_set(e, EINVAL, ERR_INVALID, "answer file: %zu faults", f->errors);
}
