/* SPDX-License-Identifier: Apache-2.0 */
/* BundleConfig.xml: how Sysprep is run. An unknown property is none of ours; an unknown value is
 * refused, for it may make every new instance unreachable. */
#include "ec2config/config.h"

#include <errno.h>
#include <string.h>

#include "read-priv.h"

#define FILE_NAME "BundleConfig.xml"

static const char *const known_switches[] = { "oobe",   "audit", "generalize", "shutdown",
                                              "reboot", "quit",  "quiet",      "mode:vm" };

static bool switch_is_known(const char *word, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(known_switches); i++) {
        _cleanup_free_ char *copy = n > 1 ? str_dup_n(word + 1, n - 1) : NULL;
        if (copy && str_eq_nocase(copy, known_switches[i]))
            return true;
    }
    return false;
}

static int read_switches(struct config_bundle *b, struct err *e)
{
    const struct xml *x = b->file->xml;
    const struct xml_node *block = read_find(x->root, "Sysprep");
    const struct xml_node *n = block ? read_find(block, "Switches") : NULL;

    if (!n)
        return 0;
    if (read_text(x, n->parent, "Switches", b->switches, sizeof(b->switches), e) < 0)
        return -e->no;
    for (char *p = b->switches; *p;) {
        size_t len;
        p += strspn(p, " \t\r\n");
        len = strcspn(p, " \t\r\n");
        if (len && ((*p != '/' && *p != '-') || !switch_is_known(p, len)))
            return xml_err(x, n, e, "'%.*s' is no switch of Sysprep", (int)(len < 64 ? len : 64),
                           p);
        if (len)
            *p = '/';
        p += len;
    }
    return 0;
}

static int read_property(struct config_bundle *b, const struct xml_node *n, struct err *e)
{
    const struct xml *x = b->file->xml;
    const struct xml_node *value = read_child(n, "Value");
    char name[64];
    int r = read_text(x, n, "Name", name, sizeof(name), e);
    struct {
        const char *name;
        bool *to;
    } const flags[] = {
        { "AutoSysprep", &b->auto_sysprep },
        { "SetRDPCertificate", &b->set_rdp_certificate },
        { "SetPasswordAfterSysprep", &b->set_password },
    };

    if (r < 0)
        return r;
    if (r == 0)
        return xml_err(x, n, e, "a property without Name");
    if (!value)
        return xml_err(x, n, e, "property '%s' has no Value", name);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (str_eq_nocase(name, flags[i].name))
            return read_choice(x, value, "Yes", "No", flags[i].to, e);
    if (str_eq_nocase(name, "PreSysprepRunCmd")) {
        r = read_text(x, n, "Value", b->before, sizeof(b->before), e);
        b->has_before = true;
    }
    return r < 0 ? r : 0;
}

static bool is_property(const struct xml_node *n)
{
    return str_eq_nocase(xml_local_name(n), "Property");
}

/* Which of two were meant, nobody knows. */
static int refuse_twin(const struct xml *x, const struct xml_node *n, struct err *e)
{
    const struct xml_node *word = read_child(n, "Name");
    _cleanup_free_ char *name = word ? xml_text(word) : NULL;

    for (const struct xml_node *o = n->parent->first; name && o != n; o = o->next) {
        const struct xml_node *other =
            o->type == XML_ELEMENT && is_property(o) ? read_child(o, "Name") : NULL;
        _cleanup_free_ char *text = other ? xml_text(other) : NULL;
        if (text && str_eq_nocase(text, name))
            return xml_err(x, n, e, "property '%s' is there twice, first in line %u", name,
                           o->line);
    }
    return 0;
}

static int take(struct xmlfile **f, void *ret, struct err *e)
{
    struct config_bundle b = { .file = *f, .set_password = true };

    if (read_root(*f, "BundleConfig", e) < 0)
        return -e->no;
    for (struct xml_node *n = xml_first_element((*f)->xml->root); n; n = xml_next_element(n))
        if (is_property(n) && (refuse_twin((*f)->xml, n, e) < 0 || read_property(&b, n, e) < 0))
            return -e->no;
    if (read_switches(&b, e) < 0)
        return -e->no;
    b.file = TAKE_PTR(*f);
    *(struct config_bundle *)ret = b;
    return 0;
}

int config_bundle_parse(const char *name, const void *p, size_t n, struct config_bundle *ret,
                        struct err *e)
{
    return read_parse(name, p, n, take, ret, e);
}

int config_bundle_load(struct win *w, struct config_bundle *ret, struct err *e)
{
    return read_load(w, FILE_NAME, take, ret, e);
}

int config_bundle_save(struct win *w, const struct config_bundle *b, struct err *e)
{
    return read_store(w, FILE_NAME, b->file, e);
}

void config_bundle_done(struct config_bundle *b)
{
    xmlfile_free(b->file);
    *b = (struct config_bundle){ 0 };
}

static struct xml_node *property_node(const struct config_bundle *b, const char *name)
{
    for (struct xml_node *n = xml_first_element(b->file->xml->root); n; n = xml_next_element(n)) {
        const struct xml_node *word = read_child(n, "Name");
        _cleanup_free_ char *text = word ? xml_text(word) : NULL;
        if (text && str_eq_nocase(text, name))
            return n;
    }
    return NULL;
}

int config_bundle_set(struct config_bundle *b, const char *name, const char *value, struct err *e)
{
    struct xml *x = b->file->xml;
    struct xml_node *n = property_node(b, name);
    struct xml_node *v = n ? read_child(n, "Value") : NULL;
    _cleanup_free_ char *now = v ? xml_text(v) : NULL;

    if (now && str_eq(now, value))
        return 0;
    if (v)
        return xml_set_text(x, v, value, e) < 0 ? -e->no : read_property(b, n, e);
    if (xml_add_child(x, x->root, "Property", NULL, &n, e) < 0 ||
        xml_add_child(x, n, "Name", name, NULL, e) < 0 ||
        xml_add_child(x, n, "Value", value, NULL, e) < 0)
        return -e->no;
    return read_property(b, n, e);
}

void config_bundle_each(const struct config_bundle *b, void (*fn)(void *ctx, const char *name),
                        void *ctx)
{
    for (struct xml_node *n = xml_first_element(b->file->xml->root); n; n = xml_next_element(n)) {
        const struct xml_node *word = is_property(n) ? read_child(n, "Name") : NULL;
        _cleanup_free_ char *text = word ? xml_text(word) : NULL;
        if (text)
            fn(ctx, text);
    }
}
