/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/utf.h"
#include "yaml-priv.h"

static bool word_in(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* YAML 1.2, 10.3.2: [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_decimal(const char *p)
{
    const char *start, *q;

    p += *p == '-' || *p == '+';
    start = p;
    p = skip_digits(p);
    if (*p == '.') {
        q = skip_digits(p + 1);
        if (p == start && q == p + 1)
            return false;
        p = q;
    } else if (p == start) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        q = skip_digits(p);
        if (q == p)
            return false;
        p = q;
    }
    return *p == '\0';
}

static bool is_number(const char *text)
{
    static const char *const odd[] = { ".inf", "-.inf", ".nan", ".Inf", "-.Inf", ".NaN" };

    if (str_starts(text, "0x") && text[2])
        return strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text + 2);
    if (str_starts(text, "0o") && text[2])
        return strspn(text + 2, "01234567") == strlen(text + 2);
    return is_decimal(text) || word_in(text, odd, ARRAY_LEN(odd));
}

static const char *const true_words[] = { "true", "True", "TRUE" };
static const char *const false_words[] = { "false", "False", "FALSE" };
static const char *const null_words[] = { "null", "Null", "NULL", "~", "" };

bool yaml_is_typed(const char *text)
{
    return word_in(text, true_words, 3) || word_in(text, false_words, 3) ||
           word_in(text, null_words, ARRAY_LEN(null_words)) || is_number(text);
}

void yaml_type(struct tree_node *n)
{
    if (word_in(n->text, true_words, 3) || word_in(n->text, false_words, 3)) {
        n->type = TREE_BOOL;
        n->yes = n->text[0] == 't' || n->text[0] == 'T';
    } else if (word_in(n->text, null_words, ARRAY_LEN(null_words))) {
        n->type = TREE_NULL;
    } else if (is_number(n->text)) {
        n->type = TREE_NUMBER;
    }
}

int yaml_plain_start(struct yaml *y, enum yaml_place place)
{
    static const struct {
        char c;
        const char *what;
    } refused[] = {
        { '&', "an anchor (&) is not understood" },
        { '*', "an alias (*) is not understood" },
        { '!', "a tag (!) is not understood" },
        { '%', "a directive (%) is not allowed here; quote the value" },
        { '@', "'@' is reserved; quote the value" },
        { '`', "'`' is reserved; quote the value" },
    };
    char c = scan_at(&y->s), next = scan_peek(&y->s, 1);

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (c == refused[i].c)
            return scan_err(&y->s, y->e, "%s", refused[i].what);
    if (c == '?' && yaml_space(next))
        return scan_err(&y->s, y->e, "a key with '?' is not understood");
    if ((c == '-' || c == ':') &&
        (yaml_space(next) || (place == YAML_FLOW && strchr(",[]{}", next))))
        return yaml_refuse(y, "a value");
    if (strchr(",]}#", c) || (place == YAML_FLOW && strchr("[{", c)))
        return yaml_refuse(y, "a value");
    return 0;
}

/* Whether plain text ends at the cursor. */
static bool plain_ends(const struct yaml *y, enum yaml_place place)
{
    char c = scan_at(&y->s), next = scan_peek(&y->s, 1);

    if (c == '\0' || c == '\n' || c == '\r')
        return true;
    if (c == ':' && (yaml_space(next) || (place == YAML_FLOW && strchr(",[]{}", next))))
        return true;
    if (yaml_blank(c) && next == '#')
        return true;
    return place == YAML_FLOW && strchr(",[]{}", c);
}

void yaml_plain_line(struct yaml *y, enum yaml_place place, struct str *out)
{
    const char *start = y->s.p, *end;

    while (!plain_ends(y, place))
        scan_step(&y->s);
    end = y->s.p;
    while (end > start && yaml_blank(end[-1]))
        end--;
    str_add_mem(out, start, (size_t)(end - start));
}

static int hex(struct yaml *y, unsigned digits, uint32_t *ret)
{
    uint32_t v = 0;

    while (digits--) {
        char c = scan_at(&y->s);

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
        else
            return yaml_refuse(y, "a hexadecimal digit");
        scan_step(&y->s);
    }
    *ret = v;
    return 0;
}

