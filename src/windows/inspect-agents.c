/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agents of clouds and hypervisors and what they are told to do: section "agents"; drivers: section
 * "drivers". */
#include "inspect-priv.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "drivers.h"

#define UNINSTALL    "Microsoft\\Windows\\CurrentVersion\\Uninstall"
#define UNINSTALL_32 "WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
#define PROGRAMS_MAX 5000
#define CONFIG_MAX   KIB(256)
#define DRIVERS_HIVE "Windows/System32/config/DRIVERS"
#define LIST_MAX     64

struct agent_kind {
    const char *name, *service;
    const char *file;    /* one that is there when it is installed */
    const char *program; /* as the list of programs begins it */
    const char *config;  /* its settings */
    const char *state;   /* a file that says it has run; NULL: none */
    void (*settings)(struct inspect *i, json_t *o, const char *text, size_t n);
};

/* ---- settings -------------------------------------------------------------------------------- */

/* The value behind "key:" in a line, without quotes and comment. */
static bool yaml_value(const char *line, size_t n, const char *key, char *out, size_t size)
{
    size_t k = strlen(key), len = 0;

    while (n && (*line == ' ' || *line == '-')) {
        line++;
        n--;
    }
    if (n <= k || strncmp(line, key, k) != 0 || line[k] != ':')
        return false;
    line += k + 1;
    n -= k + 1;
    while (n && (*line == ' ' || *line == '"' || *line == '\'')) {
        line++;
        n--;
    }
    while (len < n && len + 1 < size && line[len] != '#' && line[len] != '"' && line[len] != '\'' &&
           line[len] != '\r')
        len++;
    while (len && line[len - 1] == ' ')
        len--;
    memcpy(out, line, len);
    out[len] = '\0';
    return len > 0;
}

/* agent-config.yml: only its outline is told, stage by stage; Kiln does not judge it. */
static void settings_v2(struct inspect *i, json_t *o, const char *text, size_t n)
{
    json_t *stages = put_object(o, "stages"), *tasks = NULL;
    bool in_password = false;
    char v[64];

    (void)i;
    for (const char *p = text, *end = text + n; p < end;) {
        size_t len = strcspn(p, "\n");

        if (yaml_value(p, len, "stage", v, sizeof v) && json_object_size(stages) < LIST_MAX) {
            tasks = put_array(stages, v);
        } else if (tasks && yaml_value(p, len, "task", v, sizeof v) &&
                   json_array_size(tasks) < LIST_MAX) {
            append_text(tasks, v);
            in_password = strcmp(v, "setAdminAccount") == 0;
        } else if (in_password && yaml_value(p, len, "type", v, sizeof v)) {
            put_text(o, "admin_password", v);
            in_password = false;
        }
        p += len + (len < (size_t)(end - p));
        if (*p == '\0' && p < end)
            break;
    }
}

/* LaunchConfig.json: everything but the password. */
static void settings_v1(struct inspect *i, json_t *o, const char *text, size_t n)
{
    json_error_t x;
    json_t *doc, *v;
    const char *key;

    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    doc = json_loadb(text, n, 0, &x);
    if (!json_is_object(doc)) {
        inspect_note(i, "LaunchConfig.json: line %d: %s; the agent takes its defaults", x.line,
                     x.text);
        json_decref(doc);
        return;
    }
    json_object_foreach (doc, key, v)
        if (strcasecmp(key, "adminPassword") == 0)
            put_bool(o, "admin_password_stored",
                     json_is_string(v) && json_string_value(v)[0] != '\0');
        else if (json_object_size(o) < LIST_MAX)
            (void)json_object_set(o, key, v);
    json_decref(doc);
}

static char *child_text(xmlNode *n, const char *name)
{
    for (xmlNode *k = n->children; k; k = k->next)
        if (k->type == XML_ELEMENT_NODE && strcasecmp((const char *)k->name, name) == 0) {
            xmlChar *t = xmlNodeGetContent(k);
            char *copy = t ? xstrdup((const char *)t) : NULL;

            xmlFree(t);
            return copy;
        }
    return NULL;
}

