/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Edits that leave everything else of the file as its author wrote it. */
#include "answer-priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer-rules.h"
#include "parse.h"
#include "utf8.h"

#define STEP      "  " /* one level of indentation, where the file shows none */
#define NAME_MAX_ 64

#define X(s) ((const xmlChar *)(s))

/* The blanks in front of a node: "\n" and its indentation, or "". */
static const char *lead_of(const xmlNode *n)
{
    const xmlNode *p = n ? n->prev : NULL;
    const char *t;

    if (!p || p->type != XML_TEXT_NODE || !p->content)
        return "";
    t = strrchr((const char *)p->content, '\n');
    return t && t[strspn(t, " \t\n")] == '\0' ? t : "";
}

/* What stands in front of a new child: as in front of its brothers, or one step more than its
 * parent has. */
static char *lead_for(const xmlNode *parent)
{
    const xmlNode *brother = answer_first(parent);
    const char *up = lead_of(parent);

    if (brother && *lead_of(brother))
        return strdup(lead_of(brother));
    return xasprintf("%s%s", *up ? up : "\n", STEP);
}

static bool put_text_before(xmlNode *at, const char *text)
{
    xmlNode *t = xmlNewDocText(at->doc, X(text));

    return t && xmlAddPrevSibling(at, t);
}

/* Puts a new element into parent, before the element next (NULL: last), indented. */
static bool put_in(xmlNode *parent, xmlNode *n, xmlNode *next)
{
    _cleanup_free_ char *lead = lead_for(parent);
    _cleanup_free_ char *close = xasprintf("%s", *lead_of(parent) ? lead_of(parent) : "\n");

    if (next) /* the blanks in front of next go in front of the new one */
        return xmlAddPrevSibling(next, n) && put_text_before(next, lead);
    if (!answer_first(parent)) {
        xmlNode *t;

        for (xmlNode *k = parent->children; k; k = t) { /* blanks only, or comments to keep */
            t = k->next;
            if (k->type == XML_TEXT_NODE && xmlIsBlankNode(k) && !t) {
                xmlUnlinkNode(k);
                xmlFreeNode(k);
            }
        }
    } else if (parent->last && parent->last->type == XML_TEXT_NODE &&
               xmlIsBlankNode(parent->last)) {
        xmlNode *t = parent->last;

        xmlUnlinkNode(t);
        xmlFreeNode(t);
    }
    if (!xmlAddChild(parent, n) || !put_text_before(n, lead))
        return false;
    {
        xmlNode *t = xmlNewDocText(parent->doc, X(close));

        return t && xmlAddNextSibling(n, t);
    }
}

static xmlNode *new_element(xmlNode *like, const char *name)
{
    return xmlNewDocNode(like->doc, like->ns, X(name), NULL);
}

/* The brother before which name belongs, by the table; NULL: last. */
static xmlNode *place_for(const xmlNode *parent, const struct rule *table, const char *name)
{
    size_t mine = rule_index(table, name);

    for (xmlNode *k = answer_first(parent); k && mine != SIZE_MAX; k = answer_next(k)) {
        size_t its = rule_index(table, answer_name(k));

        if (its != SIZE_MAX && its > mine)
            return k;
    }
    return NULL;
}

static int make_child(xmlNode *parent, const struct rule *table, const char *name, xmlNode **ret,
                      struct err *e)
{
    xmlNode *n = answer_child(parent, name);

    if (!n) {
        n = new_element(parent, name);
        if (!n)
            return err_oom(e);
        if (!put_in(parent, n, place_for(parent, table, name)))
            return err_oom(e);
    }
    *ret = n;
    return 0;
}

/* An element with a single value: its text is replaced, comments in it stay. */
static int set_text(xmlNode *n, const char *value, struct err *e)
{
    xmlNode *t, *next;

    for (t = n->children; t; t = next) {
        next = t->next;
        if (t->type == XML_TEXT_NODE || t->type == XML_CDATA_SECTION_NODE) {
            xmlUnlinkNode(t);
            xmlFreeNode(t);
        }
    }
    t = xmlNewDocText(n->doc, X(value));
    if (!t)
        return err_oom(e);
    if (n->children ? !xmlAddPrevSibling(n->children, t) : !xmlAddChild(n, t))
        return err_oom(e);
    return 0;
}

