/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer-priv.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xmlsave.h>
#include <string.h>

#include "str.h"

#define SETTINGS_MAX   64
#define COMPONENTS_MAX 500

static const char *const pass_names[PASS_MAX] = {
    [PASS_WINDOWS_PE] = "windowsPE",     [PASS_OFFLINE_SERVICING] = "offlineServicing",
    [PASS_GENERALIZE] = "generalize",    [PASS_SPECIALIZE] = "specialize",
    [PASS_AUDIT_SYSTEM] = "auditSystem", [PASS_AUDIT_USER] = "auditUser",
    [PASS_OOBE_SYSTEM] = "oobeSystem",
};

const char *answer_pass_name(enum answer_pass p)
{
    return p < PASS_MAX ? pass_names[p] : "?";
}

xmlNode *answer_first(const xmlNode *parent)
{
    xmlNode *n = parent->children;

    while (n && n->type != XML_ELEMENT_NODE)
        n = n->next;
    return n;
}

xmlNode *answer_next(const xmlNode *n)
{
    xmlNode *k = n->next;

    while (k && k->type != XML_ELEMENT_NODE)
        k = k->next;
    return k;
}

xmlNode *answer_child(const xmlNode *parent, const char *name)
{
    for (xmlNode *n = answer_first(parent); n; n = answer_next(n))
        if (strcmp(answer_name(n), name) == 0)
            return n;
    return NULL;
}

xmlChar *answer_attr(const xmlNode *n, const char *name)
{
    for (const xmlAttr *a = n->properties; a; a = a->next)
        if (strcmp((const char *)a->name, name) == 0)
            return xmlNodeListGetString(n->doc, a->children, 1);
    return NULL;
}

