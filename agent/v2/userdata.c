/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/userdata.h"

#include <errno.h>
#include <string.h>

#include "engine/userdata-run.h"
#include "lib/json.h"
#include "lib/utf.h"
#include "lib/yaml.h"
#include "lib/zip.h"

#define NAME "user-data"

static const char *const form_names[V2_USERDATA_FORM_MAX] = {
    [V2_USERDATA_NONE] = "no_user_data",
    [V2_USERDATA_XML] = "xml",
    [V2_USERDATA_YAML_1_0] = "yaml_1.0",
    [V2_USERDATA_YAML_1_1] = "yaml_1.1",
};

const char *v2_userdata_form_name(enum v2_userdata_form f)
{
    return (unsigned)f < V2_USERDATA_FORM_MAX ? form_names[f] : "?";
}

void v2_userdata_done(struct v2_userdata *u)
{
    tree_free(u->tree);
    *u = (struct v2_userdata){ 0 };
}

/* The first line that says something begins with a brace or one of the two keys. */
static bool looks_yaml(const char *p)
{
    static const char *const begins[] = { "version:",   "tasks:",   "\"version\"", "\"tasks\"",
                                          "'version':", "'tasks':", "%YAML",       "{" };

    for (;;) {
        p += strspn(p, " \t\r\n");
        if (*p != '#' && !(str_starts(p, "---") && p[3] && strchr(" \t\r\n", p[3])))
            break;
        p += strcspn(p, "\n");
    }
    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (str_starts(p, begins[i]))
            return true;
    return false;
}

static void warn(void *ctx, const char *text)
{
    log_say(ctx, LOG_WARNING, "%s", text);
}

static int parse_yaml(const char *text, size_t n, struct log *log, struct v2_userdata *ret,
                      struct err *e)
{
    static const char *const keys[] = { "version", "tasks", NULL };
    _cleanup_(tree_freep) struct tree *t = NULL;
    const struct tree_node *tasks;
    unsigned minor = 0;
    bool json = text[strspn(text, " \t\r\n")] == '{';
    int r = json ? json_parse(NAME, text, n, &t, e) : yaml_parse(NAME, text, n, &t, e);

    if (r == 0)
        r = v2_check_keys(t, t->root, keys, NAME, e);
    if (r == 0)
        r = v2_check_version(t, t->root, &minor, e);
    if (r < 0)
        return r;
    tasks = tree_get(t->root, "tasks");
    if (!tasks)
        return tree_err(t, t->root, e, "'tasks' is missing");
    r = v2_check_tasks(t, tasks, V2_USER_DATA, warn, log, e);
    if (r < 0)
        return r;
    ret->form = minor ? V2_USERDATA_YAML_1_1 : V2_USERDATA_YAML_1_0;
    ret->tasks = tasks;
    ret->tree = TAKE_PTR(t);
    return 0;
}

static struct tree_node *text_node(struct tree *t, const char *text)
{
    struct tree_node *n = tree_node_new(t, TREE_STRING, text, strlen(text));

    if (n)
        n->quoted = true;
    return n;
}

/* One script of the tags as an item of executeScript. */
static bool add_item(struct tree *t, struct tree_node *items, const struct userdata_tags *tags,
                     const char *type, const char *content, const char *arguments)
{
    struct tree_node *item = tree_add(items, NULL, tree_node_new(t, TREE_MAP, NULL, 0)), *flag;
    bool system = tags->as_local_system;

    if (!item || !tree_add(item, "frequency", text_node(t, tags->persist ? "always" : "once")) ||
        !tree_add(item, "type", text_node(t, type)) ||
        !tree_add(item, "runAs", text_node(t, system ? "localSystem" : "admin")) ||
        !tree_add(item, "content", text_node(t, content)))
        return false;
    if (arguments && !tree_add(item, "arguments", text_node(t, arguments)))
        return false;
    if (!tags->detach)
        return true;
    flag = tree_node_new(t, TREE_BOOL, "true", 4);
    if (flag)
        flag->yes = true;
    return tree_add(item, "detach", flag) != NULL;
}

/* version and tasks with one executeScript: the batch part first. */
static struct tree *tree_of_tags(const struct userdata_tags *tags)
{
    struct tree *t = tree_new(NAME);
    struct tree_node *list, *task, *items;

    if (!t)
        return NULL;
    t->root = tree_node_new(t, TREE_MAP, NULL, 0);
    if (t->root && tree_add(t->root, "version", text_node(t, "1.1"))) {
        list = tree_add(t->root, "tasks", tree_node_new(t, TREE_LIST, NULL, 0));
        task = list ? tree_add(list, NULL, tree_node_new(t, TREE_MAP, NULL, 0)) : NULL;
        items = task && tree_add(task, "task", text_node(t, "executeScript"))
                    ? tree_add(task, "inputs", tree_node_new(t, TREE_LIST, NULL, 0))
                    : NULL;
        if (items && (!tags->script || add_item(t, items, tags, "batch", tags->script, NULL)) &&
            (!tags->powershell ||
             add_item(t, items, tags, "powershell", tags->powershell, tags->powershell_arguments)))
            return t;
    }
    tree_free(t);
    return NULL;
}

