/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <errno.h>
#include <libxml/parser.h>
#include <string.h>

void answer_done(struct answer *a)
{
    if (a->doc)
        xmlFreeDoc(a->doc);
    a->doc = NULL;
}

const xmlNode *answer_root(const struct answer *a)
{
    return xmlDocGetRootElement(a->doc);
}

static bool has_name(const xmlNode *n, const char *name, size_t len)
{
    return n->type == XML_ELEMENT_NODE && strlen((const char *)n->name) == len &&
           memcmp(n->name, name, len) == 0;
}

int xml_each(const xmlNode *n, const char *path, int (*fn)(const xmlNode *n, void *userdata),
             void *userdata)
{
    const char *slash = strchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : strlen(path);

    for (const xmlNode *k = n ? n->children : NULL; k; k = k->next) {
        int r;

        if (!has_name(k, path, len))
            continue;
        r = slash ? xml_each(k, slash + 1, fn, userdata) : fn(k, userdata);
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_first(const xmlNode *n, void *userdata)
{
    *(const xmlNode **)userdata = n;
    return -ECANCELED; /* enough */
}

const xmlNode *xml_at(const xmlNode *n, const char *path)
{
    const xmlNode *found = NULL;

    (void)xml_each(n, path, take_first, &found);
    return found;
}

const char *xml_text_at(const xmlNode *n, const char *path)
{
    const xmlNode *at = xml_at(n, path);

    for (const xmlNode *k = at ? at->children : NULL; k; k = k->next)
        if ((k->type == XML_TEXT_NODE || k->type == XML_CDATA_SECTION_NODE) && k->content)
            return (const char *)k->content;
    return "";
}

static bool is_not_found(const char *code)
{
    const char *dot = strrchr(code, '.');

    return (dot && str_eq(dot, ".NotFound")) || str_eq(code, "InvalidConversionTaskId");
}

static int failed(struct cli *c, const xmlNode *root, long status, struct err *e)
{
    const char *code = xml_text_at(root, "Errors/Error/Code");

    if (!code[0])
        return err_set(e, EPROTO, ERR_IO, "the server answered HTTP %ld without saying why",
                       status);
    if (str_copy(c->code, sizeof(c->code), code) < 0)
        c->code[0] = 0; /* only compared */
    return err_set(e, EREMOTEIO, is_not_found(code) ? ERR_NOT_FOUND : ERR_OTHER, "%s: %s", code,
                   xml_text_at(root, "Errors/Error/Message"));
}

int answer_parse(struct cli *c, const char *bytes, size_t len, long status, struct answer *ret,
                 struct err *e)
{
    _cleanup_answer_ struct answer a = { 0 };

    /* Entities are left as they are and nothing is fetched: the server may be anybody. */
    if (len <= INT32_MAX)
        a.doc = xmlReadMemory(bytes, (int)len, NULL, NULL,
                              XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!a.doc || !answer_root(&a))
        return err_set(e, EPROTO, ERR_IO,
                       "'%s' answered HTTP %ld and no XML: that is not an EC2 endpoint",
                       c->cfg.endpoint, status);
    if (status != 200)
        return failed(c, answer_root(&a), status, e);
    ret->doc = TAKE_PTR(a.doc);
    return 0;
}