/* \uXXXX may be half of a pair, since JSON writes it so. */
static int unicode(struct yaml *y, unsigned digits, struct str *out)
{
    uint32_t c = 0, low = 0;

    if (hex(y, digits, &c) < 0)
        return -1;
    if (digits == 4 && c >= 0xd800 && c <= 0xdbff && scan_starts(&y->s, "\\u")) {
        scan_skip(&y->s, 2);
        if (hex(y, 4, &low) < 0)
            return -1;
        if (low >= 0xdc00 && low <= 0xdfff) {
            utf8_put(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
            return 0;
        }
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return scan_err(&y->s, y->e, "no character has the number %x", (unsigned)c);
    utf8_put(out, c);
    return 0;
}

static int escape(struct yaml *y, struct str *out)
{
    static const char from[] = "0abtnvfre \"/\\\tN_LP";
    static const uint32_t to[] = { 0,   7,   8,   9,    10,   11,   12,   13,     27,
                                   ' ', '"', '/', '\\', '\t', 0x85, 0xa0, 0x2028, 0x2029 };
    char c = scan_at(&y->s);
    const char *at = c ? strchr(from, c) : NULL;

    if (!at && c != 'x' && c != 'u' && c != 'U')
        return yaml_refuse(y, "a known character after the backslash (a path in double quotes "
                              "needs two; in single quotes one)");
    scan_step(&y->s);
    if (at) {
        utf8_put(out, to[at - from]);
        return 0;
    }
    return unicode(y, c == 'x' ? 2 : c == 'u' ? 4 : 8, out);
}

/* A line break inside quotes: one becomes a blank, more become one less. Blanks before the break
 * were cut by the caller. keep: the break itself was escaped. */
static int fold(struct yaml *y, int outer, bool keep, struct str *out)
{
    unsigned breaks = 0;

    while (scan_at(&y->s) == '\n' || scan_at(&y->s) == '\r') {
        if (scan_at(&y->s) == '\r' && scan_peek(&y->s, 1) == '\n')
            scan_step(&y->s);
        scan_step(&y->s);
        breaks++;
        if (yaml_at_marker(y, "---") || yaml_at_marker(y, "..."))
            return scan_err(&y->s, y->e, "the document ends inside a quoted text");
        while (yaml_blank(scan_at(&y->s)))
            scan_step(&y->s);
    }
    if (!yaml_is_end(y) && yaml_indent(y) <= outer)
        return scan_err(&y->s, y->e, "the rest of the quoted text must be indented deeper");
    if (breaks == 1 && !keep)
        str_addc(out, ' ');
    for (unsigned i = 1; i < breaks; i++)
        str_addc(out, '\n');
    return 0;
}

static void cut_blanks(struct str *out, size_t from)
{
    while (out->len > from && yaml_blank(out->p[out->len - 1]))
        out->p[--out->len] = '\0';
}

static int quoted_char(struct yaml *y, int outer, char quote, size_t *from, struct str *out)
{
    char c = scan_at(&y->s);

    if (c == '\n' || c == '\r') {
        cut_blanks(out, *from);
        if (fold(y, outer, false, out) < 0)
            return -1;
        *from = out->len;
        return 0;
    }
    scan_step(&y->s);
    if (c != '\\' || quote == '\'') {
        str_addc(out, c);
        return 0;
    }
    c = scan_at(&y->s);
    if (c == '\n' || c == '\r') {
        if (fold(y, outer, true, out) < 0)
            return -1;
    } else if (escape(y, out) < 0) {
        return -1;
    }
    *from = out->len;
    return 0;
}

int yaml_quoted(struct yaml *y, int outer, struct str *out)
{
    struct scan open = y->s;
    char quote = scan_at(&y->s);
    size_t from = 0; /* blanks before this place are meant */

    scan_step(&y->s);
    for (;;) {
        if (yaml_is_end(y))
            return scan_err(&open, y->e, "this quoted text has no end");
        if (scan_at(&y->s) == quote) {
            scan_step(&y->s);
            if (quote == '"' || scan_at(&y->s) != quote)
                return 0;
            scan_step(&y->s); /* two single quotes are one */
            str_addc(out, quote);
            continue;
        }
        if (quoted_char(y, outer, quote, &from, out) < 0)
            return -1;
    }
}

/* Whether the plain text goes on in a later line; then the cursor is there and *ret_breaks tells
 * the line ends between. */
static bool plain_goes_on(struct yaml *y, int outer, unsigned *ret_breaks)
{
    struct yaml ahead = *y;
    unsigned breaks = 0;

    while (yaml_blank(scan_at(&ahead.s)))
        scan_step(&ahead.s);
    while (scan_at(&ahead.s) == '\n' || scan_at(&ahead.s) == '\r') {
        yaml_skip_line(&ahead);
        breaks++;
        while (yaml_blank(scan_at(&ahead.s)))
            scan_step(&ahead.s);
    }
    if (breaks == 0 || yaml_is_end(&ahead) || scan_at(&ahead.s) == '#' ||
        yaml_indent(&ahead) <= outer)
        return false;
    ahead.s.p = ahead.s.line_start;
    if (yaml_at_marker(&ahead, "---") || yaml_at_marker(&ahead, "..."))
        return false;
    while (yaml_blank(scan_at(&ahead.s)))
        scan_step(&ahead.s);
    *y = ahead;
    *ret_breaks = breaks;
    return true;
}

static int plain(struct yaml *y, int outer, enum yaml_place place, struct str *out)
{
    unsigned breaks;

    if (yaml_plain_start(y, place) < 0)
        return -1;
    yaml_plain_line(y, place, out);
    if (place == YAML_FLOW)
        return 0;
    while (scan_at(&y->s) != ':' && plain_goes_on(y, outer, &breaks)) {
        struct scan at = y->s;

        if (breaks == 1)
            str_addc(out, ' ');
        for (unsigned i = 1; i < breaks; i++)
            str_addc(out, '\n');
        yaml_plain_line(y, place, out);
        if (scan_at(&y->s) == ':')
            return scan_err(&at, y->e, "a key below a value: wrong indentation, or no colon above");
    }
    if (scan_at(&y->s) == ':')
        return scan_err(&y->s, y->e, "a second ':' in one line; quote the value");
    return 0;
}

struct tree_node *yaml_scalar(struct yaml *y, int outer, enum yaml_place place)
{
    struct str s = STR_INIT(TREE_FILE_MAX);
    struct tree_node *n = yaml_node(y, TREE_STRING);
    char c = scan_at(&y->s);
    int r;

    if (!n)
        return NULL;
    n->quoted = c == '"' || c == '\'';
    r = n->quoted ? yaml_quoted(y, outer, &s) : plain(y, outer, place, &s);
    if (r == 0) {
        n->len = s.len;
        n->text = str_take(&s);
        if (!n->text)
            r = err_oom(y->e);
    }
    if (r < 0) {
        str_wipe(&s);
        tree_node_free(n);
        return NULL;
    }
    if (!n->quoted)
        yaml_type(n);
    return n;
}
