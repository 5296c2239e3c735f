/* SPDX-License-Identifier: Apache-2.0 */
/* LaunchConfig.json. The original demands five keys and takes two more as off when missing. */
#include "v1/v1.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "lib/utf.h"

#define CONFIG_PATH  "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Config\\LaunchConfig.json"
#define CONFIG_MAX   KIB(64)
#define TYPE_KEY     "adminPasswordType"
#define PASSWORD_KEY "adminPassword"

static const struct {
    const char *key;
    bool wanted;     /* must be in the file */
    bool on_default; /* without a file */
} switches[] = {
    [V1_COMPUTER_NAME] = { "setComputerName", true, false },
    [V1_MONITOR] = { "setMonitorAlwaysOn", false, true },
    [V1_WALLPAPER] = { "setWallpaper", true, true },
    [V1_DNS] = { "addDnsSuffixList", true, true },
    [V1_EXTEND] = { "extendBootVolumeSize", true, true },
    [V1_USER_DATA] = { "handleUserData", false, true },
};

static const char *const types[] = {
    [V1_PASSWORD_RANDOM] = "Random",
    [V1_PASSWORD_SPECIFY] = "Specify",
    [V1_PASSWORD_NOTHING] = "DoNothing",
    [V1_PASSWORD_ENCRYPTED] = "Encrypted",
};

const char *v1_switch_key(enum v1_switch s)
{
    return switches[s].key;
}

const char *v1_password_name(enum v1_password p)
{
    return types[p];
}

static int read_switch(const struct tree *t, enum v1_switch s, bool *ret, struct err *e)
{
    const struct tree_node *n = tree_get_nocase(t->root, switches[s].key);

    if (!n && switches[s].wanted)
        return tree_err(t, t->root, e, "the key '%s' is missing", switches[s].key);
    *ret = false;
    if (!n || n->type == TREE_NULL)
        return 0;
    if (n->type == TREE_BOOL)
        *ret = n->yes;
    else if (n->type == TREE_STRING && str_eq_nocase(n->text, "true"))
        *ret = true;
    else if (n->type != TREE_STRING || !str_eq_nocase(n->text, "false"))
        return tree_err(t, n, e, "'%s' is neither true nor false", switches[s].key);
    return 0;
}

static int read_type(const struct tree *t, enum v1_password *ret, struct err *e)
{
    const struct tree_node *n = tree_get_nocase(t->root, TYPE_KEY);
    char shown[64];

    if (!n)
        return tree_err(t, t->root, e, "the key '%s' is missing", TYPE_KEY);
    for (size_t i = 0; n->type == TREE_STRING && i < ARRAY_LEN(types); i++)
        if (str_eq_nocase(n->text, types[i])) {
            *ret = (enum v1_password)i;
            return 0;
        }
    return tree_err(t, n, e, "'%s' is '%s': Random, Specify, DoNothing or Encrypted is expected",
                    TYPE_KEY,
                    n->text ? str_show(n->text, shown, sizeof(shown)) : tree_type_name(n->type));
}

static int read_password(const struct tree *t, char **ret, struct err *e)
{
    const struct tree_node *n = tree_get_nocase(t->root, PASSWORD_KEY);

    if (n && n->type != TREE_STRING && n->type != TREE_NULL)
        return tree_err(t, n, e, "'%s' is %s, not a text", PASSWORD_KEY, tree_type_name(n->type));
    *ret = str_dup(n && n->text ? n->text : "");
    return *ret ? 0 : err_oom(e);
}

/* Which of "setWallpaper" and "SETWALLPAPER" was meant, nobody knows. */
static int refuse_twins(const struct tree *t, struct err *e)
{
    for (const struct tree_node *n = t->root->first; n; n = n->next) {
        const struct tree_node *first = tree_get_nocase(t->root, n->key);

        if (first != n)
            return tree_err(t, n, e, "the key '%s' stands here a second time, first as '%s'",
                            n->key, first->key);
    }
    return 0;
}

static int read_all(struct v1_config *c, struct err *e)
{
    if (c->tree->root->type != TREE_MAP)
        return tree_err(c->tree, c->tree->root, e, "%s stands where settings are expected",
                        tree_type_name(c->tree->root->type));
    if (refuse_twins(c->tree, e) < 0)
        return -e->no;
    for (int i = 0; i < V1_SWITCH_MAX; i++)
        if (read_switch(c->tree, (enum v1_switch)i, &c->on[i], e) < 0)
            return -e->no;
    if (read_type(c->tree, &c->type, e) < 0)
        return -e->no;
    return read_password(c->tree, &c->password, e);
}

int v1_config_parse(const char *file, const char *data, size_t n, struct v1_config *ret,
                    struct err *e)
{
    struct v1_config c = { 0 };
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    int r;

    r = utf_decode(data, n, true, file, &text, &len, e);
    if (r < 0)
        return r;
    c.crlf = strstr(text, "\r\n") != NULL;
    r = json_parse(file, text, len, &c.tree, e);
    mem_wipe(text, len);
    if (r == 0)
        r = read_all(&c, e);
    if (r < 0) {
        v1_config_done(&c);
        return r;
    }
    *ret = c;
    return 0;
}

