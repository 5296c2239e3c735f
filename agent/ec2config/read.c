/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "ec2config/config.h"
#include "read-priv.h"

#define TEXT_MAX 4096U

struct xml_node *read_child(const struct xml_node *n, const char *name)
{
    for (struct xml_node *c = xml_first_element(n); c; c = xml_next_element(c))
        if (str_eq_nocase(xml_local_name(c), name))
            return c;
    return NULL;
}

struct xml_node *read_find(const struct xml_node *n, const char *name)
{
    struct xml_node *c = read_child(n, name);

    for (struct xml_node *k = c ? NULL : xml_first_element(n); k && !c; k = xml_next_element(k))
        c = read_find(k, name); /* the parser bounds the depth */
    return c;
}

int read_text(const struct xml *x, const struct xml_node *n, const char *name, char *ret,
              size_t size, struct err *e)
{
    const struct xml_node *c = read_child(n, name);
    _cleanup_free_ char *text = c ? xml_text(c) : NULL;

    *ret = '\0';
    if (!c)
        return 0;
    if (!text)
        return err_oom(e);
    if (xml_first_element(c))
        return xml_err(x, c, e, "'%s' holds elements where a text is expected", name);
    if (str_copy(ret, size, text) < 0)
        return xml_err(x, c, e, "'%s' is longer than %zu characters", name, size - 1);
    return *ret != '\0';
}

int read_choice(const struct xml *x, const struct xml_node *n, const char *yes, const char *no,
                bool *ret, struct err *e)
{
    _cleanup_free_ char *text = xml_text(n);
    char shown[64];

    if (!text)
        return err_oom(e);
    if (str_eq_nocase(text, yes))
        *ret = true;
    else if (str_eq_nocase(text, no))
        *ret = false;
    else if (*text || xml_first_element(n))
        return xml_err(x, n, e, "%s is '%s': '%s' or '%s' is expected", xml_local_name(n),
                       str_show(text, shown, sizeof(shown)), yes, no);
    return 0;
}

int read_bool(const struct xml *x, const struct xml_node *n, const char *name, bool *ret,
              struct err *e)
{
    const struct xml_node *c = read_child(n, name);

    return c ? read_choice(x, c, "true", "false", ret, e) : 0;
}

int read_root(const struct xmlfile *f, const char *name, struct err *e)
{
    if (str_eq_nocase(xml_local_name(f->xml->root), name))
        return 0;
    return xml_err(f->xml, f->xml->root, e, "the root is '%s', not '%s'",
                   xml_local_name(f->xml->root), name);
}

int read_parse(const char *name, const void *p, size_t n, read_take *take, void *ret, struct err *e)
{
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;

    return xmlfile_parse(name, p, n, &f, e) < 0 ? -e->no : take(&f, ret, e);
}

static char *settings_path(struct win *w, const char *file, struct err *e)
{
    struct str path = STR_INIT(TEXT_MAX);
    char *full;

    str_addf(&path, "%s%s", CONFIG_SETTINGS, file);
    full = win_expand(w, str_text(&path), e);
    str_done(&path);
    return full;
}

int read_load(struct win *w, const char *file, read_take *take, void *ret, struct err *e)
{
    _cleanup_free_ char *path = settings_path(w, file, e);
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;

    return !path || xmlfile_load(w, path, &f, e) < 0 ? -e->no : take(&f, ret, e);
}

int read_store(struct win *w, const char *file, const struct xmlfile *f, struct err *e)
{
    _cleanup_free_ char *path = settings_path(w, file, e);

    return path ? xmlfile_store(w, f, path, e) : -e->no;
}