static void put_plugin(json_t *o, xmlNode *n)
{
    _cleanup_free_ char *name = child_text(n, "Name"), *state = child_text(n, "State");

    if (name && state && json_object_size(o) < LIST_MAX)
        put_text(o, name, state);
}

/* Config.xml: Plugins/Plugin{Name,State}. */
static void settings_ec2config(struct inspect *i, json_t *o, const char *text, size_t n)
{
    xmlDoc *doc = xmlReadMemory(text, (int)n, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    json_t *plugins = put_object(o, "plugins");

    if (!root)
        inspect_note(i, "EC2Config's Config.xml is no XML");
    for (xmlNode *p = root ? root->children : NULL; p; p = p->next) {
        if (p->type != XML_ELEMENT_NODE || strcasecmp((const char *)p->name, "Plugins") != 0)
            continue;
        for (xmlNode *k = p->children; k; k = k->next)
            if (k->type == XML_ELEMENT_NODE && strcasecmp((const char *)k->name, "Plugin") == 0)
                put_plugin(plugins, k);
    }
    xmlFreeDoc(doc);
}

/* ---- finding --------------------------------------------------------------------------------- */

#define PF "Program Files/"

static const struct agent_kind kinds[] = {
    { "EC2Launch v2", "EC2Launch", PF "Amazon/EC2Launch/EC2Launch.exe", "Amazon EC2Launch",
      "ProgramData/Amazon/EC2Launch/config/agent-config.yml",
      "ProgramData/Amazon/EC2Launch/state/.run-once", settings_v2 },
    { "EC2Launch v1", NULL, "ProgramData/Amazon/EC2-Windows/Launch/Scripts/InitializeInstance.ps1",
      NULL, "ProgramData/Amazon/EC2-Windows/Launch/Config/LaunchConfig.json", NULL, settings_v1 },
    { "EC2Config", "EC2Config", PF "Amazon/Ec2ConfigService/Ec2Config.exe", "EC2ConfigService",
      PF "Amazon/Ec2ConfigService/Settings/Config.xml", NULL, settings_ec2config },
    { "SSM Agent", "AmazonSSMAgent", PF "Amazon/SSM/amazon-ssm-agent.exe", "Amazon SSM Agent" },
    { "cloudbase-init", "cloudbase-init",
      PF "Cloudbase Solutions/Cloudbase-Init/Python/Scripts/cloudbase-init.exe", "Cloudbase-Init" },
    { "QEMU guest agent", "QEMU-GA", PF "Qemu-ga/qemu-ga.exe", "QEMU guest agent" },
    { "SPICE agent", "vdservice", NULL, "SPICE" },
    { "VMware Tools", "VMTools", PF "VMware/VMware Tools/vmtoolsd.exe", "VMware Tools" },
    { "VirtualBox additions", "VBoxService", NULL, "Oracle VM VirtualBox Guest" },
    { "Azure guest agent", "WindowsAzureGuestAgent", NULL, NULL },
    { "Google guest agent", "GCEAgent", NULL, NULL },
    { "OpenSSH server", "sshd", NULL, NULL },
};

/* DisplayVersion of the first program whose name begins so. */
static char *program_version_in(const struct regf *h, const char *list, const char *begins)
{
    uint32_t base = regf_find(h, 0, list), k;
    struct regf_iter it = base ? regf_subkeys(h, base) : (struct regf_iter){ 0 };

    for (unsigned n = 0; base && n < PROGRAMS_MAX && (k = regf_next_subkey(h, &it)) != 0; n++) {
        _cleanup_free_ char *name = regf_text(h, k, "DisplayName");

        if (name && strncasecmp(name, begins, strlen(begins)) == 0)
            return regf_text(h, k, "DisplayVersion");
    }
    return NULL;
}

static char *program_version(const struct inspect *i, const char *begins)
{
    char *v;

    if (!begins || !i->software)
        return NULL;
    v = program_version_in(i->software, UNINSTALL, begins);
    return v ? v : program_version_in(i->software, UNINSTALL_32, begins);
}

static const char *start_name(uint32_t v)
{
    static const char *const names[] = { "boot", "system", "automatic", "on demand", "disabled" };

    return v < ARRAY_LEN(names) ? names[v] : "unknown";
}

static void put_settings(struct inspect *i, const struct agent_kind *k, json_t *o)
{
    struct err scratch = { 0 };
    uint8_t *text = NULL;
    size_t n;

    if (!k->settings || !k->config)
        return;
    if (win_tree_read(i->os, k->config, CONFIG_MAX, &text, &n, &scratch) < 0) {
        if (scratch.no != ENOENT)
            inspect_note(i, "%s", scratch.msg);
        return;
    }
    k->settings(i, put_object(o, "settings"), (const char *)text, n);
    free(text);
}

static int add_agent(struct inspect *i, const struct agent_kind *k, json_t *list, struct err *e)
{
    bool service = k->service && fact_has_service(i, k->service);
    int file = k->file ? win_tree_exists(i->os, k->file, e) : 0;
    char path[96];
    uint32_t start;
    json_t *o;
    int ran;

    if (file < 0)
        return file;
    if (!service && !file)
        return 0;
    o = json_object();
    put_text(o, "name", k->name);
    put_take(o, "version", program_version(i, k->program));
    if (service) {
        (void)snprintf(path, sizeof path, "Services\\%s", k->service);
        start = look_dword(i->system, i->sets.current_key, path, "Start", UINT32_MAX);
        put_text(o, "start", start == UINT32_MAX ? NULL : start_name(start));
    }
    if (k->state) {
        ran = win_tree_exists(i->os, k->state, e);
        if (ran < 0) {
            json_decref(o);
            return ran;
        }
        put_bool(o, "has_run_here", ran > 0);
    }
    put_settings(i, k, o);
    (void)json_array_append_new(list, o);
    return 0;
}

int inspect_agents(struct inspect *i, struct err *e)
{
    json_t *list = put_array(i->doc, "agents");
    int r = 0;

    for (size_t k = 0; r == 0 && k < ARRAY_LEN(kinds); k++)
        r = add_agent(i, &kinds[k], list, e);
    return r;
}

/* ---- drivers --------------------------------------------------------------------------------- */

int inspect_drivers(struct inspect *i, struct err *e)
{
    json_t *o, *lists[2];
    bool files = win_tree_kind(i->os) != WIN_TREE_FOLDER;
    const struct driver_model *m;
    struct err scratch = { 0 };
    struct hive *packages = NULL;

    if (!i->sets.n)
        return 0;
    if (hives_get_path(i->h, DRIVERS_HIVE, &packages, &scratch) < 0)
        inspect_note(i, "%s", scratch.msg);
    o = put_object(i->doc, "drivers");
    lists[DRIVER_DISK] = put_array(o, "disk");
    lists[DRIVER_NETWORK] = put_array(o, "network");
    for (size_t k = 0; (m = driver_model(k)) != NULL; k++) {
        struct driver_state s;
        json_t *row;
        int r = driver_look(i->system, i->sets.current_key, files ? i->os : NULL, m, &s, e);

        if (r < 0)
            return r;
        row = json_object();
        put_text(row, "model", m->name);
        put_bool(row, "installed", s.service != NULL);
        put_bool(row, "package",
                 driver_has_package(i->system, m) ||
                     (packages && driver_has_package(packages->regf, m)));
        if (s.service) {
            put_text(row, "service", s.service);
            put_text(row, "start", start_name(s.start));
            put_bool(row, "file", s.has_file);
            if (m->kind == DRIVER_DISK) {
                put_bool(row, "overridden", s.overridden);
                put_bool(row, "boots", s.boots);
            }
        }
        (void)json_array_append_new(lists[m->kind], row);
    }
    return 0;
}