void v1_config_done(struct v1_config *c)
{
    if (c->password)
        mem_wipe(c->password, strlen(c->password));
    free(c->password);
    tree_free(c->tree);
    *c = (struct v1_config){ 0 };
}

static void set_defaults(struct v1_config *c)
{
    *c = (struct v1_config){ .type = V1_PASSWORD_RANDOM, .crlf = true };
    for (int i = 0; i < V1_SWITCH_MAX; i++)
        c->on[i] = switches[i].on_default;
}

int v1_config_load(struct win *w, struct v1_config *ret, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, CONFIG_PATH, e), *data = NULL;
    size_t n = 0;
    int r = path ? w->file_read(w, path, CONFIG_MAX, &data, &n, e) : -e->no;

    if (r == 0) {
        r = v1_config_parse(path, data, n, ret, e);
        mem_wipe(data, n);
    }
    if (r < 0)
        set_defaults(ret);
    else
        ret->is_private = *ret->password != '\0';
    return r < 0 ? r : 0;
}

/* A file of all defaults, for settings that had none or a broken one. */
static int make_tree(struct v1_config *c, struct err *e)
{
    struct tree *t = tree_new("LaunchConfig.json");

    if (!t)
        return err_oom(e);
    t->root = tree_node_new(t, TREE_MAP, NULL, 0);
    for (int i = 0; t->root && i < V1_SWITCH_MAX; i++) {
        struct tree_node *n = tree_node_new(t, TREE_BOOL, NULL, 0);
        if (!n || !tree_add(t->root, switches[i].key, n))
            goto oom;
        n->yes = c->on[i];
    }
    if (!t->root ||
        !tree_add(t->root, TYPE_KEY,
                  tree_node_new(t, TREE_STRING, types[c->type], strlen(types[c->type]))) ||
        !tree_add(t->root, PASSWORD_KEY, tree_node_new(t, TREE_STRING, "", 0)))
        goto oom;
    c->tree = t;
    return 0;
oom:
    tree_free(t);
    return err_oom(e);
}

/* The key's node, made when the file has none. */
static int want_node(struct v1_config *c, const char *key, enum tree_type type,
                     struct tree_node **ret, struct err *e)
{
    struct tree_node *n;

    if (!c->tree && make_tree(c, e) < 0)
        return -e->no;
    n = (struct tree_node *)(uintptr_t)tree_get_nocase(c->tree->root, key);
    if (!n)
        n = tree_add(c->tree->root, key, tree_node_new(c->tree, type, "", 0));
    if (!n)
        return err_oom(e);
    *ret = n;
    return 0;
}

int v1_config_set(struct v1_config *c, enum v1_switch s, bool on, struct err *e)
{
    struct tree_node *n = NULL;

    if (want_node(c, switches[s].key, TREE_BOOL, &n, e) < 0)
        return -e->no;
    if (n->type == TREE_STRING) {
        if (tree_set_text(n, on ? "true" : "false") < 0)
            return err_oom(e);
    } else {
        n->type = TREE_BOOL;
        n->yes = on;
    }
    c->on[s] = on;
    return 0;
}

static int set_text(struct v1_config *c, const char *key, const char *text, struct err *e)
{
    struct tree_node *n = NULL;

    if (want_node(c, key, TREE_STRING, &n, e) < 0)
        return -e->no;
    return tree_set_text(n, text) < 0 ? err_oom(e) : 0;
}

int v1_config_set_password(struct v1_config *c, enum v1_password type, const char *password,
                           struct err *e)
{
    char *copy = str_dup(password);

    if (!copy)
        return err_oom(e);
    if (set_text(c, TYPE_KEY, types[type], e) < 0 || set_text(c, PASSWORD_KEY, password, e) < 0) {
        mem_wipe(copy, strlen(copy));
        free(copy);
        return -e->no;
    }
    if (c->password)
        mem_wipe(c->password, strlen(c->password));
    free(c->password);
    c->password = copy;
    c->type = type;
    return 0;
}

static void put_line_ends(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            str_addc(out, '\r');
        str_addc(out, *text);
    }
}

int v1_config_save(struct win *w, const struct v1_config *c, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, CONFIG_PATH, e);
    struct str out = STR_INIT(CONFIG_MAX), plain = STR_INIT(CONFIG_MAX);
    bool secret = c->password && *c->password;
    int r;

    if (!path)
        return -e->no;
    if (!c->tree)
        return err_set(e, EINVAL, ERR_INVALID, "there are no settings to write to '%s'", path);
    json_write(&plain, c->tree->root, 4);
    if (plain.len && plain.p[plain.len - 1] != '\n')
        str_addc(&plain, '\n');
    r = str_check(&plain, path, e);
    if (r == 0 && c->crlf)
        put_line_ends(&out, str_text(&plain));
    else if (r == 0)
        str_add(&out, str_text(&plain));
    str_wipe(&plain);
    if (r == 0)
        r = str_check(&out, path, e);
    if (r == 0)
        r = secret ? win_file_write_private(w, path, str_text(&out), out.len, e)
                   : w->file_write(w, path, str_text(&out), out.len, e);
    str_wipe(&out);
    if (r == 0 && !secret && c->is_private)
        r = w->file_protect(w, path, WIN_PROTECT_READ, e);
    return r;
}
