/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/xml.h"

#include <errno.h>
#include <string.h>

#include "lib/utf.h"
#include "scan-priv.h"
#include "xml-priv.h"

struct parser {
    struct scan s;
    struct xml *x;
    struct xml_node *at; /* the element that is open, or the document */
    struct err *e;
    unsigned depth;
};

static int refuse(struct parser *p, const char *wanted)
{
    char word[SCAN_WORD];

    return scan_err(&p->s, p->e, "%s expected, not %s", wanted, scan_word(&p->s, word));
}

static struct xml_node *node_here(struct parser *p, enum xml_type type)
{
    struct xml_node *n = xml_node_new(p->x, type);

    if (!n) {
        (void)scan_err(&p->s, p->e, "too many nodes");
        return NULL;
    }
    n->line = p->s.line;
    n->col = scan_col(&p->s);
    xml_link(p->at, n, NULL);
    return n;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool name_start(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == ':' || (unsigned char)c >= 0x80;
}

static bool name_char(char c)
{
    return name_start(c) || c == '-' || c == '.' || (c >= '0' && c <= '9');
}

static void skip_spaces(struct parser *p)
{
    while (is_space(scan_at(&p->s)))
        scan_step(&p->s);
}

/* A name; NULL: told. */
static char *read_name(struct parser *p, const char *what)
{
    const char *start = p->s.p;
    char *name;

    if (!name_start(scan_at(&p->s))) {
        (void)refuse(p, what);
        return NULL;
    }
    while (name_char(scan_at(&p->s)))
        scan_step(&p->s);
    name = str_dup_n(start, (size_t)(p->s.p - start));
    if (!name)
        (void)err_oom(p->e);
    return name;
}

static int keep_raw(struct parser *p, const char *start, char **ret)
{
    *ret = str_dup_n(start, (size_t)(p->s.p - start));
    return *ret ? 0 : err_oom(p->e);
}

static int char_reference(struct parser *p, const struct scan *at, struct str *out)
{
    bool hex = scan_at(&p->s) == 'x';
    uint32_t v = 0;
    unsigned digits = 0;

    if (hex)
        scan_step(&p->s);
    for (; digits < 8; digits++) {
        char c = scan_at(&p->s);

        if (c >= '0' && c <= '9')
            v = v * (hex ? 16 : 10) + (uint32_t)(c - '0');
        else if (hex && (c | 32) >= 'a' && (c | 32) <= 'f')
            v = v * 16 + (uint32_t)((c | 32) - 'a' + 10);
        else
            break;
        scan_step(&p->s);
    }
    if (digits == 0 || scan_at(&p->s) != ';')
        return scan_err(at, p->e, "a character reference ends with ';'");
    if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff) || v == 0xfffe || v == 0xffff ||
        (v < 0x20 && v != '\t' && v != '\n' && v != '\r'))
        return scan_err(at, p->e, "XML has no character number %u", (unsigned)v);
    scan_step(&p->s);
    utf8_put(out, v);
    return 0;
}

static int reference(struct parser *p, struct str *out)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {
        { "lt;", '<' }, { "gt;", '>' }, { "amp;", '&' }, { "apos;", '\'' }, { "quot;", '"' }
    };
    struct scan at = p->s;
    char word[SCAN_WORD];

    scan_step(&p->s);
    if (scan_at(&p->s) == '#') {
        scan_step(&p->s);
        return char_reference(p, &at, out);
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (scan_starts(&p->s, known[i].name)) {
            scan_skip(&p->s, strlen(known[i].name));
            str_addc(out, known[i].c);
            return 0;
        }
    return scan_err(&at, p->e, "unknown entity %s (a plain '&' is written &amp;)",
                    scan_word(&p->s, word));
}

/* One line end, however it is written, is '\n' (in attributes a blank). */
static void add_char(struct parser *p, char newline, struct str *out)
{
    char c = scan_at(&p->s);

    if (c == '\r' && scan_peek(&p->s, 1) == '\n')
        scan_step(&p->s);
    if (c == '\r' || c == '\n')
        c = newline;
    else if (c == '\t' && newline == ' ')
        c = ' ';
    str_addc(out, c);
    scan_step(&p->s);
}

