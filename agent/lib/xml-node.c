/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: its nodes are made, linked and freed. */
#include "lib/xml.h"

#include <stdlib.h>
#include <string.h>

#include "xml-priv.h"

static void attrs_free(struct xml_attr *a)
{
    while (a) {
        struct xml_attr *next = a->next;

        free(a->name);
        if (a->value)
            mem_wipe(a->value, strlen(a->value));
        free(a->value);
        free(a->raw);
        free(a);
        a = next;
    }
}

/* Depth is bounded by XML_DEPTH_MAX. Answer files hold passwords: text is wiped. */
void xml_node_free(struct xml_node *n)
{
    if (!n)
        return;
    for (struct xml_node *c = n->first, *next; c; c = next) {
        next = c->next;
        xml_node_free(c);
    }
    attrs_free(n->attrs);
    if (n->value)
        mem_wipe(n->value, strlen(n->value));
    if (n->raw)
        mem_wipe(n->raw, strlen(n->raw));
    free(n->name);
    free(n->value);
    free(n->raw);
    free(n->raw_end);
    free(n);
}

void xml_free(struct xml *x)
{
    if (!x)
        return;
    xml_node_free(x->doc);
    free(x->file);
    free(x);
}

struct xml_node *xml_node_new(struct xml *x, enum xml_type type)
{
    struct xml_node *n = x->nodes < XML_NODES_MAX ? calloc(1, sizeof *n) : NULL;

    if (!n)
        return NULL;
    n->type = type;
    x->nodes++;
    return n;
}

void xml_link(struct xml_node *parent, struct xml_node *n, struct xml_node *before)
{
    n->parent = parent;
    n->next = before;
    n->prev = before ? before->prev : parent->last;
    if (n->prev)
        n->prev->next = n;
    else
        parent->first = n;
    if (before)
        before->prev = n;
    else
        parent->last = n;
}

void xml_unlink(struct xml_node *n)
{
    if (n->prev)
        n->prev->next = n->next;
    else
        n->parent->first = n->next;
    if (n->next)
        n->next->prev = n->prev;
    else
        n->parent->last = n->prev;
    n->parent = n->prev = n->next = NULL;
}

bool xml_is_blank(const struct xml_node *n)
{
    return n && n->type == XML_TEXT && n->value[strspn(n->value, " \t\r\n")] == '\0';
}
