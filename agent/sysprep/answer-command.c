/* SPDX-License-Identifier: Apache-2.0 */
/* The synchronous commands of pass specialize. */
#include "sysprep/answer.h"

#include <errno.h>
#include <string.h>

#include "answer-priv.h"

static struct xml_node *first_command(const struct xml_node *component)
{
    const struct xml_node *list = xml_child(component, "RunSynchronous");

    return list ? xml_child(list, "RunSynchronousCommand") : NULL;
}

/* The command after `cmd` (NULL: the first), over all components. */
static struct xml_node *command_next(const struct xmlfile *f, const struct xml_node *cmd)
{
    struct xml_node *c = NULL, *n;

    if (cmd) {
        n = xml_next_named(cmd, "RunSynchronousCommand");
        if (n)
            return n;
        c = cmd->parent->parent;
    }
    while ((c = answer_component_next(f, c, "specialize", ANSWER_DEPLOYMENT))) {
        n = first_command(c);
        if (n)
            return n;
    }
    return NULL;
}

static char *command_path(const struct xml_node *cmd)
{
    struct xml_node *path = xml_child(cmd, "Path");

    return path ? xml_text(path) : NULL;
}

static const char *find_nocase(const char *text, const char *part)
{
    size_t n = strlen(part);

    for (; *text; text++) {
        size_t i = 0;
        while (i < n && text[i] && (text[i] | 0x20) == (part[i] | 0x20))
            i++;
        if (i == n)
            return text;
    }
    return NULL;
}

struct xml_node *answer_command(const struct xmlfile *f, const char *part)
{
    for (struct xml_node *cmd = NULL; (cmd = command_next(f, cmd));) {
        _cleanup_free_ char *path = command_path(cmd);
        if (path && find_nocase(path, part))
            return cmd;
    }
    return NULL;
}

static bool order_of(const struct xml_node *cmd, uint64_t *ret)
{
    struct xml_node *n = xml_child(cmd, "Order");
    _cleanup_free_ char *text = n ? xml_text(n) : NULL;

    return text && parse_u64(text, 0, ANSWER_ORDER_MAX, ret) == 0;
}

/* Orders from `from` on in a list of commands move by one. */
static int shift_orders(struct xmlfile *f, struct xml_node *list, uint64_t from, int by,
                        struct err *e)
{
    for (struct xml_node *c = xml_child(list, "RunSynchronousCommand"); c;
         c = xml_next_named(c, "RunSynchronousCommand")) {
        struct str text = STR_INIT(16);
        uint64_t order = 0;
        int r;
        if (!order_of(c, &order) || order < from)
            continue;
        str_addf(&text, "%u", (unsigned)(by < 0 ? order - 1 : order + 1));
        r = xml_set_text(f->xml, xml_child(c, "Order"), str_text(&text), e);
        str_done(&text);
        if (r < 0)
            return r;
    }
    return 0;
}

int answer_remove_command(struct xmlfile *f, const char *part)
{
    struct err scratch = { 0 };
    struct xml_node *cmd;
    int removed = 0;

    while ((cmd = answer_command(f, part))) {
        struct xml_node *list = cmd->parent;
        uint64_t order = 0;
        bool numbered = order_of(cmd, &order);
        xml_remove(f->xml, cmd);
        if (numbered) /* only memory can fail, and then a gap remains, which Setup allows */
            (void)shift_orders(f, list, order + 1, -1, &scratch);
        err_clear(&scratch);
        removed = 1;
    }
    return removed;
}

/* wcm:action="add", with the prefix that the file has for it; one that has none gets it here. */
static int mark_as_added(struct xmlfile *f, struct xml_node *cmd, struct err *e)
{
    const char *prefix = xml_prefix_for(cmd, ANSWER_ACTIONS);
    struct str name = STR_INIT(256);
    int r = prefix ? 0 : xml_set_attr(f->xml, cmd, "xmlns:wcm", ANSWER_ACTIONS, e);

    str_addf(&name, "%s:action", prefix ? prefix : "wcm");
    if (r == 0)
        r = str_check(&name, "the name of an attribute", e);
    if (r == 0)
        r = xml_set_attr(f->xml, cmd, str_text(&name), "add", e);
    str_done(&name);
    return r;
}

