/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Sysprep does and nobody can do on a disk: said every time, one row a thing, with who does it
 * instead. */
#include "work.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "utf16.h"

#define ACTIONS       "Windows/System32/Sysprep/ActionFiles/Generalize.xml"
#define EXTERNAL      "Microsoft\\Windows\\CurrentVersion\\Setup\\SysPrepExternal\\Generalize"
#define PROVIDERS_MAX 100

static const struct {
    const char *what, *why;
} always[] = {
    { "activation", "the licence store is sealed: rearm at the first boot with 'slmgr /rearm'; "
                    "copies share one KMS client id until then" },
    { "store apps", "their database is not editable: apps of users that were kept may break" },
    { "boot key, LSA keys, machine DPAPI keys", "all copies share them, as far as is known" },
    { "MSDTC ids",
      "run 'msdtc -uninstall' and 'msdtc -install' at the first boot where it is used" },
    { "support by Microsoft",
      "Microsoft supports images made by 'sysprep /generalize' alone; this one is not" },
};

/* The modules of the image's own list, each once. */
static void list_modules(struct work *k, xmlNode *n, json_t *seen, unsigned depth)
{
    for (; n && depth < 32; n = n->next) {
        xmlChar *module =
            n->type == XML_ELEMENT_NODE ? xmlGetProp(n, (const xmlChar *)"moduleName") : NULL;
        const char *name = (const char *)module;

        if (name && json_object_size(seen) < PROVIDERS_MAX && !json_object_get(seen, name))
            (void)json_object_set_new(seen, name, json_true());
        xmlFree(module);
        list_modules(k, n->children, seen, depth + 1);
    }
}

static void list_providers(struct work *k)
{
    struct err scratch = { 0 };
    uint8_t *text = NULL;
    json_t *seen = json_object(), *v;
    const char *name;
    xmlDoc *doc;
    size_t n;

    if (win_tree_read(k->os, ACTIONS, MIB(1), &text, &n, &scratch) < 0) {
        if (scratch.no != ENOENT)
            win_plan_add(k->p, WIN_ROW_WARNING, "list of providers", ACTIONS, NULL, scratch.msg);
        json_decref(seen);
        return;
    }
    doc = xmlReadMemory((const char *)text, (int)n, NULL, NULL,
                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (doc)
        list_modules(k, xmlDocGetRootElement(doc), seen, 0);
    json_object_foreach (seen, name, v)
        win_plan_add(k->p, WIN_ROW_CANNOT, "provider of Sysprep", ACTIONS, name,
                     "is code of Windows: only what is listed above was done in its place");
    xmlFreeDoc(doc);
    json_decref(seen);
    free(text);
}

static void list_external(struct work *k)
{
    uint32_t key = regf_find(k->software, 0, EXTERNAL), v;
    struct regf_iter it = key ? regf_values(k->software, key) : (struct regf_iter){ 0 };

    for (unsigned n = 0; key && n < PROVIDERS_MAX && (v = regf_next_value(k->software, &it)); n++) {
        _cleanup_free_ char *name = regf_value_name(k->software, v);
        _cleanup_free_ char *text = name ? regf_text(k->software, key, name) : NULL;

        win_plan_add(k->p, WIN_ROW_CANNOT, "provider of another maker", "SOFTWARE\\" EXTERNAL,
                     text ? text : name, "its code was not run");
    }
}

void list_undone(struct work *k)
{
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        win_plan_add(k->p, WIN_ROW_CANNOT, always[i].what, NULL, NULL, always[i].why);
    list_providers(k);
    list_external(k);
}
