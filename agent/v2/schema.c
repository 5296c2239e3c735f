/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/schema.h"

#include <errno.h>
#include <string.h>

#include "engine/name.h"
#include "engine/wallpaper.h"

#define B (1U << V2_BOOT)
#define P (1U << V2_PRE_READY)
#define R (1U << V2_POST_READY)
#define U (1U << V2_USER_DATA)

static const char *const stage_names[V2_STAGE_MAX] = {
    [V2_BOOT] = "boot",
    [V2_NETWORK] = "network",
    [V2_PRE_READY] = "preReady",
    [V2_POST_READY] = "postReady",
    [V2_USER_DATA] = "postReadyUserData",
};

const char *v2_stage_name(enum v2_stage s)
{
    return (unsigned)s < V2_STAGE_MAX ? stage_names[s] : "?";
}

static const char *const often_words[] = { "once", "always", NULL };
static const char *const script_words[] = { "batch", "powershell", NULL };
static const char *const run_as_words[] = { "admin", "localSystem", NULL };
static const char *const system_words[] = { "localSystem", NULL };
static const char *const activation_words[] = { "amazon", NULL };
static const char *const password_words[] = { "random", "static", "doNothing", "encrypted", NULL };
static const char *const volume_words[] = { "all", "devices", NULL };
static const char *const partition_words[] = { "mbr", "gpt", NULL };

static int check_filled(const char *text, struct err *e)
{
    return *text ? 0 : err_set(e, EINVAL, ERR_INVALID, "it is empty");
}

static int check_letter(const char *text, struct err *e)
{
    bool is = ((text[0] | 32) >= 'a' && (text[0] | 32) <= 'z') && !text[1];

    return is ? 0 : err_set(e, EINVAL, ERR_INVALID, "'%s' is no drive letter", text);
}

static int check_picture(const char *text, struct err *e)
{
    size_t n = strlen(text);

    if (n > 4 && (str_eq_nocase(text + n - 4, ".jpg") || str_eq_nocase(text + n - 5, ".jpeg")))
        return 0;
    return err_set(e, EINVAL, ERR_INVALID, "'%s' is no .jpg file", text);
}

static int check_attribute(const char *text, struct err *e)
{
    if (wallpaper_attribute(text) || wallpaper_attribute_is_old(text))
        return 0;
    return err_set(e, EINVAL, ERR_INVALID, "unknown attribute '%s'", text);
}

static const struct v2_field activation_fields[] = {
    { "type", V2_WORD, true, activation_words, NULL, NULL },
    { 0 },
};
static const struct v2_field activate_fields[] = {
    { "activation", V2_MAP, true, NULL, activation_fields, NULL },
    { 0 },
};
static const struct v2_field program_fields[] = {
    { "frequency", V2_WORD, true, often_words, NULL, NULL },
    { "path", V2_TEXT, true, NULL, NULL, check_filled },
    { "arguments", V2_TEXT_OR_TEXTS, false, NULL, NULL, NULL },
    { "runAs", V2_WORD, false, system_words, NULL, NULL },
    { 0 },
};
static const struct v2_field script_fields[] = {
    { "frequency", V2_WORD, true, often_words, NULL, NULL },
    { "type", V2_WORD, true, script_words, NULL, NULL },
    { "content", V2_TEXT, true, NULL, NULL, NULL },
    { "runAs", V2_WORD, false, run_as_words, NULL, NULL },
    { "arguments", V2_TEXT_OR_TEXTS, false, NULL, NULL, NULL },
    { "detach", V2_FLAG, false, NULL, NULL, NULL },
    { 0 },
};
static const struct v2_field device_fields[] = {
    { "device", V2_TEXT, true, NULL, NULL, check_filled },
    { "name", V2_TEXT, false, NULL, NULL, NULL },
    { "letter", V2_TEXT, false, NULL, NULL, check_letter },
    { "partition", V2_WORD, false, partition_words, NULL, NULL },
    { 0 },
};
static const struct v2_field volume_fields[] = {
    { "initialize", V2_WORD, true, volume_words, NULL, NULL },
    { "devices", V2_MAPS, false, NULL, device_fields, NULL },
    { 0 },
};
static const struct v2_field password_fields[] = {
    { "type", V2_WORD, true, password_words, NULL, NULL },
    { "data", V2_TEXT, false, NULL, NULL, NULL },
    { 0 },
};
static const struct v2_field account_fields[] = {
    { "name", V2_TEXT, false, NULL, NULL, NULL },
    { "password", V2_MAP, false, NULL, password_fields, NULL },
    { 0 },
};
static const struct v2_field suffix_fields[] = {
    { "suffixes", V2_TEXTS, true, NULL, NULL, check_filled },
    { 0 },
};
static const struct v2_field host_fields[] = {
    { "hostName", V2_TEXT, false, NULL, NULL, name_check },
    { "reboot", V2_FLAG, false, NULL, NULL, NULL },
    { 0 },
};
static const struct v2_field wallpaper_fields[] = {
    { "path", V2_TEXT, true, NULL, NULL, check_picture },
    { "attributes", V2_TEXTS, false, NULL, NULL, check_attribute },
    { "instanceTags", V2_TEXT_OR_TEXTS, false, NULL, NULL, check_filled },
    { 0 },
};
static const struct v2_field sysprep_fields[] = {
    { "clean", V2_FLAG, false, NULL, NULL, NULL },
    { "shutdown", V2_FLAG, false, NULL, NULL, NULL },
    { 0 },
};
static const struct v2_field file_fields[] = {
    { "frequency", V2_WORD, true, often_words, NULL, NULL },
    { "destination", V2_TEXT, true, NULL, NULL, check_filled },
    { "content", V2_TEXT, true, NULL, NULL, NULL },
    { 0 },
};

