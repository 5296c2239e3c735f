/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "xml-priv.h"

const char *xml_local_name(const struct xml_node *n)
{
    const char *colon = n->name ? strrchr(n->name, ':') : NULL;

    return colon ? colon + 1 : n->name ? n->name : "";
}

static struct xml_node *named_from(struct xml_node *n, const char *name)
{
    for (; n; n = n->next)
        if (n->type == XML_ELEMENT && (!name || str_eq(xml_local_name(n), name)))
            return n;
    return NULL;
}

struct xml_node *xml_child(const struct xml_node *n, const char *name)
{
    return n ? named_from(n->first, name) : NULL;
}

struct xml_node *xml_next_named(const struct xml_node *n, const char *name)
{
    return named_from(n->next, name);
}

struct xml_node *xml_first_element(const struct xml_node *n)
{
    return n ? named_from(n->first, NULL) : NULL;
}

struct xml_node *xml_next_element(const struct xml_node *n)
{
    return named_from(n->next, NULL);
}

static struct xml_attr *find_attr(const struct xml_node *n, const char *name)
{
    for (struct xml_attr *a = n->attrs; a; a = a->next)
        if (str_eq(a->name, name))
            return a;
    for (struct xml_attr *a = n->attrs; a; a = a->next) {
        const char *colon = strrchr(a->name, ':');

        if (colon && str_eq(colon + 1, name))
            return a;
    }
    return NULL;
}

const char *xml_attr(const struct xml_node *n, const char *name)
{
    const struct xml_attr *a = find_attr(n, name);

    return a ? a->value : NULL;
}

char *xml_text(const struct xml_node *n)
{
    _cleanup_str_ struct str s = STR_INIT(XML_FILE_MAX);
    const char *start, *end;

    for (const struct xml_node *c = n->first; c; c = c->next)
        if (c->type == XML_TEXT || c->type == XML_CDATA)
            str_add(&s, c->value);
    start = str_text(&s);
    end = start + s.len;
    while (*start && strchr(" \t\r\n", *start))
        start++;
    while (end > start && strchr(" \t\r\n", end[-1]))
        end--;
    return s.failed ? NULL : str_dup_n(start, (size_t)(end - start));
}

int xml_err(const struct xml *x, const struct xml_node *n, struct err *e, const char *fmt, ...)
{
    char text[sizeof e->msg];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_at(e, x->file, n->line, n->col, "%s", text);
}

static bool is_single_tag(const struct xml_node *n)
{
    return n->raw_end && !*n->raw_end;
}

static void write_start(struct str *out, const struct xml_node *n)
{
    if (n->raw) {
        str_add(out, n->raw);
        return;
    }
    str_addf(out, "<%s", n->name);
    for (const struct xml_attr *a = n->attrs; a; a = a->next) {
        if (a->raw) {
            str_add(out, a->raw);
            continue;
        }
        str_addf(out, " %s=\"", a->name);
        str_xml(out, a->value);
        str_addc(out, '"');
    }
    str_add(out, is_single_tag(n) ? "/>" : ">");
}

static void write_node(struct str *out, const struct xml_node *n)
{
    if (n->type == XML_ELEMENT) {
        write_start(out, n);
        for (const struct xml_node *c = n->first; c; c = c->next)
            write_node(out, c);
        if (n->raw_end)
            str_add(out, n->raw_end);
        else
            str_addf(out, "</%s>", n->name);
    } else if (n->raw) {
        str_add(out, n->raw);
    } else if (n->type == XML_TEXT) {
        str_xml(out, n->value);
    } else if (n->type == XML_COMMENT) {
        str_addf(out, "<!--%s-->", n->value);
    }
}

void xml_write(struct str *out, const struct xml *x)
{
    for (const struct xml_node *c = x->doc->first; c; c = c->next)
        write_node(out, c);
}

/* <x/> becomes <x></x>, since it gets content. */
static void open_up(struct xml_node *n)
{
    if (!is_single_tag(n))
        return;
    free(n->raw);
    free(n->raw_end);
    n->raw = n->raw_end = NULL;
}

static struct xml_node *text_node(struct xml *x, const char *text, bool as_it_is)
{
    struct xml_node *n = xml_node_new(x, XML_TEXT);

    if (!n)
        return NULL;
    n->value = str_dup(text);
    n->raw = as_it_is ? str_dup(text) : NULL;
    if (n->value && (n->raw || !as_it_is))
        return n;
    xml_node_free(n);
    return NULL;
}

static void remove_texts(struct xml_node *n)
{
    for (struct xml_node *c = n->first, *next; c; c = next) {
        next = c->next;
        if (c->type == XML_TEXT || c->type == XML_CDATA) {
            xml_unlink(c);
            xml_node_free(c);
        }
    }
}

int xml_set_text(struct xml *x, struct xml_node *n, const char *text, struct err *e)
{
    struct xml_node *t;

    if (xml_first_element(n))
        return xml_err(x, n, e, "'%s' has elements, no text", n->name);
    t = text_node(x, text, false);
    if (!t)
        return err_oom(e);
    remove_texts(n);
    xml_link(n, t, n->first);
    open_up(n);
    return 0;
}

