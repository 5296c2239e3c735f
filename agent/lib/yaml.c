/* SPDX-License-Identifier: Apache-2.0 */
/* Structure by indentation. A block map or list ends where a line starts further left; the value of
 * a key may be a list at the key's own indentation. */
#include "lib/yaml.h"

#include <string.h>

#include "yaml-priv.h"

static struct tree_node *parse_block(struct yaml *y, int outer);
static struct tree_node *parse_flow(struct yaml *y);

bool yaml_at_marker(const struct yaml *y, const char *three)
{
    return y->s.p == y->s.line_start && scan_starts(&y->s, three) &&
           yaml_space(scan_peek(&y->s, 3));
}

void yaml_skip_line(struct yaml *y)
{
    while (!yaml_is_end(y) && scan_at(&y->s) != '\n' && scan_at(&y->s) != '\r')
        scan_step(&y->s);
    if (scan_at(&y->s) == '\r' && scan_peek(&y->s, 1) == '\n')
        scan_step(&y->s);
    else if (scan_at(&y->s) == '\r') { /* a line end of its own */
        scan_step(&y->s);
        y->s.line++;
        y->s.line_start = y->s.p;
        return;
    }
    scan_step(&y->s);
}

int yaml_refuse(struct yaml *y, const char *wanted)
{
    char word[SCAN_WORD];

    return scan_err(&y->s, y->e, "%s expected, not %s", wanted, scan_word(&y->s, word));
}

struct tree_node *yaml_node(struct yaml *y, enum tree_type type)
{
    struct tree_node *n = tree_node_new(y->t, type, NULL, 0);

    if (!n) {
        (void)scan_err(&y->s, y->e, "too many values");
        return NULL;
    }
    n->line = y->s.line;
    n->col = scan_col(&y->s);
    return n;
}

static struct tree_node *null_node(struct yaml *y, const struct scan *at)
{
    struct tree_node *n = yaml_node(y, TREE_NULL);

    if (!n)
        return NULL;
    n->line = at->line;
    n->col = scan_col(at);
    n->text = str_dup("");
    return n;
}

static void skip_blanks(struct yaml *y)
{
    while (yaml_blank(scan_at(&y->s)))
        scan_step(&y->s);
}

static bool at_line_end(const struct yaml *y)
{
    char c = scan_at(&y->s);

    return yaml_is_end(y) || c == '\n' || c == '\r';
}

/* From anywhere outside text to the next line with content, over comments and empty lines. The rest
 * of this line must be empty. A tab before the content of a block line is refused. */
static int next_content(struct yaml *y)
{
    for (;;) {
        bool fresh = y->s.p == y->s.line_start;
        const char *from = y->s.p;

        skip_blanks(y);
        if (scan_at(&y->s) == '#' && (y->s.p == y->s.line_start || yaml_blank(y->s.p[-1]))) {
            yaml_skip_line(y);
            continue;
        }
        if (at_line_end(y)) {
            if (yaml_is_end(y))
                return 0;
            yaml_skip_line(y);
            continue;
        }
        if (!fresh)
            return yaml_refuse(y, "the end of the line");
        if (memchr(from, '\t', (size_t)(y->s.p - from)))
            return scan_err(&y->s, y->e, "a tab indents this line; use blanks");
        return 0;
    }
}

/* Where a document's nodes end: end of file or a marker. */
static bool at_document_end(const struct yaml *y)
{
    return yaml_is_end(y) || yaml_at_marker(y, "---") || yaml_at_marker(y, "...");
}

static bool at_item(const struct yaml *y)
{
    return scan_at(&y->s) == '-' && yaml_space(scan_peek(&y->s, 1));
}

/* Whether "key:" stands here, in this line. */
static bool at_key(const struct yaml *y)
{
    struct err scratch = { 0 };
    struct str s = STR_INIT(4096);
    struct yaml ahead = *y;
    char c = scan_at(&y->s);
    bool is;

    ahead.e = &scratch;
    if (c == '"' || c == '\'') {
        if (yaml_quoted(&ahead, -1, &s) < 0 || ahead.s.line != y->s.line) {
            str_done(&s);
            return false;
        }
        skip_blanks(&ahead);
    } else if (strchr("{[|>", c)) {
        return false;
    } else {
        yaml_plain_line(&ahead, YAML_BLOCK, &s);
        skip_blanks(&ahead);
    }
    is = scan_at(&ahead.s) == ':' && yaml_space(scan_peek(&ahead.s, 1));
    str_done(&s);
    return is;
}

/* Reads the key and its colon. */
static int read_key(struct yaml *y, const struct tree_node *map, enum yaml_place place,
                    struct str *key, struct scan *ret_at)
{
    bool quoted = scan_at(&y->s) == '"' || scan_at(&y->s) == '\'';