static xmlNode *find_settings(const struct answer *a, enum answer_pass pass)
{
    for (xmlNode *s = answer_first(a->root); s; s = answer_next(s))
        if (strcmp(answer_name(s), "settings") == 0 && answer_pass_of(s) == pass)
            return s;
    return NULL;
}

/* Passes stand in the order in which Setup runs them. */
static int make_settings(struct answer *a, enum answer_pass pass, xmlNode **ret, struct err *e)
{
    xmlNode *s = find_settings(a, pass), *next = NULL;

    if (s) {
        *ret = s;
        return 0;
    }
    for (next = answer_first(a->root); next; next = answer_next(next))
        if (strcmp(answer_name(next), "settings") == 0 && answer_pass_of(next) > pass)
            break;
    s = new_element(a->root, "settings");
    if (!s || !xmlNewProp(s, X("pass"), X(answer_pass_name(pass))) || !put_in(a->root, s, next))
        return err_oom(e);
    *ret = s;
    return 0;
}

static int make_component(struct answer *a, enum answer_pass pass, const char *component,
                          const char *arch, struct err *e)
{
    static const char *const fixed[][2] = { { "publicKeyToken", "31bf3856ad364e35" },
                                            { "language", "neutral" },
                                            { "versionScope", "nonSxS" } };
    xmlNode *s = NULL, *c;
    int r;

    r = make_settings(a, pass, &s, e);
    if (r < 0)
        return r;
    c = new_element(s, "component");
    if (!c || !xmlNewProp(c, X("name"), X(component)) ||
        !xmlNewProp(c, X("processorArchitecture"), X(arch)))
        return err_oom(e);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (!xmlNewProp(c, X(fixed[i][0]), X(fixed[i][1])))
            return err_oom(e);
    return put_in(s, c, NULL) ? 0 : err_oom(e);
}

/* "OOBE/ProtectYourPC" one name at a time. false at the end. */
static bool next_name(const char **path, char out[NAME_MAX_])
{
    size_t n = strcspn(*path, "/");

    if (n == 0 || n >= NAME_MAX_)
        return false;
    memcpy(out, *path, n);
    out[n] = '\0';
    *path += n + ((*path)[n] == '/');
    return true;
}

static int set_in(xmlNode *at, const struct rule *table, const char *path, const char *value,
                  struct err *e)
{
    char name[NAME_MAX_];
    int r;

    while (next_name(&path, name)) {
        const struct rule *k = rule_find(table, name);

        r = make_child(at, table, name, &at, e);
        if (r < 0)
            return r;
        table = k ? k->kids : NULL;
    }
    return set_text(at, value, e);
}

static int check_outside(const char *path, const char *value, struct err *e)
{
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' && *p != '\t' && *p != '\n' && *p != '\r')
            return err_set(e, EINVAL, ERR_INVALID,
                           "answer file: '%s': XML has no way to say the character %u", path,
                           (unsigned char)*p);
    if (!utf8_valid(value, strlen(value)))
        return err_set(e, EINVAL, ERR_INVALID, "answer file: '%s' is no UTF-8", path);
    return 0;
}