static int check_script(const struct tree *t, const struct tree_node *in, struct err *e)
{
    const struct tree_node *arguments = tree_get(in, "arguments");

    if (arguments && arguments->type != TREE_NULL && !str_eq(v2_text(in, "type"), "powershell"))
        return tree_err_key(t, arguments, e, "'arguments' is for type 'powershell' only");
    return 0;
}

static int check_volume(const struct tree *t, const struct tree_node *in, struct err *e)
{
    const struct tree_node *devices = tree_get(in, "devices");

    if (str_eq(v2_text(in, "initialize"), "devices") && (!devices || !devices->first))
        return tree_err(t, tree_get(in, "initialize"), e,
                        "'initialize: devices' needs a list 'devices'");
    return 0;
}

static int check_tags(const struct tree *t, const struct tree_node *in, struct err *e)
{
    const struct tree_node *tags = tree_get(in, "instanceTags");

    if (tags && tags->type == TREE_STRING && !str_eq(tags->text, "AllTags"))
        return tree_err(t, tags, e, "'AllTags' or a list of tag names expected, not '%s'",
                        tags->text);
    return 0;
}

static const struct v2_schema schema[V2_TASK_MAX] = {
    { "activateWindows", V2_ACTIVATE_WINDOWS, V2_ONCE, P, V2_INPUTS_MAP, activate_fields, NULL,
      "activate Windows with the platform's key management service" },
    { "enableJumboFrames", V2_ENABLE_JUMBO_FRAMES, V2_ALWAYS, R | U, V2_INPUTS_NONE, NULL, NULL,
      "let the network adapters send frames of 9001 bytes" },
    { "enableOpenSsh", V2_ENABLE_OPENSSH, V2_ONCE, P | U, V2_INPUTS_NONE, NULL, NULL,
      "turn on OpenSSH Server and let the launch key in" },
    { "executeProgram", V2_EXECUTE_PROGRAM, V2_PER_ITEM, P | R | U, V2_INPUTS_LIST, program_fields,
      NULL, "run programs" },
    { "executeScript", V2_EXECUTE_SCRIPT, V2_PER_ITEM, P | R | U, V2_INPUTS_LIST, script_fields,
      check_script, "run scripts" },
    { "extendRootPartition", V2_EXTEND_ROOT, V2_ONCE, B, V2_INPUTS_NONE, NULL, NULL,
      "grow C: into the free space behind it" },
    { "initializeVolume", V2_INITIALIZE_VOLUME, V2_ALWAYS, R | U, V2_INPUTS_MAP, volume_fields,
      check_volume, "partition and format empty disks" },
    { "optimizeEna", V2_OPTIMIZE_ENA, V2_ALWAYS, R | U, V2_INPUTS_NONE, NULL, NULL,
      "tune the network adapters" },
    { "setAdminAccount", V2_SET_ADMIN_ACCOUNT, V2_ONCE, P, V2_INPUTS_MAY, account_fields, NULL,
      "set the administrator's name and password" },
    { "setDnsSuffix", V2_SET_DNS_SUFFIX, V2_ALWAYS, P, V2_INPUTS_MAP, suffix_fields, NULL,
      "add to the DNS search list" },
    { "setHostName", V2_SET_HOST_NAME, V2_ALWAYS, R | U, V2_INPUTS_MAY, host_fields, NULL,
      "set the computer's name" },
    { "setWallpaper", V2_SET_WALLPAPER, V2_ALWAYS, P | U, V2_INPUTS_MAP, wallpaper_fields,
      check_tags, "show the instance's details on the desktop" },
    { "startSsm", V2_START_SSM, V2_ALWAYS, R | U, V2_INPUTS_NONE, NULL, NULL,
      "start the service AmazonSSMAgent" },
    { "sysprep", V2_SYSPREP, V2_ONCE, U, V2_INPUTS_MAY, sysprep_fields, NULL,
      "run Sysprep when all other tasks have ended" },
    { "writeFile", V2_WRITE_FILE, V2_PER_ITEM, R | U, V2_INPUTS_LIST, file_fields, NULL,
      "write text files" },
};

const struct v2_schema *v2_schema_of(enum v2_task_id id)
{
    return (unsigned)id < V2_TASK_MAX ? &schema[id] : NULL;
}

const struct v2_schema *v2_schema_find(const char *name)
{
    for (size_t i = 0; i < V2_TASK_MAX; i++)
        if (str_eq(schema[i].name, name))
            return &schema[i];
    return NULL;
}

const char *v2_text(const struct tree_node *map, const char *name)
{
    const struct tree_node *n = tree_get(map, name);

    return n && n->type != TREE_NULL && n->type != TREE_LIST && n->type != TREE_MAP ? n->text
                                                                                    : NULL;
}

bool v2_flag(const struct tree_node *map, const char *name, bool otherwise)
{
    const struct tree_node *n = tree_get(map, name);

    return n && n->type == TREE_BOOL ? n->yes : otherwise;
}