    *ret_at = y->s;
    if (quoted) {
        if (yaml_quoted(y, -1, key) < 0)
            return -1;
    } else {
        if (strchr("|>{[", scan_at(&y->s)))
            return yaml_refuse(y, "a key");
        if (yaml_plain_start(y, place) < 0)
            return -1;
        yaml_plain_line(y, place, key);
    }
    if (str_check(key, "a key", y->e) < 0)
        return -1;
    if (strlen(str_text(key)) != key->len || key->len == 0)
        return scan_err(ret_at, y->e, "this is no key");
    if (tree_get(map, str_text(key)))
        return scan_err(ret_at, y->e, "the key '%s' stands here a second time", str_text(key));
    skip_blanks(y);
    if (scan_at(&y->s) != ':')
        return scan_err(ret_at, y->e, "':' expected behind '%s'", str_text(key));
    scan_step(&y->s);
    return 0;
}

static int add_member(struct yaml *y, struct tree_node *map, const struct str *key,
                      const struct scan *at, struct tree_node *value)
{
    if (!value)
        return -1;
    value->key_line = at->line;
    value->key_col = scan_col(at);
    return tree_add(map, str_text(key), value) ? 0 : err_oom(y->e);
}

/* A value that starts in this line. */
static struct tree_node *parse_inline(struct yaml *y, int outer)
{
    char c = scan_at(&y->s);
    struct tree_node *n;

    if (c == '|' || c == '>')
        n = yaml_block_scalar(y, outer);
    else
        n = c == '{' || c == '[' ? parse_flow(y) : yaml_scalar(y, outer, YAML_BLOCK);
    if (n && next_content(y) < 0) {
        tree_node_free(n);
        return NULL;
    }
    return n;
}

/* Behind "key:" of a block map whose keys stand at `indent`. */
static struct tree_node *map_value(struct yaml *y, int indent)
{
    struct scan at;

    skip_blanks(y);
    at = y->s;
    if (!at_line_end(y) && scan_at(&y->s) != '#') {
        if (at_item(y)) {
            (void)scan_err(&y->s, y->e, "a list starts in a line of its own");
            return NULL;
        }
        return parse_inline(y, indent);
    }
    if (next_content(y) < 0)
        return NULL;
    if (at_document_end(y) || yaml_indent(y) < indent || (yaml_indent(y) == indent && !at_item(y)))
        return null_node(y, &at);
    return parse_block(y, yaml_indent(y) == indent ? indent - 1 : indent);
}

/* 1: there is one more at `indent`; 0: the group has ended; else told. */
static int one_more(struct yaml *y, int indent, bool list)
{
    if (at_document_end(y) || yaml_indent(y) < indent)
        return 0;
    if (yaml_indent(y) > indent)
        return scan_err(&y->s, y->e, "wrong indentation: %d blanks, where %d or fewer are expected",
                        yaml_indent(y), indent);
    if (list && !at_item(y))
        return 0; /* a list at the indentation of its key */
    return 1;
}

static struct tree_node *parse_map(struct yaml *y)
{
    int indent = yaml_indent(y), more = 1;
    struct tree_node *map = yaml_node(y, TREE_MAP);

    while (map && more == 1) {
        struct str key = STR_INIT(4096);
        struct scan at;
        int r = -1;

        if (at_item(y))
            (void)scan_err(&y->s, y->e, "a list item among the keys of a map");
        else if (read_key(y, map, YAML_BLOCK, &key, &at) == 0)
            r = add_member(y, map, &key, &at, map_value(y, indent));
        str_done(&key);
        more = r < 0 ? r : one_more(y, indent, false);
    }
    if (more == 0)
        return map;
    tree_node_free(map);
    return NULL;
}

/* Behind "-": in this line, or in the next ones deeper than the dash. */
static struct tree_node *item_value(struct yaml *y, int indent)
{
    struct scan at;

    skip_blanks(y);
    at = y->s;
    if (at_line_end(y) || scan_at(&y->s) == '#') {
        if (next_content(y) < 0)
            return NULL;
        if (at_document_end(y) || yaml_indent(y) <= indent)
            return null_node(y, &at);
    }
    return parse_block(y, indent);
}

static struct tree_node *parse_list(struct yaml *y)
{
    int indent = yaml_indent(y), more = 1;
    struct tree_node *list = yaml_node(y, TREE_LIST);

    while (list && more == 1) {
        struct tree_node *value;

        scan_step(&y->s);
        value = item_value(y, indent);
        if (value)
            (void)tree_add(list, NULL, value);
        more = value ? one_more(y, indent, true) : -1;
    }
    if (more == 0)
        return list;
    tree_node_free(list);
    return NULL;
}

static bool too_deep(struct yaml *y)
{
    if (y->depth < TREE_DEPTH_MAX)
        return false;
    (void)scan_err(&y->s, y->e, "more than %u levels", TREE_DEPTH_MAX);
    return true;
}

/* The cursor stands on content; outer: the indentation of what it belongs to. */
static struct tree_node *parse_block(struct yaml *y, int outer)
{
    struct tree_node *n;

    if (too_deep(y))
        return NULL;
    y->depth++;
    if (at_item(y))
        n = parse_list(y);
    else if (at_key(y))
        n = parse_map(y);
    else
        n = parse_inline(y, outer);
    y->depth--;
    return n;
}