int answer_set(struct answer *a, enum answer_pass pass, const char *component, const char *path,
               const char *arch, const char *value, struct err *e)
{
    const struct rule_component *k = rule_component_find(component);
    xmlNode *c;
    int r;

    r = check_outside(path, value, e);
    if (r < 0)
        return r;
    if (!answer_component(a, NULL, pass, component)) {
        r = make_component(a, pass, component, arch, e);
        if (r < 0)
            return r;
    }
    for (c = NULL; (c = answer_component(a, c, pass, component)) != NULL;) {
        r = set_in(c, k ? k->rules : NULL, path, value, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Takes the element and the blanks in front of it. */
static uint64_t highest_order(const xmlNode *list)
{
    uint64_t top = 0, v;

    for (const xmlNode *k = answer_first(list); k; k = answer_next(k)) {
        const xmlNode *o = answer_child(k, "Order");
        _cleanup_free_ char *t = o ? answer_text(o) : NULL;

        if (t && parse_u64(t, 0, ANSWER_LIST_MAX, &v) == 0 && v > top)
            top = v;
    }
    return top;
}

static bool has_command(const xmlNode *list, const char *text_name, const char *command)
{
    for (const xmlNode *k = answer_first(list); k; k = answer_next(k)) {
        const xmlNode *n = answer_child(k, text_name);
        _cleanup_free_ char *t = n ? answer_text(n) : NULL;

        if (t && strcmp(t, command) == 0)
            return true;
    }
    return false;
}

/* The prefix "wcm" may stand for something else in a file. */
static xmlNs *wcm_ns(struct answer *a)
{
    xmlNs *ns = xmlSearchNsByHref(a->doc, a->root, X(ANSWER_WCM_NS));

    if (!ns || !ns->prefix)
        ns = xmlNewNs(a->root, X(ANSWER_WCM_NS), X("wcm"));
    return ns ? ns : xmlNewNs(a->root, X(ANSWER_WCM_NS), X("wcmState"));
}

static int add_item(struct answer *a, xmlNode *list, const char *item, const char *text_name,
                    const char *command, const char *description, struct err *e)
{
    const struct rule_component *k =
        rule_component_find(strcmp(item, "RunSynchronousCommand") == 0 ? DEPLOYMENT : SHELL_SETUP);
    const struct rule *table = rule_find(k->rules, answer_name(list))->kids[0].kids;
    xmlNs *wcm = wcm_ns(a);
    xmlNode *n;
    char order[24];
    uint64_t no = highest_order(list) + 1;
    int r;

    if (no > ANSWER_LIST_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "answer file: more than %d commands", ANSWER_LIST_MAX);
    n = wcm ? new_element(list, item) : NULL;
    if (!n)
        return err_oom(e);
    if (!xmlNewNsProp(n, wcm, X("action"), X("add")) || !put_in(list, n, NULL)) {
        xmlUnlinkNode(n);
        xmlFreeNode(n);
        return err_oom(e);
    }
    (void)snprintf(order, sizeof order, "%llu", (unsigned long long)no);
    r = set_in(n, table, "Order", order, e);
    if (r == 0 && description)
        r = set_in(n, table, "Description", description, e);
    if (r == 0)
        r = set_in(n, table, text_name, command, e);
    return r;
}

int answer_add_command(struct answer *a, enum answer_pass pass, const char *arch,
                       const char *command, const char *description, struct err *e)
{
    bool logon = pass == PASS_OOBE_SYSTEM;
    const char *component = logon ? SHELL_SETUP : DEPLOYMENT;
    const char *list = logon ? "FirstLogonCommands" : "RunSynchronous";
    xmlNode *c, *l;
    int r;

    r = check_outside(list, command, e);
    if (r < 0)
        return r;
    if (utf8_count(command) > ANSWER_COMMAND_MAX)
        return err_set(e, E2BIG, ERR_LIMIT,
                       "answer file: a command of %zu characters, Setup takes at most %d",
                       utf8_count(command), ANSWER_COMMAND_MAX);
    if (!answer_component(a, NULL, pass, component)) {
        r = make_component(a, pass, component, arch, e);
        if (r < 0)
            return r;
    }
    for (c = NULL; (c = answer_component(a, c, pass, component)) != NULL;) {
        r = make_child(c, rule_component_find(component)->rules, list, &l, e);
        if (r == 0 && !has_command(l, logon ? "CommandLine" : "Path", command))
            r = add_item(a, l, logon ? "SynchronousCommand" : "RunSynchronousCommand",
                         logon ? "CommandLine" : "Path", command, description, e);
        if (r < 0)
            return r;
    }
    return 0;
}

void answer_rearm(struct answer *a)
{
    for (xmlNode *s = answer_first(a->root); s; s = answer_next(s))
        (void)xmlUnsetProp(s, X("wasPassProcessed"));
}
