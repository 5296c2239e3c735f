/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json.h"

#include <string.h>

#include "lib/utf.h"
#include "scan-priv.h"

struct json {
    struct scan s;
    struct tree *t;
    struct err *e;
    unsigned depth;
};

static struct tree_node *parse_value(struct json *j);

static void skip_blanks(struct json *j)
{
    while (scan_at(&j->s) && strchr(" \t\r\n", scan_at(&j->s)))
        scan_step(&j->s);
}

static struct tree_node *node_here(struct json *j, enum tree_type type)
{
    struct tree_node *n = tree_node_new(j->t, type, NULL, 0);

    if (!n) {
        (void)scan_err(&j->s, j->e, "too many values");
        return NULL;
    }
    n->line = j->s.line;
    n->col = scan_col(&j->s);
    return n;
}

static int refuse(struct json *j, const char *wanted)
{
    char word[SCAN_WORD];

    return scan_err(&j->s, j->e, "%s expected, not %s", wanted, scan_word(&j->s, word));
}

static int hex4(struct json *j, uint32_t *ret)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 4; i++) {
        char c = scan_at(&j->s);

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
        else
            return refuse(j, "four hexadecimal digits after \\u");
        scan_step(&j->s);
    }
    *ret = v;
    return 0;
}

static int unicode_escape(struct json *j, struct str *out)
{
    uint32_t c = 0, low = 0;

    if (hex4(j, &c) < 0)
        return -1;
    if (c >= 0xdc00 && c <= 0xdfff)
        return scan_err(&j->s, j->e, "second half of a surrogate pair without a first");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!scan_starts(&j->s, "\\u"))
            return scan_err(&j->s, j->e, "half a surrogate pair");
        scan_skip(&j->s, 2);
        if (hex4(j, &low) < 0)
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return scan_err(&j->s, j->e, "half a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    utf8_put(out, c);
    return 0;
}

static int escape(struct json *j, struct str *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = scan_at(&j->s);
    const char *at = c ? strchr(from, c) : NULL;

    if (at) {
        str_addc(out, to[at - from]);
        scan_step(&j->s);
        return 0;
    }
    if (c != 'u')
        return refuse(j, "one of \"\\/bfnrtu after a backslash (a path needs two)");
    scan_step(&j->s);
    return unicode_escape(j, out);
}

/* Behind the opening quote to behind the closing one. */
static int string_body(struct json *j, struct str *out)
{
    struct scan open = j->s;

    scan_step(&j->s);
    for (;;) {
        char c = scan_at(&j->s);

        if (j->s.p >= j->s.end)
            return scan_err(&open, j->e, "this string has no end");
        if (c == '\n' || c == '\r' || c == '\t')
            return scan_err(&j->s, j->e, "line break or tab inside a string (write \\n or \\t)");
        scan_step(&j->s);
        if (c == '"')
            return 0;
        if (c != '\\')
            str_addc(out, c);
        else if (escape(j, out) < 0)
            return -1;
    }
}

static int set_text(struct json *j, struct tree_node *n, struct str *s)
{
    n->len = s->len;
    n->text = str_take(s);
    return n->text ? 0 : err_oom(j->e);
}

static struct tree_node *parse_string(struct json *j)
{
    struct str s = STR_INIT(TREE_FILE_MAX);
    struct tree_node *n = node_here(j, TREE_STRING);

    if (!n)
        return NULL;
    n->quoted = true;
    if (string_body(j, &s) < 0 || set_text(j, n, &s) < 0) {
        str_wipe(&s);
        tree_node_free(n);
        return NULL;
    }
    return n;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digits(struct scan *s)
{
    bool some = false;

    while (is_digit(scan_at(s))) {
        scan_step(s);
        some = true;
    }
    return some;
}

static int number_body(struct json *j)
{
    if (scan_at(&j->s) == '-')
        scan_step(&j->s);
    if (scan_at(&j->s) == '0' && is_digit(scan_peek(&j->s, 1)))
        return scan_err(&j->s, j->e, "a number does not start with 0");
    if (!digits(&j->s))
        return refuse(j, "a digit");
    if (scan_at(&j->s) == '.') {
        scan_step(&j->s);
        if (!digits(&j->s))
            return refuse(j, "a digit behind the point");
    }
    if ((scan_at(&j->s) | 32) == 'e') {
        scan_step(&j->s);
        if (scan_at(&j->s) == '+' || scan_at(&j->s) == '-')
            scan_step(&j->s);
        if (!digits(&j->s))
            return refuse(j, "a digit in the exponent");
    }
    return 0;
}

static struct tree_node *parse_number(struct json *j)
{
    struct tree_node *n = node_here(j, TREE_NUMBER);
    const char *start = j->s.p;

    if (!n)
        return NULL;
    if (number_body(j) < 0) {
        tree_node_free(n);
        return NULL;
    }
    n->len = (size_t)(j->s.p - start);
    n->text = str_dup_n(start, n->len);
    if (!n->text) {
        tree_node_free(n);
        (void)err_oom(j->e);
        return NULL;
    }
    return n;
}

static struct tree_node *parse_word(struct json *j)
{
    static const struct {
        const char *word;
        enum tree_type type;
        bool yes;
    } words[] = { { "true", TREE_BOOL, true },
                  { "false", TREE_BOOL, false },
                  { "null", TREE_NULL, false } };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i].word);
        char after = scan_peek(&j->s, len);
        struct tree_node *n;

        if (!scan_starts(&j->s, words[i].word) || (after && !strchr(" \t\r\n,]}", after)))
            continue;
        n = node_here(j, words[i].type);
        if (!n)
            return NULL;
        n->yes = words[i].yes;
        n->text = str_dup(words[i].word);
        n->len = len;
        scan_skip(&j->s, len);
        return n;
    }
    (void)refuse(j, "a value");
    return NULL;
}