/* Blanks, line ends and comments between the parts of a flow group. */
static int flow_blanks(struct yaml *y)
{
    for (;;) {
        char c = scan_at(&y->s);

        if (c == '#' && y->s.p > y->s.line_start && !yaml_space(y->s.p[-1]))
            return yaml_refuse(y, "a blank before a comment");
        if (c == '#' || c == '\n' || c == '\r') {
            yaml_skip_line(y);
            if (yaml_at_marker(y, "---") || yaml_at_marker(y, "..."))
                return scan_err(&y->s, y->e, "the document ends inside a group");
        } else if (yaml_blank(c)) {
            scan_step(&y->s);
        } else {
            return 0;
        }
    }
}

static struct tree_node *flow_value(struct yaml *y)
{
    struct tree_node *n;
    char c;

    if (flow_blanks(y) < 0 || too_deep(y))
        return NULL;
    y->depth++;
    c = scan_at(&y->s);
    if (yaml_is_end(y)) {
        (void)yaml_refuse(y, "a value");
        n = NULL;
    } else {
        n = c == '{' || c == '[' ? parse_flow(y) : yaml_scalar(y, -1, YAML_FLOW);
    }
    y->depth--;
    return n;
}

static int flow_member(struct yaml *y, struct tree_node *map)
{
    struct str key = STR_INIT(4096);
    struct scan at;
    int r = read_key(y, map, YAML_FLOW, &key, &at);

    if (r == 0) {
        struct tree_node *value;

        r = flow_blanks(y);
        if (r == 0 && (scan_at(&y->s) == ',' || scan_at(&y->s) == '}'))
            value = null_node(y, &y->s);
        else
            value = r == 0 ? flow_value(y) : NULL;
        r = add_member(y, map, &key, &at, value);
    }
    str_done(&key);
    return r;
}

static int flow_item(struct yaml *y, struct tree_node *list)
{
    struct tree_node *value = flow_value(y);

    if (!value)
        return -1;
    (void)tree_add(list, NULL, value);
    return 0;
}

static struct tree_node *parse_flow(struct yaml *y)
{
    bool map = scan_at(&y->s) == '{';
    char close = map ? '}' : ']';
    struct tree_node *n = yaml_node(y, map ? TREE_MAP : TREE_LIST);

    if (!n)
        return NULL;
    scan_step(&y->s);
    for (;;) {
        if (flow_blanks(y) < 0)
            break;
        if (scan_at(&y->s) == close) {
            scan_step(&y->s);
            return n;
        }
        if ((map ? flow_member(y, n) : flow_item(y, n)) < 0 || flow_blanks(y) < 0)
            break;
        if (scan_at(&y->s) == ',') {
            scan_step(&y->s);
        } else if (scan_at(&y->s) != close) {
            (void)yaml_refuse(y, map ? "',' or '}'" : "',' or ']'");
            break;
        }
    }
    tree_node_free(n);
    return NULL;
}

/* "%YAML 1.x" and "---" before the document. */
static int prolog(struct yaml *y)
{
    bool directive = false;

    if (next_content(y) < 0)
        return -1;
    while (scan_at(&y->s) == '%' && yaml_indent(y) == 0) {
        if (!scan_starts(&y->s, "%YAML 1."))
            return scan_err(&y->s, y->e, "a directive other than %%YAML 1.x is not understood");
        directive = true;
        yaml_skip_line(y);
        if (next_content(y) < 0)
            return -1;
    }
    if (yaml_at_marker(y, "---")) {
        scan_skip(&y->s, 3);
        skip_blanks(y);
        return at_line_end(y) || scan_at(&y->s) == '#' ? next_content(y) : 0;
    }
    return directive ? yaml_refuse(y, "'---' behind a directive") : 0;
}

static int document(struct yaml *y)
{
    if (prolog(y) < 0)
        return -1;
    if (at_document_end(y)) {
        y->t->root = null_node(y, &y->s);
        if (!y->t->root)
            return -1;
    } else {
        y->t->root = parse_block(y, -1);
        if (!y->t->root || next_content(y) < 0)
            return -1;
    }
    if (yaml_at_marker(y, "...")) {
        scan_skip(&y->s, 3);
        if (next_content(y) < 0)
            return -1;
    }
    if (yaml_is_end(y))
        return 0;
    if (yaml_at_marker(y, "---"))
        return scan_err(&y->s, y->e, "a second document is not read");
    return yaml_refuse(y, "the end of the file");
}

int yaml_parse(const char *file, const char *data, size_t len, struct tree **ret, struct err *e)
{
    struct yaml y = { .s = scan_over(file, data, len), .e = e };
    _cleanup_(tree_freep) struct tree *t = NULL;
    int r = scan_check(file, data, len, TREE_FILE_MAX, e);

    if (r < 0)
        return r;
    t = y.t = tree_new(file);
    if (!t)
        return err_oom(e);
    if (document(&y) < 0)
        return -e->no;
    *ret = TAKE_PTR(t);
    return 0;
}
