/* SPDX-License-Identifier: Apache-2.0 */
/* Config.xml: which plug-ins are on, and the global settings, which may stand at any depth. */
#include "ec2config/config.h"

#include <errno.h>
#include <string.h>

#include "read-priv.h"

#define FILE_NAME "Config.xml"
#define ROOT      "Ec2ConfigurationSettings"

static const char *const globals[] = {
    [CONFIG_MANAGE_SHUTDOWN] = "ManageShutdown",
    [CONFIG_DNS_SUFFIX] = "SetDnsSuffixList",
    [CONFIG_WAIT_METADATA] = "WaitForMetaDataAvailable",
    [CONFIG_ROUTES] = "ShouldAddRoutes",
    [CONFIG_REMOVE_CREDENTIALS] = "RemoveCredentialsfromSyspreponStartup",
};

const char *config_global_name(enum config_global g)
{
    return globals[g];
}

static int read_plugin(const struct xml *x, const struct xml_node *n, struct config_plugin *ret,
                       struct err *e)
{
    const struct xml_node *state = read_child(n, "State");
    int r = read_text(x, n, "Name", ret->name, sizeof(ret->name), e);

    if (r < 0)
        return r;
    if (r == 0)
        return xml_err(x, n, e, "a plug-in without Name");
    if (!state)
        return xml_err(x, n, e, "plug-in '%s' has no State", ret->name);
    return read_choice(x, state, "Enabled", "Disabled", &ret->on, e);
}

static int read_plugins(struct config_file *c, struct err *e)
{
    const struct xml *x = c->file->xml;
    const struct xml_node *list = read_find(x->root, "Plugins");

    for (struct xml_node *n = list ? xml_first_element(list) : NULL; n; n = xml_next_element(n)) {
        struct config_plugin *p = &c->plugins[c->plugins_n];
        if (!str_eq_nocase(xml_local_name(n), "Plugin"))
            return xml_err(x, n, e, "'%s' stands where 'Plugin' is expected", xml_local_name(n));
        if (c->plugins_n == CONFIG_PLUGINS_MAX)
            return xml_err(x, n, e, "more than %u plug-ins", CONFIG_PLUGINS_MAX);
        if (read_plugin(x, n, p, e) < 0)
            return -e->no;
        for (size_t i = 0; i < c->plugins_n; i++)
            if (str_eq_nocase(c->plugins[i].name, p->name))
                return xml_err(x, n, e, "plug-in '%s' is there twice", p->name);
        c->plugins_n++;
    }
    return 0;
}

static int read_globals(struct config_file *c, struct err *e)
{
    const struct xml *x = c->file->xml;

    for (size_t i = 0; i < CONFIG_GLOBAL_MAX; i++) {
        const struct xml_node *n = read_find(x->root, globals[i]);
        c->global[i] = true;
        if (n && read_choice(x, n, "true", "false", &c->global[i], e) < 0)
            return -e->no;
    }
    return 0;
}

static int take(struct xmlfile **f, void *ret, struct err *e)
{
    struct config_file c = { .file = *f };

    if (read_root(*f, ROOT, e) < 0 || read_plugins(&c, e) < 0 || read_globals(&c, e) < 0)
        return -e->no;
    c.file = TAKE_PTR(*f);
    *(struct config_file *)ret = c;
    return 0;
}

int config_file_parse(const char *name, const void *p, size_t n, struct config_file *ret,
                      struct err *e)
{
    return read_parse(name, p, n, take, ret, e);
}

int config_file_load(struct win *w, struct config_file *ret, struct err *e)
{
    return read_load(w, FILE_NAME, take, ret, e);
}

int config_file_save(struct win *w, const struct config_file *c, struct err *e)
{
    return read_store(w, FILE_NAME, c->file, e);
}

void config_file_done(struct config_file *c)
{
    xmlfile_free(c->file);
    *c = (struct config_file){ 0 };
}

bool config_plugin_on(const struct config_file *c, const char *name)
{
    for (size_t i = 0; i < c->plugins_n; i++)
        if (str_eq_nocase(c->plugins[i].name, name))
            return c->plugins[i].on;
    return false;
}

static struct xml_node *plugin_node(const struct config_file *c, const char *name)
{
    const struct xml_node *list = read_find(c->file->xml->root, "Plugins");

    for (struct xml_node *n = list ? xml_first_element(list) : NULL; n; n = xml_next_element(n)) {
        const struct xml_node *word = read_child(n, "Name");
        _cleanup_free_ char *text = word ? xml_text(word) : NULL;
        if (text && str_eq_nocase(text, name))
            return n;
    }
    return NULL;
}

static int add_plugin(struct config_file *c, const char *name, bool on, struct err *e)
{
    struct xml *x = c->file->xml;
    struct xml_node *list = read_find(x->root, "Plugins"), *n = NULL;
    struct config_plugin *p = &c->plugins[c->plugins_n];

    if (c->plugins_n == CONFIG_PLUGINS_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "more than %u plug-ins", CONFIG_PLUGINS_MAX);
    if (str_copy(p->name, sizeof(p->name), name) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "the plug-in's name is too long");
    if (!list && xml_add_child(x, x->root, "Plugins", NULL, &list, e) < 0)
        return -e->no;
    if (xml_add_child(x, list, "Plugin", NULL, &n, e) < 0 ||
        xml_add_child(x, n, "Name", name, NULL, e) < 0 ||
        xml_add_child(x, n, "State", on ? "Enabled" : "Disabled", NULL, e) < 0)
        return -e->no;
    p->on = on;
    c->plugins_n++;
    return 0;
}

int config_plugin_set(struct config_file *c, const char *name, bool on, struct err *e)
{
    struct xml_node *n = plugin_node(c, name);

    if (!n)
        return add_plugin(c, name, on, e);
    if (config_plugin_on(c, name) == on)
        return 0;
    if (xml_set_text(c->file->xml, read_child(n, "State"), on ? "Enabled" : "Disabled", e) < 0)
        return -e->no;
    for (size_t i = 0; i < c->plugins_n; i++)
        if (str_eq_nocase(c->plugins[i].name, name))
            c->plugins[i].on = on;
    return 0;
}

int config_global_set(struct config_file *c, enum config_global g, bool on, struct err *e)
{
    struct xml *x = c->file->xml;
    struct xml_node *n = read_find(x->root, globals[g]), *list;

    if (n && c->global[g] == on)
        return 0;
    list = n ? n->parent : read_find(x->root, "GlobalSettings");
    if (!list && xml_add_child(x, x->root, "GlobalSettings", NULL, &list, e) < 0)
        return -e->no;
    if (n ? xml_set_text(x, n, on ? "true" : "false", e)
          : xml_add_child(x, list, globals[g], on ? "true" : "false", NULL, e))
        return -e->no;
    c->global[g] = on;
    return 0;
}
