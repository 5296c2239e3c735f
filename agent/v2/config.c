/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/config.h"

#include <string.h>

#include "lib/json.h"
#include "lib/utf.h"
#include "lib/yaml.h"

const char v2_default_config[] = "version: 1.1\n"
                                 "config:\n"
                                 "  - stage: boot\n"
                                 "    tasks:\n"
                                 "      - task: extendRootPartition\n"
                                 "  - stage: preReady\n"
                                 "    tasks:\n"
                                 "      - task: activateWindows\n"
                                 "        inputs:\n"
                                 "          activation:\n"
                                 "            type: amazon\n"
                                 "      - task: setDnsSuffix\n"
                                 "        inputs:\n"
                                 "          suffixes:\n"
                                 "            - $REGION.ec2-utilities.amazonaws.com\n"
                                 "      - task: setAdminAccount\n"
                                 "        inputs:\n"
                                 "          password:\n"
                                 "            type: random\n"
                                 "      - task: setWallpaper\n"
                                 "        inputs:\n"
                                 "          path: C:\\Windows\\Web\\Wallpaper\\Windows\\img0.jpg\n"
                                 "          attributes:\n"
                                 "            - hostName\n"
                                 "            - instanceId\n"
                                 "            - privateIpAddress\n"
                                 "            - publicIpAddress\n"
                                 "            - ipv6Address\n"
                                 "            - instanceSize\n"
                                 "            - availabilityZone\n"
                                 "            - architecture\n"
                                 "  - stage: postReady\n"
                                 "    tasks:\n"
                                 "      - task: startSsm\n";

void v2_config_free(struct v2_config *c)
{
    if (!c)
        return;
    tree_free(c->tree);
    free(c);
}

static int stage_of(const struct tree *t, const struct tree_node *stage, enum v2_stage *ret,
                    struct err *e)
{
    const struct tree_node *name = tree_get(stage, "stage");

    if (!name)
        return tree_err(t, stage, e, "'stage' is missing");
    if (name->type == TREE_STRING)
        for (unsigned i = 0; i < V2_USER_DATA; i++)
            if (str_eq(name->text, v2_stage_name((enum v2_stage)i))) {
                *ret = (enum v2_stage)i;
                return 0;
            }
    return tree_err(t, name, e,
                    "'boot', 'network', 'preReady' or 'postReady' expected for 'stage', not %s%s%s",
                    name->text ? "'" : "", name->text ? name->text : tree_type_name(name->type),
                    name->text ? "'" : "");
}

static int check_stage(struct v2_config *c, const struct tree_node *stage, v2_warn *warn, void *ctx,
                       struct err *e)
{
    static const char *const keys[] = { "stage", "tasks", NULL };
    const struct tree_node *tasks;
    enum v2_stage which = V2_BOOT;
    int r = v2_check_keys(c->tree, stage, keys, "a stage", e);

    if (r == 0)
        r = stage_of(c->tree, stage, &which, e);
    if (r < 0)
        return r;
    tasks = tree_get(stage, "tasks");
    if (c->tasks[which])
        return tree_err(c->tree, stage, e, "the stage '%s' stands here a second time",
                        v2_stage_name(which));
    if (!tasks)
        return 0;
    c->tasks[which] = tasks;
    return v2_check_tasks(c->tree, tasks, which, warn, ctx, e);
}