static int member(struct json *j, struct tree_node *map)
{
    struct str key = STR_INIT(4096);
    struct scan at = j->s;
    struct tree_node *value = NULL;
    int r = -1;

    if (scan_at(&j->s) != '"')
        return refuse(j, "a key in double quotes");
    if (string_body(j, &key) < 0 || str_check(&key, "a key", j->e) < 0)
        goto out;
    if (strlen(str_text(&key)) != key.len || tree_get(map, str_text(&key))) {
        (void)scan_err(&at, j->e, "the key '%s' stands here a second time", str_text(&key));
        goto out;
    }
    skip_blanks(j);
    if (scan_at(&j->s) != ':') {
        (void)refuse(j, "':'");
        goto out;
    }
    scan_step(&j->s);
    value = parse_value(j);
    if (!value)
        goto out;
    value->key_line = at.line;
    value->key_col = scan_col(&at);
    r = tree_add(map, str_text(&key), value) ? 0 : err_oom(j->e);
out:
    str_done(&key);
    return r;
}

static int item(struct json *j, struct tree_node *list)
{
    struct tree_node *value = parse_value(j);

    if (!value)
        return -1;
    (void)tree_add(list, NULL, value);
    return 0;
}

static struct tree_node *parse_group(struct json *j, enum tree_type type, char close)
{
    struct tree_node *n = node_here(j, type);

    if (!n)
        return NULL;
    scan_step(&j->s);
    skip_blanks(j);
    if (scan_at(&j->s) == close) {
        scan_step(&j->s);
        return n;
    }
    for (;;) {
        skip_blanks(j);
        if ((type == TREE_MAP ? member(j, n) : item(j, n)) < 0)
            break;
        skip_blanks(j);
        if (scan_at(&j->s) == close) {
            scan_step(&j->s);
            return n;
        }
        if (scan_at(&j->s) != ',') {
            (void)refuse(j, type == TREE_MAP ? "',' or '}'" : "',' or ']'");
            break;
        }
        scan_step(&j->s);
    }
    tree_node_free(n);
    return NULL;
}

static struct tree_node *parse_value(struct json *j)
{
    struct tree_node *n;
    char c;

    if (j->depth >= TREE_DEPTH_MAX) {
        (void)scan_err(&j->s, j->e, "more than %u levels", TREE_DEPTH_MAX);
        return NULL;
    }
    j->depth++;
    skip_blanks(j);
    c = scan_at(&j->s);
    if (c == '{')
        n = parse_group(j, TREE_MAP, '}');
    else if (c == '[')
        n = parse_group(j, TREE_LIST, ']');
    else if (c == '"')
        n = parse_string(j);
    else if (c == '-' || is_digit(c))
        n = parse_number(j);
    else
        n = parse_word(j);
    j->depth--;
    return n;
}

int json_parse(const char *file, const char *data, size_t len, struct tree **ret, struct err *e)
{
    struct json j = { .s = scan_over(file, data, len), .e = e };
    _cleanup_(tree_freep) struct tree *t = NULL;
    int r = scan_check(file, data, len, TREE_FILE_MAX, e);

    if (r < 0)
        return r;
    t = j.t = tree_new(file);
    if (!t)
        return err_oom(e);
    t->root = parse_value(&j);
    if (!t->root)
        return -e->no;
    skip_blanks(&j);
    if (j.s.p < j.s.end) {
        (void)refuse(&j, "the end of the file");
        return -e->no;
    }
    *ret = TAKE_PTR(t);
    return 0;
}

static void new_line(struct str *out, unsigned indent, unsigned level)
{
    if (!indent)
        return;
    str_addc(out, '\n');
    for (unsigned i = 0; i < indent * level; i++)
        str_addc(out, ' ');
}

static void write_string(struct str *out, const char *text, size_t len)
{
    str_addc(out, '"');
    str_json(out, text, len);
    str_addc(out, '"');
}

/* A number of YAML may be none of JSON (0x1F, .5, +1): it goes out as a string. */
static bool is_json_number(const char *text)
{
    struct err scratch = { 0 };
    struct json j = { .s = scan_over("", text, strlen(text)), .e = &scratch };

    return number_body(&j) == 0 && j.s.p == j.s.end;
}

static void write_node(struct str *out, const struct tree_node *n, unsigned indent, unsigned level)
{
    bool map = n->type == TREE_MAP;

    if (n->type == TREE_STRING || (n->type == TREE_NUMBER && !is_json_number(n->text))) {
        write_string(out, n->text, n->len);
        return;
    }
    if (n->type != TREE_LIST && !map) {
        str_add(out, n->type == TREE_NULL   ? "null"
                     : n->type != TREE_BOOL ? n->text
                     : n->yes               ? "true"
                                            : "false");
        return;
    }
    str_addc(out, map ? '{' : '[');
    for (const struct tree_node *c = n->first; c; c = c->next) {
        new_line(out, indent, level + 1);
        if (map) {
            write_string(out, c->key, strlen(c->key));
            str_add(out, indent ? ": " : ":");
        }
        write_node(out, c, indent, level + 1);
        if (c->next)
            str_addc(out, ',');
    }
    if (n->first)
        new_line(out, indent, level);
    str_addc(out, map ? '}' : ']');
}

void json_write(struct str *out, const struct tree_node *root, unsigned indent)
{
    write_node(out, root, indent, 0);
}
