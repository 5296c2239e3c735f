/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings that an agent itself changes before it calls Sysprep, so that the next boot is a first
 * one: EC2Config's plug-ins that turn themselves off. */
#include "dialect.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>
#include <strings.h>

#define CFG        "Program Files/Amazon/Ec2ConfigService/Settings/"
#define CONFIG_MAX KIB(256)

#define X(s) ((const xmlChar *)(s))

/* Once the first launch is over they are Disabled. */
static const char *const first_launch[] = { "Ec2SetPassword", "Ec2HandleUserData",
                                            "Ec2DynamicBootVolumeSize" };

static xmlNode *child(xmlNode *n, const char *name)
{
    for (xmlNode *k = n ? n->children : NULL; k; k = k->next)
        if (k->type == XML_ELEMENT_NODE && strcasecmp((const char *)k->name, name) == 0)
            return k;
    return NULL;
}

static bool text_is(xmlNode *n, const char *text)
{
    xmlChar *t = n ? xmlNodeGetContent(n) : NULL;
    bool same = t && strcasecmp((const char *)t, text) == 0;

    xmlFree(t);
    return same;
}

static int load(struct win_tree *os, const char *path, xmlDoc **ret, struct err *e)
{
    _cleanup_free_ uint8_t *text = NULL;
    size_t n;
    int r = win_tree_read(os, path, CONFIG_MAX, &text, &n, e);

    if (r == -ENOENT) {
        err_clear(e);
        *ret = NULL;
        return 0;
    }
    if (r < 0)
        return r;
    *ret = xmlReadMemory((const char *)text, (int)n, NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    return *ret ? 0 : err_set(e, EBADMSG, ERR_CORRUPT, "'%s' is no XML", path);
}

/* BundleConfig.xml: Property{Name=SetPasswordAfterSysprep, Value=No}. */
static int keeps_password(struct win_tree *os, bool *ret, struct err *e)
{
    xmlDoc *doc = NULL;
    int r = load(os, CFG "BundleConfig.xml", &doc, e);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

    *ret = false;
    for (xmlNode *k = root ? root->children : NULL; k; k = k->next)
        if (k->type == XML_ELEMENT_NODE && text_is(child(k, "Name"), "SetPasswordAfterSysprep"))
            *ret = text_is(child(k, "Value"), "No");
    xmlFreeDoc(doc);
    return r;
}

/* true when it was something else. */
static bool enable_plugin(xmlNode *plugins, const char *name)
{
    for (xmlNode *k = plugins ? plugins->children : NULL; k; k = k->next) {
        xmlNode *state = k->type == XML_ELEMENT_NODE ? child(k, "State") : NULL;

        if (!state || !text_is(child(k, "Name"), name) || text_is(state, "Enabled"))
            continue;
        xmlNodeSetContent(state, X("Enabled"));
        return true;
    }
    return false;
}

static int save(struct win_tree *os, const char *path, xmlDoc *doc, struct err *e)
{
    xmlChar *text = NULL;
    int n = 0, r;

    xmlDocDumpMemoryEnc(doc, &text, &n, "UTF-8");
    if (!text)
        return err_oom(e);
    r = win_tree_write(os, path, text, (size_t)n, e);
    xmlFree(text);
    return r;
}

static int rearm_ec2config(struct win_tree *os, struct win_plan *p, struct err *e)
{
    xmlDoc *doc = NULL;
    bool keeps = false, changed = false;
    int r = load(os, CFG "Config.xml", &doc, e);

    if (r < 0 || !doc)
        return r;
    r = keeps_password(os, &keeps, e);
    for (size_t i = keeps ? 1 : 0; r == 0 && i < ARRAY_LEN(first_launch); i++)
        if (enable_plugin(child(xmlDocGetRootElement(doc), "Plugins"), first_launch[i])) {
            changed = true;
            win_plan_add(p, WIN_ROW_DONE, "plug-in of the agent", first_launch[i], "Disabled",
                         "Enabled");
        }
    if (r == 0 && changed)
        r = save(os, CFG "Config.xml", doc, e);
    xmlFreeDoc(doc);
    return r;
}

int dialect_rearm(const struct dialect *d, struct win_tree *os, struct win_plan *p, struct err *e)
{
    return strcmp(d->name, "ec2config") == 0 ? rearm_ec2config(os, p, e) : 0;
}