static int check(struct v2_config *c, v2_warn *warn, void *ctx, struct err *e)
{
    static const char *const keys[] = { "version", "config", NULL };
    const struct tree_node *root = c->tree->root, *config;
    unsigned minor; /* both are treated alike here */
    int r = v2_check_keys(c->tree, root, keys, V2_CONFIG_NAME, e);

    if (r == 0)
        r = v2_check_version(c->tree, root, &minor, e);
    if (r < 0)
        return r;
    config = tree_get(root, "config");
    if (!config)
        return tree_err(c->tree, root, e, "'config' is missing");
    if (config->type == TREE_NULL)
        return 0;
    if (config->type != TREE_LIST)
        return tree_err(c->tree, config, e, "a list of stages expected for 'config', not %s",
                        tree_type_name(config->type));
    for (const struct tree_node *s = config->first; s; s = s->next) {
        r = check_stage(c, s, warn, ctx, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool looks_json(const char *text)
{
    while (*text && strchr(" \t\r\n", *text))
        text++;
    return *text == '{';
}

int v2_config_parse(const char *file, const void *p, size_t n, v2_warn *warn, void *ctx,
                    struct v2_config **ret, struct err *e)
{
    _cleanup_(v2_config_freep) struct v2_config *c = calloc(1, sizeof *c);
    char *text = NULL;
    size_t len = 0;
    int r;

    if (!c)
        return err_oom(e);
    r = utf_decode(p, n, true, file, &text, &len, e);
    if (r < 0)
        return r;
    c->json = looks_json(text);
    r = c->json ? json_parse(file, text, len, &c->tree, e)
                : yaml_parse(file, text, len, &c->tree, e);
    mem_wipe(text, len); /* it may hold a password */
    free(text);
    if (r == 0)
        r = check(c, warn, ctx, e);
    if (r == 0)
        *ret = TAKE_PTR(c);
    return r;
}

void v2_config_write(struct str *out, const struct v2_config *c, bool json)
{
    if (json) {
        json_write(out, c->tree->root, 2);
        str_addc(out, '\n');
    } else {
        yaml_write(out, c->tree->root);
    }
}

static const struct tree_node *password_data(const struct v2_config *c)
{
    const struct tree_node *tasks = c->tasks[V2_PRE_READY];

    for (const struct tree_node *t = tasks ? tasks->first : NULL; t; t = t->next)
        if (str_eq(v2_text(t, "task"), "setAdminAccount"))
            return tree_get(tree_get(tree_get(t, "inputs"), "password"), "data");
    return NULL;
}

/* Offset of a 1-based place. */
static size_t offset_of(const char *text, unsigned line, unsigned col)
{
    const char *p = text;

    for (; line > 1 && *p; p++)
        if (*p == '\n')
            line--;
    for (; col > 1 && *p; p++)
        if (((unsigned char)p[1] & 0xc0) != 0x80)
            col--;
    return (size_t)(p - text);
}

/* A one-line scalar ends where its line or its comment does, inside {} and [] also where its group
 * goes on; quoted ones at the quote. */
static size_t scalar_end(const char *text, size_t at, bool flow)
{
    char quote = text[at];
    size_t i = at;

    if (quote == '"' || quote == '\'') {
        for (i++; text[i] && (text[i] != quote || (quote == '\'' && text[i + 1] == quote)); i++)
            if (text[i] == (quote == '"' ? '\\' : quote) && text[i + 1])
                i++;
        return text[i] ? i + 1 : i;
    }
    while (text[i] && !strchr("\r\n", text[i]) && !(flow && strchr(",}]", text[i])) &&
           !(text[i] == ' ' && text[i + 1] == '#'))
        i++;
    return i;
}

/* The text with "" in place of the scalar; whether it is still settings, without a password. */
static bool cut_out(const char *file, const char *text, size_t at, bool flow, struct str *ret)
{
    _cleanup_(v2_config_freep) struct v2_config *again = NULL;
    const struct tree_node *data;
    struct err e = { 0 };

    ret->len = 0;
    str_add_mem(ret, text, at);
    str_add(ret, "\"\"");
    str_add(ret, text + scalar_end(text, at, flow));
    if (v2_config_parse(file, str_text(ret), ret->len, NULL, NULL, &again, &e) < 0)
        return false;
    data = password_data(again);
    return data && data->text && !*data->text;
}

int v2_config_wipe_password(const char *file, const void *p, size_t n, struct str *ret,
                            struct err *e)
{
    _cleanup_(v2_config_freep) struct v2_config *c = NULL;
    const struct tree_node *data;
    char *text = NULL;
    size_t len, at;
    int r = v2_config_parse(file, p, n, NULL, NULL, &c, e);

    if (r < 0)
        return r;
    data = password_data(c);
    if (!data || !data->text || !*data->text)
        return 0;
    r = utf_decode(p, n, true, file, &text, &len, e);
    if (r < 0)
        return r;
    at = offset_of(text, data->line, data->col);
    if (!cut_out(file, text, at, c->json, ret) && !cut_out(file, text, at, true, ret)) {
        /* a value of several lines cannot be cut out so; then the file is written anew */
        ret->len = 0;
        if (tree_set_text((struct tree_node *)data, "") < 0)
            r = err_oom(e);
        else
            v2_config_write(ret, c, c->json);
    }
    mem_wipe(text, len);
    free(text);
    if (r < 0)
        return r;
    r = str_check(ret, "the settings", e);
    return r < 0 ? r : 1;
}