static int text(struct parser *p)
{
    struct xml_node *n = node_here(p, XML_TEXT);
    struct str out = STR_INIT(XML_FILE_MAX);
    const char *start = p->s.p;
    bool outside = p->at == p->x->doc;
    int r = n ? 0 : -1;

    while (r == 0 && p->s.p < p->s.end && scan_at(&p->s) != '<') {
        if (outside && !is_space(scan_at(&p->s)))
            r = scan_err(&p->s, p->e, "text outside the root element");
        else if (scan_starts(&p->s, "]]>"))
            r = scan_err(&p->s, p->e, "']]>' in a text");
        else if (scan_at(&p->s) == '&')
            r = reference(p, &out);
        else
            add_char(p, '\n', &out);
    }
    if (r == 0)
        r = keep_raw(p, start, &n->raw);
    if (r == 0) {
        n->value = str_take(&out);
        r = n->value ? 0 : err_oom(p->e);
    }
    str_wipe(&out);
    return r;
}

/* What stands between an opening of `open` bytes and `close`. */
static int enclosed(struct parser *p, enum xml_type type, size_t open, const char *close,
                    const char *what)
{
    struct xml_node *n = node_here(p, type);
    struct str out = STR_INIT(XML_FILE_MAX);
    struct scan at = p->s;
    int r = 0;

    if (!n)
        return -1;
    scan_skip(&p->s, open);
    while (!scan_starts(&p->s, close)) {
        if (p->s.p >= p->s.end) {
            r = scan_err(&at, p->e, "this %s has no end", what);
            goto out;
        }
        if (type == XML_COMMENT && scan_starts(&p->s, "--")) {
            r = scan_err(&p->s, p->e, "'--' inside a comment");
            goto out;
        }
        add_char(p, '\n', &out);
    }
    scan_skip(&p->s, strlen(close));
    n->value = str_take(&out);
    r = n->value ? keep_raw(p, at.p, &n->raw) : err_oom(p->e);
out:
    str_done(&out);
    return r;
}

static int processing(struct parser *p)
{
    struct scan at = p->s;
    char *name;
    int r;

    scan_skip(&p->s, 2);
    name = read_name(p, "a name behind '<?'");
    if (!name)
        return -1;
    p->s = at;
    if (str_eq_nocase(name, "xml") && (p->at != p->x->doc || p->at->first)) {
        free(name);
        return scan_err(&at, p->e, "the XML declaration stands only at the start");
    }
    r = enclosed(p, XML_PI, 2, "?>", "instruction");
    if (r == 0)
        p->at->last->name = name;
    else
        free(name);
    return r;
}

static int attr_value(struct parser *p, struct xml_attr *a)
{
    struct str out = STR_INIT(XML_FILE_MAX);
    char quote = scan_at(&p->s);
    struct scan at = p->s;
    int r = 0;

    if (quote != '"' && quote != '\'')
        return refuse(p, "a value in quotes");
    scan_step(&p->s);
    while (r == 0 && scan_at(&p->s) != quote) {
        if (p->s.p >= p->s.end)
            r = scan_err(&at, p->e, "this value has no end");
        else if (scan_at(&p->s) == '<')
            r = scan_err(&p->s, p->e, "'<' in the value of an attribute");
        else if (scan_at(&p->s) == '&')
            r = reference(p, &out);
        else
            add_char(p, ' ', &out);
    }
    if (r == 0) {
        scan_step(&p->s);
        a->value = str_take(&out);
        r = a->value ? 0 : err_oom(p->e);
    }
    str_wipe(&out);
    return r;
}

static int attribute(struct parser *p, struct xml_node *n, const char *start,
                     struct xml_attr ***tail)
{
    struct xml_attr *a = calloc(1, sizeof *a);

    if (!a)
        return err_oom(p->e);
    a->line = p->s.line;
    a->col = scan_col(&p->s);
    **tail = a;
    *tail = &a->next;
    a->name = read_name(p, "the name of an attribute, '>' or '/>'");
    if (!a->name)
        return -1;
    for (const struct xml_attr *o = n->attrs; o != a; o = o->next)
        if (str_eq(o->name, a->name))
            return err_at(p->e, p->x->file, a->line, a->col,
                          "the attribute '%s' stands here a second time", a->name);
    skip_spaces(p);
    if (scan_at(&p->s) != '=')
        return refuse(p, "'=' behind the name of an attribute");
    scan_step(&p->s);
    skip_spaces(p);
    if (attr_value(p, a) < 0)
        return -1;
    return keep_raw(p, start, &a->raw);
}

