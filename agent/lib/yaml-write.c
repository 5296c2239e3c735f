/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "yaml-priv.h"

/* Plain text that would be read back as itself. */
static bool is_plain(const char *text, size_t len)
{
    if (len == 0 || strlen(text) != len || yaml_is_typed(text) || strchr(" \t", text[len - 1]))
        return false;
    if (strchr("-?:,[]{}#&*!|>'\"%@` \t.", text[0]))
        return false;
    if (strstr(text, ": ") || strstr(text, " #") || text[len - 1] == ':')
        return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return true;
}

/* Several lines that a literal block gives back: no tab or blank starts the first, no control. */
static bool is_literal(const char *text, size_t len)
{
    if (strlen(text) != len || !strchr(text, '\n') || strchr(" \t\n", text[0]))
        return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' && *p != '\n' && *p != '\t')
            return false;
    return true;
}

static void write_literal(struct str *out, const char *text, unsigned indent)
{
    size_t len = strlen(text), tail = 0;

    while (tail < len && text[len - 1 - tail] == '\n')
        tail++;
    str_add(out, tail == 0 ? "|-" : tail == 1 ? "|" : "|+");
    while (*text) {
        const char *end = strchr(text, '\n');
        size_t n = end ? (size_t)(end - text) : strlen(text);

        str_addc(out, '\n');
        for (unsigned i = 0; n && i < indent; i++)
            str_addc(out, ' ');
        str_add_mem(out, text, n);
        text += n + (end != NULL);
    }
    str_addc(out, '\n');
}

static void write_scalar(struct str *out, const struct tree_node *n, unsigned indent)
{
    const char *text = n->text ? n->text : "";

    if (n->type == TREE_NULL) {
        str_add(out, " null\n");
    } else if (n->type == TREE_BOOL) {
        str_add(out, n->yes ? " true\n" : " false\n");
    } else if (n->type == TREE_NUMBER || is_plain(text, n->len)) {
        str_addf(out, " %s\n", text);
    } else if (is_literal(text, n->len)) {
        str_addc(out, ' ');
        write_literal(out, text, indent);
    } else {
        str_add(out, " \"");
        str_json(out, text, n->len);
        str_add(out, "\"\n");
    }
}

static void write_indent(struct str *out, unsigned indent)
{
    for (unsigned i = 0; i < indent; i++)
        str_addc(out, ' ');
}

static void write_key(struct str *out, const char *key)
{
    if (is_plain(key, strlen(key))) {
        str_add(out, key);
    } else {
        str_addc(out, '"');
        str_json(out, key, strlen(key));
        str_addc(out, '"');
    }
    str_addc(out, ':');
}

/* same_line: the first member continues a line that "- " has begun. */
static void write_group(struct str *out, const struct tree_node *n, unsigned indent, bool same_line)
{
    for (const struct tree_node *c = n->first; c; c = c->next) {
        bool group = (c->type == TREE_LIST || c->type == TREE_MAP) && c->first;

        if (!same_line)
            write_indent(out, indent);
        same_line = false;
        if (n->type == TREE_MAP)
            write_key(out, c->key);
        else
            str_addc(out, '-');
        if (group && n->type == TREE_LIST) {
            str_addc(out, ' ');
            write_group(out, c, indent + 2, true);
        } else if (group) {
            str_addc(out, '\n');
            write_group(out, c, indent + 2, false);
        } else if (c->type == TREE_LIST) {
            str_add(out, " []\n");
        } else if (c->type == TREE_MAP) {
            str_add(out, " {}\n");
        } else {
            write_scalar(out, c, indent + 2);
        }
    }
}

void yaml_write(struct str *out, const struct tree_node *root)
{
    struct str one = STR_INIT(out->max);

    if ((root->type == TREE_LIST || root->type == TREE_MAP) && root->first) {
        write_group(out, root, 0, false);
        return;
    }
    if (root->type == TREE_LIST || root->type == TREE_MAP) {
        str_add(out, root->type == TREE_LIST ? "[]\n" : "{}\n");
        return;
    }
    write_scalar(&one, root, 2);
    str_add(out, str_text(&one) + (one.len > 0));
    str_done(&one);
}
