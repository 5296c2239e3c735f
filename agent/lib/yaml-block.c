/* SPDX-License-Identifier: Apache-2.0 */
/* Literal (|) and folded (>) block scalars: YAML 1.2, chapter 8.1. */
#include "yaml-priv.h"

struct block {
    bool folded;
    char chomp; /* '-', '+' or 0 */
    int indent; /* of the content; -1 until the first line with text tells */
    int outer;
};

static int header(struct yaml *y, struct block *b)
{
    b->folded = scan_at(&y->s) == '>';
    scan_step(&y->s);
    for (unsigned i = 0; i < 2; i++) {
        char c = scan_at(&y->s);

        if ((c == '-' || c == '+') && !b->chomp)
            b->chomp = c;
        else if (c >= '1' && c <= '9' && b->indent < 0)
            b->indent = (b->outer < 0 ? 0 : b->outer) + (c - '0');
        else
            break;
        scan_step(&y->s);
    }
    if (!yaml_space(scan_at(&y->s)))
        return yaml_refuse(y, "the end of the line behind | or > (with -, + or a digit)");
    while (yaml_blank(scan_at(&y->s)))
        scan_step(&y->s);
    if (scan_at(&y->s) != '#' && scan_at(&y->s) != '\n' && scan_at(&y->s) != '\r' &&
        !yaml_is_end(y))
        return yaml_refuse(y, "the end of the line behind | or >");
    yaml_skip_line(y);
    return 0;
}

/* Blanks before the text of this line; *ret_empty: there is no text. */
static int lead(const struct yaml *y, bool *ret_empty)
{
    size_t n = 0;
    char c;

    while (scan_peek(&y->s, n) == ' ')
        n++;
    c = scan_peek(&y->s, n);
    *ret_empty = c == '\n' || c == '\r' || (c == '\0' && y->s.p + n >= y->s.end);
    return (int)n;
}

/* The indentation is that of the first line with text; emptier lines before it may not be deeper.
 */
static int find_indent(struct yaml *y, struct block *b)
{
    struct yaml ahead = *y;
    int deepest = 0;

    while (!yaml_is_end(&ahead)) {
        bool empty;
        int n = lead(&ahead, &empty);

        if (!empty) {
            if (n <= b->outer) /* the block has no text at all */
                break;
            if (scan_peek(&ahead.s, (size_t)n) == '\t' && n == 0 && b->outer >= 0)
                return scan_err(&ahead.s, y->e, "a tab indents this line; use blanks");
            if (deepest > n)
                return scan_err(&ahead.s, y->e,
                                "an empty line above has more blanks than this first line");
            b->indent = n;
            return 0;
        }
        deepest = n > deepest ? n : deepest;
        yaml_skip_line(&ahead);
    }
    /* no text: the longest of the empty lines tells, so that all of them are empty */
    b->indent = deepest > b->outer ? deepest : b->outer + 1;
    return 0;
}

/* What stands between the last text and this one. */
static void line_break(const struct block *b, unsigned breaks, bool deeper, bool was_deeper,
                       bool first, struct str *out)
{
    if (!first && b->folded && !deeper && !was_deeper) {
        if (breaks == 1)
            str_addc(out, ' ');
        breaks--;
    }
    for (unsigned i = 0; i < breaks; i++)
        str_addc(out, '\n');
}

static int body(struct yaml *y, struct block *b, struct str *out)
{
    unsigned breaks = 0;
    bool first = true, was_deeper = false;

    while (!yaml_is_end(y)) {
        bool empty, deeper;
        int n = lead(y, &empty);
        const char *start;

        if (empty && n <= b->indent) {
            breaks += scan_peek(&y->s, (size_t)n) != '\0';
            yaml_skip_line(y);
            continue;
        }
        if (n < b->indent || yaml_at_marker(y, "---") || yaml_at_marker(y, "..."))
            break;
        scan_skip(&y->s, (size_t)b->indent);
        deeper = yaml_blank(scan_at(&y->s));
        line_break(b, breaks, deeper, was_deeper, first, out);
        start = y->s.p;
        while (scan_at(&y->s) && scan_at(&y->s) != '\n' &&
               !(scan_at(&y->s) == '\r' && scan_peek(&y->s, 1) == '\n'))
            scan_step(&y->s);
        str_add_mem(out, start, (size_t)(y->s.p - start));
        first = false;
        was_deeper = deeper;
        breaks = scan_at(&y->s) != '\0';
        yaml_skip_line(y);
    }
    if (b->chomp == '+')
        line_break(b, breaks, true, true, false, out);
    else if (!b->chomp && !first && breaks)
        str_addc(out, '\n');
    return str_check(out, "a text", y->e);
}

struct tree_node *yaml_block_scalar(struct yaml *y, int outer)
{
    struct block b = { .indent = -1, .outer = outer };
    struct str s = STR_INIT(TREE_FILE_MAX);
    struct tree_node *n = yaml_node(y, TREE_STRING);

    if (!n)
        return NULL;
    n->quoted = true;
    if (header(y, &b) < 0 || (b.indent < 0 && find_indent(y, &b) < 0) || body(y, &b, &s) < 0)
        goto fail;
    n->len = s.len;
    n->text = str_take(&s);
    if (n->text)
        return n;
    (void)err_oom(y->e);
fail:
    str_wipe(&s);
    tree_node_free(n);
    return NULL;
}