/* Up to '>' or '/>'; *ret_empty: the latter. */
static int attributes(struct parser *p, struct xml_node *n, bool *ret_empty)
{
    struct xml_attr **tail = &n->attrs;

    for (unsigned i = 0; i < 256; i++) {
        const char *start = p->s.p;

        skip_spaces(p);
        if (scan_at(&p->s) == '>' || scan_starts(&p->s, "/>")) {
            *ret_empty = scan_at(&p->s) == '/';
            scan_skip(&p->s, *ret_empty ? 2 : 1);
            return 0;
        }
        if (p->s.p == start)
            return refuse(p, "a blank, '>' or '/>'");
        if (attribute(p, n, start, &tail) < 0)
            return -1;
    }
    return scan_err(&p->s, p->e, "more than 256 attributes");
}

static int start_tag(struct parser *p)
{
    const char *start = p->s.p;
    struct xml_node *n;
    bool empty = false;

    if (p->at == p->x->doc && p->x->root)
        return scan_err(&p->s, p->e, "a second root element");
    if (p->depth >= XML_DEPTH_MAX)
        return scan_err(&p->s, p->e, "more than %u levels", XML_DEPTH_MAX);
    n = node_here(p, XML_ELEMENT);
    if (!n)
        return -1;
    scan_step(&p->s);
    n->name = read_name(p, "the name of an element behind '<'");
    if (!n->name || attributes(p, n, &empty) < 0 || keep_raw(p, start, &n->raw) < 0)
        return -1;
    if (p->at == p->x->doc)
        p->x->root = n;
    if (empty) {
        n->raw_end = str_dup("");
        return n->raw_end ? 0 : err_oom(p->e);
    }
    p->at = n;
    p->depth++;
    return 0;
}

static int end_tag(struct parser *p)
{
    struct scan at = p->s;
    struct xml_node *open = p->at;
    char *name;
    int r = 0;

    scan_skip(&p->s, 2);
    name = read_name(p, "the name of an element behind '</'");
    if (!name)
        return -1;
    if (open == p->x->doc)
        r = scan_err(&at, p->e, "'</%s>' closes nothing", name);
    else if (!str_eq(name, open->name))
        r = scan_err(&at, p->e, "'</%s>' closes '<%s>' of line %u", name, open->name, open->line);
    free(name);
    if (r < 0)
        return r;
    skip_spaces(p);
    if (scan_at(&p->s) != '>')
        return refuse(p, "'>'");
    scan_step(&p->s);
    p->at = open->parent;
    p->depth--;
    return keep_raw(p, at.p, &open->raw_end);
}

static int markup(struct parser *p)
{
    if (scan_starts(&p->s, "<!--"))
        return enclosed(p, XML_COMMENT, 4, "-->", "comment");
    if (scan_starts(&p->s, "<![CDATA[")) {
        if (p->at == p->x->doc)
            return scan_err(&p->s, p->e, "text outside the root element");
        return enclosed(p, XML_CDATA, 9, "]]>", "CDATA section");
    }
    if (scan_starts(&p->s, "<?"))
        return processing(p);
    if (scan_starts(&p->s, "<!"))
        return scan_err(&p->s, p->e, "a document type or another declaration is not read");
    if (scan_starts(&p->s, "</"))
        return end_tag(p);
    return start_tag(p);
}

static int document(struct parser *p)
{
    while (p->s.p < p->s.end)
        if ((scan_at(&p->s) == '<' ? markup(p) : text(p)) < 0)
            return -1;
    if (p->at != p->x->doc)
        return err_at(p->e, p->x->file, p->at->line, p->at->col, "'<%s>' is not closed",
                      p->at->name);
    if (!p->x->root)
        return scan_err(&p->s, p->e, "there is no element");
    return 0;
}

int xml_parse(const char *file, const char *data, size_t len, struct xml **ret, struct err *e)
{
    struct parser p = { .s = scan_over(file, data, len), .e = e };
    _cleanup_(xml_freep) struct xml *x = NULL;
    int r = scan_check(file, data, len, XML_FILE_MAX, e);

    if (r < 0)
        return r;
    x = p.x = calloc(1, sizeof *x);
    if (!x)
        return err_oom(e);
    x->file = str_dup(file);
    x->doc = p.at = xml_node_new(x, XML_ELEMENT);
    if (!x->file || !x->doc)
        return err_oom(e);
    if (document(&p) < 0)
        return -e->no;
    *ret = TAKE_PTR(x);
    return 0;
}