static void tell_tags(struct log *log, const struct userdata_tags *tags)
{
    log_say(log, LOG_INFO, "Converting user data to YAML format.");
    if (tags->script)
        log_say(log, LOG_INFO, "Script content detected");
    if (tags->powershell)
        log_say(log, LOG_INFO, "PowerShell content detected");
    log_say(log, LOG_INFO, "Frequency is set to: %s", tags->persist ? "always" : "once");
    log_say(log, LOG_INFO, "Run as user is set to: '%s'.",
            tags->as_local_system ? "localSystem" : "admin");
    log_say(log, LOG_INFO, "Script is set to run as %s process.",
            tags->detach ? "a detached" : "an inline");
    log_say(log, LOG_INFO, "User-data conversion completed.");
}

/* 1: there were tags. */
static int parse_tags(const struct dialect *d, const char *text, size_t n, struct log *log,
                      struct v2_userdata *ret, struct err *e)
{
    struct userdata_tags tags = { 0 };
    int r = userdata_tags_parse(d, text, n, &tags, e);

    if (r <= 0) { /* arguments alone may have been found */
        userdata_tags_done(&tags);
        return r;
    }
    tell_tags(log, &tags);
    ret->tree = tree_of_tags(&tags);
    userdata_tags_done(&tags);
    if (!ret->tree)
        return err_oom(e);
    ret->tasks = tree_get(ret->tree->root, "tasks");
    ret->form = V2_USERDATA_XML;
    return 1;
}

static int parse_bytes(const struct dialect *d, const void *p, size_t n, bool may_be_base64,
                       struct log *log, struct v2_userdata *ret, struct err *e);

/* Someone encoded it once more than the API does. 1: that was it. */
static int parse_base64(const struct dialect *d, const char *text, size_t n, struct log *log,
                        struct v2_userdata *ret, struct err *e)
{
    uint8_t *bytes;
    size_t len;
    int r;

    if (n < 8 || base64_decode(text, n, &bytes, &len) < 0)
        return 0;
    r = parse_bytes(d, bytes, len, false, log, ret, e);
    free(bytes);
    return r < 0 ? r : ret->form != V2_USERDATA_NONE;
}

static int parse_text(const struct dialect *d, const char *text, size_t n, bool may_be_base64,
                      struct log *log, struct v2_userdata *ret, struct err *e)
{
    int r;

    if (text[strspn(text, " \t\r\n")] == '\0')
        return 0;
    if (looks_yaml(text))
        return parse_yaml(text, n, log, ret, e);
    r = parse_tags(d, text, n, log, ret, e);
    if (r == 0 && may_be_base64)
        r = parse_base64(d, text, n, log, ret, e);
    if (r == 0 && may_be_base64)
        log_say(log, LOG_WARNING,
                "User data is neither YAML with tasks nor holds <powershell> or <script>.");
    return r < 0 ? r : 0;
}

static int parse_bytes(const struct dialect *d, const void *p, size_t n, bool may_be_base64,
                       struct log *log, struct v2_userdata *ret, struct err *e)
{
    _cleanup_str_ struct str unpacked = STR_INIT(V2_USERDATA_MAX);
    _cleanup_free_ char *text = NULL;
    size_t len;
    int r;

    if (zip_is(p, n)) {
        r = zip_read_only_file(p, n, NAME, &unpacked, e);
        if (r < 0)
            return r;
        p = str_text(&unpacked);
        n = unpacked.len;
    }
    if (n > V2_USERDATA_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, NAME ": %zu bytes, more than %zu are not read", n,
                       V2_USERDATA_MAX);
    r = utf_decode(p, n, false, NAME, &text, &len, e);
    if (r < 0)
        return r;
    if (strlen(text) == len)
        return parse_text(d, text, len, may_be_base64, log, ret, e);
    if (may_be_base64) /* a picture, a program; what stands before the 0 is not run either */
        log_say(log, LOG_WARNING, "User data is no text: it holds a character 0.");
    return 0;
}

int v2_userdata_parse(const struct dialect *d, const void *p, size_t n, struct log *log,
                      struct v2_userdata *ret, struct err *e)
{
    struct v2_userdata u = { 0 };
    int r = parse_bytes(d, p, n, true, log, &u, e);

    if (r < 0)
        v2_userdata_done(&u);
    else
        *ret = u;
    return r;
}