static int add_to(struct xmlfile *f, struct xml_node *list, unsigned order, const char *what,
                  const char *path, struct err *e)
{
    struct xml_node *cmd = NULL;
    struct str number = STR_INIT(16);
    int r;

    r = shift_orders(f, list, order, 1, e);
    if (r < 0)
        return r;
    r = xml_add_child(f->xml, list, "RunSynchronousCommand", NULL, &cmd, e);
    if (r < 0)
        return r;
    str_addf(&number, "%u", order);
    r = mark_as_added(f, cmd, e);
    if (r == 0)
        r = xml_add_child(f->xml, cmd, "Order", str_text(&number), NULL, e);
    str_done(&number);
    if (r == 0)
        r = xml_add_child(f->xml, cmd, "Description", what, NULL, e);
    return r < 0 ? r : xml_add_child(f->xml, cmd, "Path", path, NULL, e);
}

int answer_add_command(struct xmlfile *f, unsigned order, const char *what, const char *path,
                       struct err *e)
{
    struct xml_node *c = answer_component_next(f, NULL, "specialize", ANSWER_DEPLOYMENT);

    if (!c)
        return err_set(e, EINVAL, ERR_INVALID,
                       "%s: no component '" ANSWER_DEPLOYMENT "' in pass 'specialize'",
                       f->xml->file);
    for (; c; c = answer_component_next(f, c, "specialize", ANSWER_DEPLOYMENT)) {
        struct xml_node *list = xml_child(c, "RunSynchronous");
        int r = list ? 0 : xml_add_child(f->xml, c, "RunSynchronous", NULL, &list, e);
        if (r == 0)
            r = add_to(f, list, order, what, path, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The path that leaves the account inactive, or NULL when this one does. */
static char *inactive_path(const char *path, bool *ret_oom)
{
    static const char yes[] = "/ACTIVE:YES", no[] = "/ACTIVE:NO";
    struct str out = STR_INIT(4096);
    const char *at = find_nocase(path, yes);
    char *text;

    *ret_oom = false;
    if (at) {
        str_add_mem(&out, path, (size_t)(at - path));
        str_add(&out, no);
        str_add(&out, at + sizeof(yes) - 1);
    } else if (find_nocase(path, "Randomize-LocalAdminPassword") &&
               !find_nocase(path, "-Inactive")) {
        str_add(&out, path);
        str_add(&out, " -Inactive");
    } else {
        return NULL;
    }
    text = str_take(&out);
    *ret_oom = !text;
    return text;
}

int answer_keep_inactive(struct xmlfile *f, struct err *e)
{
    int changed = 0;

    for (struct xml_node *cmd = NULL; (cmd = command_next(f, cmd));) {
        _cleanup_free_ char *path = command_path(cmd);
        bool oom = false;
        _cleanup_free_ char *text = path ? inactive_path(path, &oom) : NULL;
        int r;
        if (oom)
            return err_oom(e);
        if (!text)
            continue;
        r = xml_set_text(f->xml, xml_child(cmd, "Path"), text, e);
        if (r < 0)
            return r;
        changed++;
    }
    return changed;
}

int answer_fill_first_command(struct xmlfile *f, const char *path, struct err *e)
{
    int filled = 0;

    for (struct xml_node *cmd = NULL; (cmd = command_next(f, cmd));) {
        struct xml_node *p = xml_child(cmd, "Path");
        _cleanup_free_ char *now = p ? xml_text(p) : NULL;
        uint64_t order = 0;
        if (!now || *now || !order_of(cmd, &order) || order != 1)
            continue;
        if (xml_set_text(f->xml, p, path, e) < 0)
            return -e->no;
        filled = 1;
    }
    return filled;
}
