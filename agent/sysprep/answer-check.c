/* SPDX-License-Identifier: Apache-2.0 */
/* What Windows Setup would only find out in the middle of the first boot, said before Sysprep. The
 * rules: Microsoft's unattended setup reference. */
#include "sysprep/answer.h"

#include <errno.h>
#include <string.h>

#include "answer-priv.h"

#define COMPONENTS_MAX 512U
#define PATH_TEXT_MAX  259U
#define SETTING_DEPTH  16U

static const char *const passes[] = { "windowsPE",   "offlineServicing", "generalize", "specialize",
                                      "auditSystem", "auditUser",        "oobeSystem" };
static const char *const architectures[] = { "amd64", "x86", "arm64", "arm", "ia64", "wow64" };
static const char *const switches[] = {
    "PersistAllDeviceInstalls",
    "DoNotCleanUpNonPresentDevices",
    "CopyProfile",
    "HideEULAPage",
    "HideWirelessSetupInOOBE",
    "BluetoothTaskbarIconEnabled",
    "HideLocalAccountScreen",
    "HideOEMRegistrationScreen",
    "HideOnlineAccountScreens",
    "SkipMachineOOBE",
    "SkipUserOOBE",
    "PlainText",
    "fDenyTSConnections",
    "DoNotOpenServerManagerAtLogon",
};
static const char *const places[] = { "Home", "Work", "Other" };
static const char *const protections[] = { "1", "2", "3" };