int xml_set_attr(struct xml *x, struct xml_node *n, const char *name, const char *value,
                 struct err *e)
{
    struct xml_attr *a = find_attr(n, name), **tail = &n->attrs;
    char *copy = str_dup(value);

    (void)x;
    if (!copy)
        return err_oom(e);
    if (!a) {
        a = calloc(1, sizeof *a);
        if (a)
            a->name = str_dup(name);
        if (!a || !a->name) {
            free(a);
            free(copy);
            return err_oom(e);
        }
        while (*tail)
            tail = &(*tail)->next;
        *tail = a;
    }
    free(a->value);
    free(a->raw);
    a->value = copy;
    a->raw = NULL;
    free(n->raw);
    n->raw = NULL;
    return 0;
}

static const char *blank_before(const struct xml_node *n)
{
    return n && xml_is_blank(n->prev) ? n->prev->raw : NULL;
}

/* From the last line break of some blanks on: an empty line above is not repeated. */
static const char *last_line(const char *blanks)
{
    const char *nl = blanks ? strrchr(blanks, '\n') : NULL;

    if (nl && nl > blanks && nl[-1] == '\r')
        nl--;
    return nl;
}

/* The line break and blanks that stand before a new child; NULL: none, all is one line. */
static char *child_lead(const struct xml_node *parent)
{
    const char *of_brother = last_line(blank_before(xml_first_element(parent)));
    const char *of_parent = last_line(blank_before(parent));
    struct str s = STR_INIT(4096);

    if (of_brother)
        return str_dup(of_brother);
    if (xml_first_element(parent))
        return NULL; /* the brothers stand in one line */
    if (!of_parent && parent->parent && parent->parent->parent)
        return NULL;
    str_add(&s, of_parent ? of_parent : "\n");
    str_add(&s, "  ");
    return str_take(&s);
}

/* "u:Order" below "u:RunSynchronousCommand": an element without the prefix were in no name space.
 */
static char *name_below(const struct xml_node *parent, const char *name)
{
    const char *colon = parent->name ? strrchr(parent->name, ':') : NULL;
    struct str s = STR_INIT(1024);

    if (colon)
        str_add_mem(&s, parent->name, (size_t)(colon + 1 - parent->name));
    str_add(&s, name);
    if (s.failed) {
        str_done(&s);
        return NULL;
    }
    return str_take(&s);
}

static struct xml_node *element_node(struct xml *x, const struct xml_node *parent, const char *name,
                                     const char *text)
{
    struct xml_node *n = xml_node_new(x, XML_ELEMENT), *t = NULL;

    if (!n)
        return NULL;
    n->name = name_below(parent, name);
    if (text)
        t = text_node(x, text, false);
    if (!n->name || (text && !t)) {
        xml_node_free(n);
        xml_node_free(t);
        return NULL;
    }
    if (t)
        xml_link(n, t, NULL);
    return n;
}

/* Behind the last child, but before the blanks that lead to the parent's end tag; makes those when
 * there are none. */
static void place(struct xml *x, struct xml_node *parent, struct xml_node *n, struct xml_node *lead)
{
    struct xml_node *tail = xml_is_blank(parent->last) ? parent->last : NULL;
    bool alone = parent->first == tail;

    if (lead && alone && tail) { /* only blanks inside: they become the way back */
        xml_unlink(tail);
        xml_node_free(tail);
        tail = NULL;
    }
    if (lead && !tail) {
        size_t len = strlen(lead->value);
        char *back = str_dup_n(lead->value, len >= 2 ? len - 2 : 0);

        tail = back ? text_node(x, back, true) : NULL;
        free(back);
        if (tail)
            xml_link(parent, tail, NULL);
    }
    if (lead)
        xml_link(parent, lead, tail);
    xml_link(parent, n, tail);
}

int xml_add_child(struct xml *x, struct xml_node *parent, const char *name, const char *text,
                  struct xml_node **ret, struct err *e)
{
    _cleanup_free_ char *blanks = child_lead(parent);
    struct xml_node *lead = blanks ? text_node(x, blanks, true) : NULL;
    struct xml_node *n = element_node(x, parent, name, text);

    if (!n || (blanks && !lead)) {
        xml_node_free(n);
        xml_node_free(lead);
        return err_oom(e);
    }
    n->line = parent->line;
    n->col = parent->col;
    place(x, parent, n, lead);
    open_up(parent);
    if (ret)
        *ret = n;
    return 0;
}

void xml_remove(struct xml *x, struct xml_node *n)
{
    struct xml_node *before = n->prev;

    if (x->root == n)
        x->root = NULL;
    if (before && xml_is_blank(before)) {
        xml_unlink(before);
        xml_node_free(before);
    }
    xml_unlink(n);
    xml_node_free(n);
}
