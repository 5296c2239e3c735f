/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/migrate.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "lib/utf.h"
#include "sysprep/xmlfile.h"

#define V1_CONFIG  "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Config\\LaunchConfig.json"
#define EC2CONFIG  "%ProgramFiles%\\Amazon\\Ec2ConfigService\\Settings\\Config.xml"
#define CONFIG_MAX KIB(64)

struct older {
    bool extend, dns, wallpaper, host_name;
    const char *password_type; /* v2's word */
    char *password;            /* clear or sealed; NULL: none */
};

static void older_done(struct older *o)
{
    if (o->password)
        mem_wipe(o->password, strlen(o->password));
    free(o->password);
}

/* ---- EC2Launch (v1) ---- */

static bool is_on(const struct tree *t, const char *key, bool otherwise)
{
    const struct tree_node *n = tree_get_nocase(t->root, key);

    if (n && n->type == TREE_BOOL)
        return n->yes;
    return n && n->type == TREE_STRING ? str_eq_nocase(n->text, "true") : otherwise;
}

static int take_json(const struct tree *t, struct older *o, struct err *e)
{
    static const struct {
        const char *v1, *v2;
    } types[] = { { "Random", "random" },
                  { "Specify", "static" },
                  { "DoNothing", "doNothing" },
                  { "Encrypted", "encrypted" } };
    const struct tree_node *type = tree_get_nocase(t->root, "adminPasswordType");
    const struct tree_node *password = tree_get_nocase(t->root, "adminPassword");
    const char *word = type && type->type == TREE_STRING ? type->text : "Random";

    o->extend = is_on(t, "extendBootVolumeSize", true);
    o->dns = is_on(t, "addDnsSuffixList", true);
    o->wallpaper = is_on(t, "setWallpaper", true);
    o->host_name = is_on(t, "setComputerName", false);
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq_nocase(word, types[i].v1))
            o->password_type = types[i].v2;
    if (!o->password_type)
        return tree_err(t, type, e, "'adminPasswordType' is none of this agent's words");
    if (!str_eq(o->password_type, "static") && !str_eq(o->password_type, "encrypted"))
        return 0;
    if (!password || password->type != TREE_STRING || !*password->text) {
        o->password_type = "random"; /* it was used already and has left the file */
        return 0;
    }
    o->password = str_dup(password->text);
    return o->password ? 0 : err_oom(e);
}

static int read_v1(struct win *w, struct older *o, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, V1_CONFIG, e), *data = NULL, *text = NULL;
    _cleanup_(tree_freep) struct tree *t = NULL;
    size_t n = 0, len = 0;
    int r = path ? w->file_read(w, path, CONFIG_MAX, &data, &n, e) : -e->no;

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r == 0)
        r = utf_decode(data, n, true, path, &text, &len, e);
    if (r == 0)
        r = json_parse(path, text, len, &t, e);
    if (r == 0 && t->root->type != TREE_MAP)
        r = tree_err(t, t->root, e, "%s stands where settings are expected",
                     tree_type_name(t->root->type));
    if (r == 0)
        r = take_json(t, o, e);
    if (data)
        mem_wipe(data, n);
    if (text)
        mem_wipe(text, len);
    return r < 0 ? r : 1;
}

/* ---- EC2Config ---- */

/* The text of a child, in lower or upper case; "" when absent. */
static void child_text(const struct xml_node *n, const char *name, char *ret, size_t size)
{
    *ret = '\0';
    for (struct xml_node *c = xml_first_element(n); c; c = xml_next_element(c))
        if (str_eq_nocase(xml_local_name(c), name)) {
            _cleanup_free_ char *text = xml_text(c);
            if (!text || str_copy(ret, size, text) < 0)
                *ret = '\0';
        }
}

/* Plug-ins and global settings, which may stand at any depth; the parser bounds it. */
static void take_xml(const struct xml_node *n, struct older *o)
{
    for (struct xml_node *c = xml_first_element(n); c; c = xml_next_element(c)) {
        char name[64], state[16], dns[16];

        child_text(c, "Name", name, sizeof(name));
        child_text(c, "State", state, sizeof(state));
        child_text(c, "SetDnsSuffixList", dns, sizeof(dns));
        if (str_eq_nocase(dns, "false"))
            o->dns = false;
        if (str_eq_nocase(name, "Ec2SetPassword"))
            o->password_type = str_eq_nocase(state, "Enabled") ? "random" : "doNothing";
        if (str_eq_nocase(name, "Ec2SetComputerName"))
            o->host_name = str_eq_nocase(state, "Enabled");
        if (str_eq_nocase(name, "Ec2DynamicBootVolumeSize"))
            o->extend = str_eq_nocase(state, "Enabled");
        take_xml(c, o);
    }
}

static int read_ec2config(struct win *w, struct older *o, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, EC2CONFIG, e);
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;
    int r = path ? xmlfile_load(w, path, &f, e) : -e->no;

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0)
        return r;
    *o =
        (struct older){ .extend = true, .dns = true, .wallpaper = true, .password_type = "random" };
    take_xml(f->xml->root, o);
    return 1;
}

/* ---- agent-config.yml ---- */

static void add_text(struct str *out, const char *text)
{
    str_addc(out, '"');
    str_json(out, text, strlen(text)); /* a double-quoted scalar of YAML, too */
    str_add(out, "\"\n");
}

static void write_config(struct str *out, const struct older *o)
{
    str_add(out, "version: 1.1\nconfig:\n");
    if (o->extend)
        str_add(out, "  - stage: boot\n    tasks:\n      - task: extendRootPartition\n");
    str_add(out, "  - stage: preReady\n    tasks:\n      - task: activateWindows\n        inputs:\n"
                 "          activation:\n            type: amazon\n");
    if (o->dns)
        str_add(out, "      - task: setDnsSuffix\n        inputs:\n          suffixes:\n"
                     "            - $REGION.ec2-utilities.amazonaws.com\n");
    str_addf(out,
             "      - task: setAdminAccount\n        inputs:\n          password:\n"
             "            type: %s\n",
             o->password_type);
    if (o->password) {
        str_add(out, "            data: ");
        add_text(out, o->password);
    }
    if (o->wallpaper)
        str_add(out, "      - task: setWallpaper\n        inputs:\n"
                     "          path: C:\\Windows\\Web\\Wallpaper\\Windows\\img0.jpg\n"
                     "          attributes: [hostName, instanceId, privateIpAddress, "
                     "publicIpAddress, instanceSize, availabilityZone, architecture]\n");
    str_add(out, "  - stage: postReady\n    tasks:\n");
    if (o->host_name)
        str_add(out, "      - task: setHostName\n        inputs:\n          reboot: true\n");
    str_add(out, "      - task: startSsm\n");
}

int v2_migrate(struct win *w, struct str *out, const char **ret_from, bool *ret_no_password,
               struct err *e)
{
    struct older o = { .extend = false };
    const char *from = "EC2Launch (v1)";
    int r = read_v1(w, &o, e);

    if (r == 0) {
        from = "EC2Config";
        r = read_ec2config(w, &o, e);
    }
    if (r > 0) {
        write_config(out, &o);
        if (str_check(out, "the settings", e) < 0)
            r = -e->no;
    }
    if (r > 0) {
        *ret_from = from;
        *ret_no_password = str_eq(o.password_type, "doNothing");
    }
    older_done(&o);
    return r;
}
