/* SPDX-License-Identifier: Apache-2.0 */
/* Name spaces: whoever wrote a file chose the prefixes. */
#include <string.h>

#include "xml-priv.h"

/* What a prefix stands for at n ("" : the default one); NULL: nothing. */
static const char *bound(const struct xml_node *n, const char *prefix, size_t len)
{
    for (; n; n = n->parent)
        for (const struct xml_attr *a = n->attrs; a; a = a->next) {
            const char *of = str_starts(a->name, "xmlns:") ? a->name + 6 : NULL;

            if (str_eq(a->name, "xmlns"))
                of = "";
            if (of && strlen(of) == len && strncmp(of, prefix, len) == 0)
                return *a->value ? a->value : NULL;
        }
    return NULL;
}

const char *xml_namespace(const struct xml_node *n)
{
    const char *colon = n->name ? strrchr(n->name, ':') : NULL;

    return bound(n, n->name ? n->name : "", colon ? (size_t)(colon - n->name) : 0);
}

const char *xml_prefix_for(const struct xml_node *n, const char *uri)
{
    for (const struct xml_node *at = n; at; at = at->parent)
        for (const struct xml_attr *a = at->attrs; a; a = a->next)
            if (str_starts(a->name, "xmlns:") && str_eq(a->value, uri) &&
                str_eq(bound(n, a->name + 6, strlen(a->name + 6)), uri))
                return a->name + 6;
    return NULL;
}