bool answer_attr_is(const xmlNode *n, const char *name, const char *value)
{
    xmlChar *v = answer_attr(n, name);
    bool same = v && strcmp((const char *)v, value) == 0;

    xmlFree(v);
    return same;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char *answer_text(const xmlNode *n)
{
    xmlChar *all = xmlNodeGetContent(n);
    char *s = (char *)all, *out;
    size_t len;

    if (!all)
        return strdup("");
    while (is_blank(*s))
        s++;
    len = strlen(s);
    while (len && is_blank(s[len - 1]))
        len--;
    out = strndup(s, len);
    xmlFree(all);
    return out;
}

enum answer_pass answer_pass_of(const xmlNode *settings)
{
    for (unsigned p = 0; p < PASS_MAX; p++)
        if (answer_attr_is(settings, "pass", pass_names[p]))
            return (enum answer_pass)p;
    return PASS_MAX;
}

xmlNode *answer_component(const struct answer *a, xmlNode *at, enum answer_pass pass,
                          const char *name)
{
    xmlNode *settings = at ? at->parent : answer_first(a->root);
    xmlNode *c = at ? answer_next(at) : NULL;
    bool fresh = !at;

    for (; settings; settings = answer_next(settings), fresh = true) {
        if (strcmp(answer_name(settings), "settings") != 0 ||
            (pass != PASS_MAX && answer_pass_of(settings) != pass))
            continue;
        for (c = fresh ? answer_first(settings) : c; c; c = answer_next(c))
            if (strcmp(answer_name(c), "component") == 0 &&
                (!name || answer_attr_is(c, "name", name)))
                return c;
    }
    return NULL;
}

/* libxml2 tells faults through a callback; only the first counts. */
struct complaint {
    int line;
    char text[200];
};

static void on_xml_error(void *userdata, xmlErrorPtr x)
{
    struct complaint *c = userdata;
    size_t n;

    if (c->text[0] || !x || !x->message)
        return;
    (void)str_show(x->message, c->text, sizeof c->text);
    n = strlen(c->text);
    while (n && (c->text[n - 1] == '?' || c->text[n - 1] == ' '))
        c->text[--n] = '\0';
    c->line = x->line;
}

static int read_xml(const void *p, size_t n, xmlDoc **ret, struct err *e)
{
    struct complaint c = { 0 };
    xmlParserCtxt *x = xmlNewParserCtxt();
    xmlDoc *doc;

    if (!x)
        return err_oom(e);
    xmlSetStructuredErrorFunc(&c, on_xml_error);
    doc = xmlCtxtReadMemory(x, p, (int)n, NULL, NULL, XML_PARSE_NONET);
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlFreeParserCtxt(x);
    if (!doc)
        return err_set(e, EINVAL, ERR_INVALID, "answer file: line %d: %s", c.line,
                       c.text[0] ? c.text : "no XML");
    *ret = doc;
    return 0;
}

static int check_root(const xmlDoc *doc, const xmlNode *root, struct err *e)
{
    char show[64];

    if (doc->intSubset || doc->extSubset)
        return err_set(e, EINVAL, ERR_INVALID, "answer file: a document type is not allowed in it");
    if (!root || strcmp(answer_name(root), "unattend") != 0)
        return err_set(e, EINVAL, ERR_INVALID,
                       "answer file: line %ld: the root element is '%s' instead of 'unattend'",
                       root ? xmlGetLineNo(root) : 0,
                       root ? str_show(answer_name(root), show, sizeof show) : "");
    if (!root->ns || strcmp((const char *)root->ns->href, ANSWER_NS) != 0)
        return err_set(e, EINVAL, ERR_INVALID,
                       "answer file: line %ld: 'unattend' is not in the namespace '%s'",
                       xmlGetLineNo(root), ANSWER_NS);
    return 0;
}

/* Work on a file grows with the square of these: they are bounded here, once. */
static int check_counts(const xmlNode *root, struct err *e)
{
    size_t settings = 0, components = 0;

    for (const xmlNode *s = answer_first(root); s; s = answer_next(s)) {
        settings++;
        for (const xmlNode *c = answer_first(s); c; c = answer_next(c))
            components++;
    }
    if (settings > SETTINGS_MAX || components > COMPONENTS_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "answer file: more than %d passes or %d components",
                       SETTINGS_MAX, COMPONENTS_MAX);
    return 0;
}

static int too_long(size_t n, struct err *e)
{
    return err_set(e, E2BIG, ERR_LIMIT, "answer file: %zu bytes, more than the limit of %llu", n,
                   (unsigned long long)ANSWER_BYTES_MAX);
}

void answer_free(struct answer *a)
{
    if (!a)
        return;
    xmlFreeDoc(a->doc);
    free(a);
}

int answer_parse(const void *p, size_t n, struct answer **ret, struct err *e)
{
    _cleanup_(answer_freep) struct answer *a = NULL;
    int r;

    if (n > ANSWER_BYTES_MAX)
        return too_long(n, e);
    a = calloc(1, sizeof *a);
    if (!a)
        return err_oom(e);
    r = read_xml(p, n, &a->doc, e);
    if (r < 0)
        return r;
    a->root = xmlDocGetRootElement(a->doc);
    r = check_root(a->doc, a->root, e);
    if (r == 0)
        r = check_counts(a->root, e);
    if (r < 0)
        return r;
    a->crlf = memmem(p, n, "\r\n", 2) || memmem(p, n, "\r\0\n", 3);
    a->has_bom = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0;
    *ret = TAKE_PTR(a);
    return 0;
}

/* XML reading makes every line end a plain one; they get their old form back. */
static char *with_line_ends(const char *p, size_t n, bool crlf, bool bom, size_t *ret_n)
{
    struct str s = STR_INIT(4 * ANSWER_BYTES_MAX);
    char *out;

    if (bom)
        str_add(&s, "\xef\xbb\xbf");
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n' && crlf)
            str_addc(&s, '\r');
        str_addc(&s, p[i]);
    }
    *ret_n = s.len;
    out = str_take(&s);
    str_done(&s);
    return out;
}

int answer_render(const struct answer *a, char **ret, size_t *ret_n, struct err *e)
{
    xmlSaveCtxt *s;
    xmlBuffer *b;
    char *out = NULL;
    size_t n = 0;
    int r = check_counts(a->root, e); /* edits add to both */

    if (r < 0)
        return r;
    b = xmlBufferCreate();
    s = b ? xmlSaveToBuffer(b, "UTF-8", XML_SAVE_AS_XML) : NULL;
    if (s && xmlSaveDoc(s, a->doc) >= 0 && xmlSaveClose(s) >= 0)
        out = with_line_ends((const char *)xmlBufferContent(b), (size_t)xmlBufferLength(b), a->crlf,
                             a->has_bom, &n);
    xmlBufferFree(b);
    if (!out)
        return err_oom(e);
    if (n > ANSWER_BYTES_MAX) {
        free(out);
        return too_long(n, e);
    }
    *ret = out;
    *ret_n = n;
    return 0;
}