static bool in_list(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; text && i < n; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

static int check_switch(const struct xml *x, const struct xml_node *n, const char *text,
                        struct err *e)
{
    char shown[64];

    if (str_eq_nocase(text, "true") || str_eq_nocase(text, "false"))
        return 0;
    return xml_err(x, n, e, "%s is '%s': neither 'true' nor 'false'", xml_local_name(n),
                   str_show(text, shown, sizeof(shown)));
}

static int check_value(const struct xml *x, const struct xml_node *n, struct err *e)
{
    _cleanup_free_ char *text = xml_text(n);
    const char *name = xml_local_name(n);
    char shown[64];

    if (!text)
        return err_oom(e);
    if (in_list(name, switches, ARRAY_LEN(switches)))
        return check_switch(x, n, text, e);
    if (str_eq(name, "ProtectYourPC") && !in_list(text, protections, ARRAY_LEN(protections)))
        return xml_err(x, n, e, "ProtectYourPC is '%s': 1, 2 or 3 is expected",
                       str_show(text, shown, sizeof(shown)));
    if (str_eq(name, "NetworkLocation") && !in_list(text, places, ARRAY_LEN(places)))
        return xml_err(x, n, e, "NetworkLocation is '%s': Home, Work or Other is expected",
                       str_show(text, shown, sizeof(shown)));
    if (str_eq(name, "ComputerName") && strlen(text) > 15)
        return xml_err(x, n, e, "ComputerName '%s' is longer than 15 characters",
                       str_show(text, shown, sizeof(shown)));
    return 0;
}

/* Every leaf below a component. Depth is bounded by the parser, too. */
static int check_settings(const struct xml *x, const struct xml_node *parent, unsigned depth,
                          struct err *e)
{
    for (struct xml_node *n = xml_first_element(parent); n; n = xml_next_element(n)) {
        int r = 0;
        if (!xml_first_element(n))
            r = check_value(x, n, e);
        else if (depth < SETTING_DEPTH)
            r = check_settings(x, n, depth + 1, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_order(const struct xml *x, const struct xml_node *cmd, bool *seen, struct err *e)
{
    const struct xml_node *n = xml_child(cmd, "Order");
    _cleanup_free_ char *text = n ? xml_text(n) : NULL;
    uint64_t order = 0;
    char shown[32];

    if (!n)
        return xml_err(x, cmd, e, "a RunSynchronousCommand without Order");
    if (!text)
        return err_oom(e);
    if (parse_u64(text, 1, ANSWER_ORDER_MAX, &order) < 0)
        return xml_err(x, n, e, "Order is '%s': a number from 1 to %u is expected",
                       str_show(text, shown, sizeof(shown)), ANSWER_ORDER_MAX);
    if (seen[order])
        return xml_err(x, n, e, "Order %u is there twice", (unsigned)order);
    seen[order] = true;
    return 0;
}

static int check_path(const struct xml *x, const struct xml_node *cmd, struct err *e)
{
    const struct xml_node *n = xml_child(cmd, "Path");
    _cleanup_free_ char *text = n ? xml_text(n) : NULL;
    size_t quotes = 0;
    char shown[280];

    if (!n)
        return xml_err(x, cmd, e, "a RunSynchronousCommand without Path");
    if (!text)
        return err_oom(e);
    for (const char *p = text; *p; p++)
        quotes += *p == '"';
    if (strlen(text) > PATH_TEXT_MAX)
        return xml_err(x, n, e, "the Path of a command is longer than %u characters",
                       PATH_TEXT_MAX);
    if (quotes % 2)
        return xml_err(x, n, e, "the Path of a command has a quote without its partner: %s",
                       str_show(text, shown, sizeof(shown)));
    return 0;
}

static int check_commands(const struct xml *x, const struct xml_node *component, struct err *e)
{
    const struct xml_node *list = xml_child(component, "RunSynchronous");
    bool seen[ANSWER_ORDER_MAX + 1] = { false };

    for (struct xml_node *c = list ? xml_child(list, "RunSynchronousCommand") : NULL; c;
         c = xml_next_named(c, "RunSynchronousCommand")) {
        int r = check_order(x, c, seen, e);
        if (r == 0)
            r = check_path(x, c, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The same component for the same machines given twice in one pass: Setup refuses the file. */
static const struct xml_node *twin_of(const struct xml_node *c)
{
    for (const struct xml_node *n = c->parent->first; n && n != c; n = n->next)
        if (n->type == XML_ELEMENT && str_eq(xml_local_name(n), "component") &&
            str_eq(xml_attr(n, "name"), xml_attr(c, "name")) &&
            str_eq(xml_attr(n, "processorArchitecture"), xml_attr(c, "processorArchitecture")))
            return n;
    return NULL;
}

static int check_component(const struct xml *x, const struct xml_node *c, struct err *e)
{
    static const char *const wanted[] = { "name", "processorArchitecture", "publicKeyToken",
                                          "language", "versionScope" };
    const char *arch = xml_attr(c, "processorArchitecture");
    const struct xml_node *twin;
    char shown[64];
    int r;

    if (!str_eq(xml_local_name(c), "component"))
        return xml_err(x, c, e, "'%s' stands where a component is expected", xml_local_name(c));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!xml_attr(c, wanted[i]))
            return xml_err(x, c, e, "a component without the attribute '%s'", wanted[i]);
    if (!in_list(arch, architectures, ARRAY_LEN(architectures)))
        return xml_err(x, c, e, "processorArchitecture '%s' is unknown",
                       str_show(arch, shown, sizeof(shown)));
    twin = twin_of(c);
    if (twin)
        return xml_err(x, c, e, "component '%s' is there twice, first in line %u",
                       xml_attr(c, "name"), twin->line);
    r = check_settings(x, c, 0, e);
    return r < 0 ? r : check_commands(x, c, e);
}

static int check_pass(const struct xml *x, const struct xml_node *s, struct err *e)
{
    const char *pass = xml_attr(s, "pass");
    unsigned n = 0;
    char shown[64];

    if (!pass)
        return xml_err(x, s, e, "settings without the attribute 'pass'");
    if (!in_list(pass, passes, ARRAY_LEN(passes)))
        return xml_err(x, s, e, "pass '%s' is unknown", str_show(pass, shown, sizeof(shown)));
    for (const struct xml_node *c = xml_first_element(s); c; c = xml_next_element(c)) {
        int r = check_component(x, c, e);
        if (r < 0)
            return r;
        if (++n > COMPONENTS_MAX)
            return xml_err(x, c, e, "more than %u components in a pass", COMPONENTS_MAX);
    }
    return 0;
}

/* A text of PowerShell's [xml] says "utf-16" and is often saved as UTF-8: Setup reads no such file.
 */
static int check_declaration(const struct xmlfile *f, struct err *e)
{
    const struct xml_node *pi = f->xml->doc->first;
    bool wide = f->encoding == XMLFILE_UTF16LE || f->encoding == XMLFILE_UTF16BE;
    const char *said = pi && pi->type == XML_PI && str_eq(pi->name, "xml") && pi->value
                           ? strstr(pi->value, "encoding")
                           : NULL;
    char name[16];
    size_t n;

    if (!said)
        return 0;
    said += strlen("encoding");
    said += strspn(said, " \t=\"'");
    n = strcspn(said, "\"' \t?");
    if (n >= sizeof(name))
        return 0;
    memcpy(name, said, n);
    name[n] = '\0';
    if (wide ? !str_eq_nocase(name, "utf-8") : !str_eq_nocase(name, "utf-16"))
        return 0;
    return xml_err(f->xml, pi, e, "the declaration says '%s', the file is %s", name,
                   wide ? "UTF-16" : "UTF-8");
}

int answer_check(const struct xmlfile *f, struct err *e)
{
    const struct xml *x = f->xml;
    const struct xml_node *root = x->root;

    if (check_declaration(f, e) < 0)
        return -e->no;

    if (!str_eq(xml_local_name(root), "unattend"))
        return xml_err(x, root, e, "the root is '%s', not 'unattend'", xml_local_name(root));
    if (!str_eq(xml_namespace(root), ANSWER_NAMESPACE))
        return xml_err(x, root, e, "the namespace of 'unattend' is not '" ANSWER_NAMESPACE "'");
    for (const struct xml_node *s = xml_first_element(root); s; s = xml_next_element(s)) {
        int r = 0;
        if (str_eq(xml_local_name(s), "settings"))
            r = check_pass(x, s, e);
        else if (!str_eq(xml_local_name(s), "servicing") &&
                 !str_eq(xml_local_name(s), "offlineImage"))
            r = xml_err(x, s, e, "'%s' stands where 'settings' is expected", xml_local_name(s));
        if (r < 0)
            return r;
    }
    return 0;
}
