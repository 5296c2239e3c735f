/* SPDX-License-Identifier: Apache-2.0 */
#include "cli-priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sysprep/sysprep.h"

#define BLOCK                                                                                      \
    {                                                                                              \
        "block", 'b', FLAG_BOOL, false, "wait until the agent's service has ended"                 \
    }

static const struct v2_verb verbs[] = {
    { "collect-logs",
      NULL,
      { { "output", 'o', FLAG_TEXT, false, "path of the zip archive to write (required)" } },
      "packs the logs of the agent, of Sysprep and of Windows Setup into a zip archive",
      NULL,
      false,
      v2_verb_collect_logs },
    { "get-agent-config",
      NULL,
      { { "format", 'f', FLAG_TEXT, false, "json or yaml; otherwise as the file is" } },
      "prints agent-config.yml",
      NULL,
      false,
      v2_verb_get_config },
    { "list-volumes",
      NULL,
      { { 0 } },
      "lists the attached disks",
      NULL,
      false,
      v2_verb_list_volumes },
    { "reset",
      NULL,
      { { "clean", 'c', FLAG_BOOL, false, "also delete the logs of the agent and of Sysprep" },
        BLOCK },
      "forgets what has been done: at the next start all tasks are run, \"once\" ones too",
      NULL,
      false,
      v2_verb_reset },
    { "run",
      NULL,
      { { 0 } },
      "runs the agent now, as at a start of Windows",
      NULL,
      false,
      v2_verb_run },
    { "run-task",
      "TASK",
      { { 0 } },
      "runs one task now: add-routes, or one of agent-config.yml (set-host-name)",
      NULL,
      false,
      v2_verb_run_task },
    { "status",
      NULL,
      { BLOCK },
      "tells the state of the agent, also as exit code",
      "Exit codes: 0 the last run succeeded, 1 it failed, 2 running, 3 state unknown,\n"
      "4 the state could not be asked for, 5 not running and no last run is known.\n",
      false,
      v2_verb_status },
    { "sysprep",
      NULL,
      { { "clean", 'c', FLAG_BOOL, false, "also delete the logs of the agent and of Sysprep" },
        { "shutdown", 's', FLAG_BOOL, true, "power off when Sysprep has ended (=false: do not)" },
        BLOCK,
        { "force", 0, FLAG_BOOL, false, "go on although a check names what makes Sysprep fail" } },
      "resets the agent and generalizes Windows, to make an image of it",
      SYSPREP_WARNING "\n",
      false,
      v2_verb_sysprep },
    { "validate", NULL, { { 0 } }, "checks agent-config.yml", NULL, false, v2_verb_validate },
    { "version", NULL, { { 0 } }, "prints the version", NULL, true, v2_verb_version },
    { "wallpaper",
      NULL,
      { { "path", 'p', FLAG_TEXT, false, "picture to draw on, a .jpg file (required)" },
        { "attributes", 0, FLAG_TEXT, false, "details to show, with commas between" },
        { "all-tags", 0, FLAG_BOOL, false, "also show all tags of the instance" },
        { "allowed-tags", 0, FLAG_TEXT, false,
          "also show these: base64 of a JSON list of names" } },
      "draws the instance's details on this user's desktop",
      NULL,
      true,
      v2_verb_wallpaper },
    { "internal randomize-password",
      NULL,
      { { "username", 'u', FLAG_TEXT, false, "the account (required)" } },
      "sets a password that nobody knows; for answer files",
      NULL,
      false,
      v2_verb_randomize },
    { "internal encrypt-password",
      NULL,
      { { "password", 'p', FLAG_TEXT, false, "the clear text (required)" } },
      "seals a password for this machine, for password type 'encrypted'",
      NULL,
      false,
      v2_verb_encrypt },
    { "internal install",
      NULL,
      { { "clean", 0, FLAG_BOOL, false, "write agent-config.yml anew, with the defaults" },
        { "telemetry", 0, FLAG_TEXT, false, "true or false: print the agent's telemetry lines" } },
      "registers the service and writes what is missing; settings stay",
      NULL,
      false,
      v2_verb_install },
    { "internal migrate",
      NULL,
      { { 0 } },
      "writes agent-config.yml from the settings that EC2Launch (v1) or EC2Config has left",
      NULL,
      false,
      v2_verb_migrate },
    { "internal wallpaper-shortcuts",
      NULL,
      { { "arguments", 0, FLAG_TEXT, false, "those of the program at each logon (required)" } },
      "writes the shortcut that draws the wallpaper to each user's Startup folder",
      NULL,
      false,
      v2_verb_shortcuts },
    { "internal uninstall",
      NULL,
      { { 0 } },
      "removes the service; settings and logs stay",
      NULL,
      false,
      v2_verb_uninstall },
};

void v2_say(struct v2_cli *c, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->print(c->ctx, false, text);
}

static int say_error(struct v2_cli *c, int code, const char *text)
{
    c->print(c->ctx, true, "error: ");
    c->print(c->ctx, true, text);
    c->print(c->ctx, true, "\n");
    return code;
}

int v2_fail(struct v2_cli *c, const struct err *e)
{
    return say_error(c, V2_EXIT_FAILED, e->msg);
}

int v2_missing(struct v2_cli *c, const char *flag)
{
    char text[64];

    (void)snprintf(text, sizeof text, "the flag '--%s' is missing", flag);
    return say_error(c, V2_EXIT_USAGE, text);
}

static void help_all(struct v2_cli *c)
{
    v2_say(c, "Usage: EC2Launch.exe VERB [FLAGS]\n\n"
              "Prepares Windows for its first start from an image, and images for it.\n\n");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        v2_say(c, "  %-28s %s\n", verbs[i].name, verbs[i].help);
    v2_say(c, "  %-28s this text, or that of a verb\n\nEach verb takes -h and --help.\n",
           "help [VERB]");
}

static void help_verb(struct v2_cli *c, const struct v2_verb *v)
{
    v2_say(c, "Usage: EC2Launch.exe %s%s%s%s\n\n%s\n", v->name, v->operand ? " " : "",
           v->operand ? v->operand : "", v->flags[0].name ? " [FLAGS]" : "", v->help);
    if (v->details)
        v2_say(c, "\n%s", v->details);
    if (v->flags[0].name)
        v2_say(c, "\n");
    for (const struct v2_flag *f = v->flags; f->name; f++) {
        char name[64];

        (void)snprintf(name, sizeof name, "%c%c%s --%s", f->letter ? '-' : ' ',
                       f->letter ? f->letter : ' ', f->letter ? "," : " ", f->name);
        v2_say(c, "  %-20s %s\n", name, f->help);
    }
}

/* The verb that the words begin with (two words for "internal ..."); *ret_words of them. */
static const struct v2_verb *find_verb(int n, char **words, int *ret_words)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        const char *blank = strchr(verbs[i].name, ' ');

        if (!blank && n > 0 && str_eq(words[0], verbs[i].name)) {
            *ret_words = 1;
            return &verbs[i];
        }
        if (blank && n > 1 && str_eq(words[1], blank + 1) &&
            strlen(words[0]) == (size_t)(blank - verbs[i].name) &&
            str_starts(verbs[i].name, words[0])) {
            *ret_words = 2;
            return &verbs[i];
        }
    }
    return NULL;
}

static const struct v2_flag *find_flag(const struct v2_verb *v, const char *arg, const char **value)
{
    const char *eq = strchr(arg, '=');

    *value = eq ? eq + 1 : NULL;
    for (const struct v2_flag *f = v->flags; f->name; f++) {
        size_t n = strlen(f->name);

        if (arg[1] == '-' && strncmp(arg + 2, f->name, n) == 0 &&
            (arg[n + 2] == '\0' || arg[n + 2] == '='))
            return f;
        if (arg[1] == f->letter && f->letter && (arg[2] == '\0' || arg[2] == '='))
            return f;
    }
    return NULL;
}

static int set_flag(const struct v2_verb *v, const struct v2_flag *f, const char *value,
                    struct v2_args *a, struct err *e)
{
    size_t at = (size_t)(f - v->flags);

    if (f->kind == FLAG_TEXT) {
        if (!value || !*value)
            return err_set(e, EINVAL, ERR_INVALID, "the flag '--%s' needs a value", f->name);
        a->value[at] = value;
        return 0;
    }
    if (value && !str_eq_nocase(value, "true") && !str_eq_nocase(value, "false"))
        return err_set(e, EINVAL, ERR_INVALID,
                       "'true' or 'false' expected behind '--%s=', not '%s'", f->name, value);
    a->on[at] = !value || str_eq_nocase(value, "true");
    return 0;
}

/* 1: help was asked for. */
static int parse(const struct v2_verb *v, int n, char **words, struct v2_args *a, struct err *e)
{
    for (size_t i = 0; v->flags[i].name; i++)
        a->on[i] = v->flags[i].otherwise;
    for (int i = 0; i < n; i++) {
        const struct v2_flag *f;
        const char *value;
        int r;

        if (str_eq(words[i], "-h") || str_eq(words[i], "--help"))
            return 1;
        if (words[i][0] != '-') {
            if (!v->operand || a->operand)
                return err_set(e, EINVAL, ERR_INVALID, "unexpected word '%s'", words[i]);
            a->operand = words[i];
            continue;
        }
        f = find_flag(v, words[i], &value);
        if (!f)
            return err_set(e, EINVAL, ERR_INVALID, "unknown flag '%s'", words[i]);
        if (f->kind == FLAG_TEXT && !value && i + 1 < n)
            value = words[++i];
        r = set_flag(v, f, value, a, e);
        if (r < 0)
            return r;
    }
    if (v->operand && !a->operand)
        return err_set(e, EINVAL, ERR_INVALID, "%s is missing", v->operand);
    return 0;
}

static int usage_error(struct v2_cli *c, const struct v2_verb *v, const char *text)
{
    (void)say_error(c, V2_EXIT_USAGE, text);
    c->print(c->ctx, true, v ? "See: EC2Launch.exe help " : "See: EC2Launch.exe help");
    c->print(c->ctx, true, v ? v->name : "");
    c->print(c->ctx, true, "\n");
    return v && str_eq(v->name, "status") ? V2_STATUS_ERROR : V2_EXIT_USAGE;
}

static int help(struct v2_cli *c, int n, char **words)
{
    const struct v2_verb *v;
    int used;

    if (n == 0 || str_starts(words[0], "-")) {
        help_all(c);
        return V2_EXIT_OK;
    }
    v = find_verb(n, words, &used);
    if (!v)
        return usage_error(c, NULL, "there is no such verb");
    help_verb(c, v);
    return V2_EXIT_OK;
}

int v2_cli(struct v2_cli *c, int argc, char **argv)
{
    struct v2_args args = { 0 };
    const struct v2_verb *v;
    struct err e = { 0 };
    int used = 0, r;

    if (argc < 2 || str_eq(argv[1], "-h") || str_eq(argv[1], "--help"))
        return help(c, 0, NULL);
    if (str_eq(argv[1], "help"))
        return help(c, argc - 2, argv + 2);
    v = find_verb(argc - 1, argv + 1, &used);
    if (!v) {
        char text[200], word[100];

        (void)snprintf(text, sizeof text, "unknown verb '%s'",
                       str_show(argv[1], word, sizeof word));
        return usage_error(c, NULL, text);
    }
    r = parse(v, argc - 1 - used, argv + 1 + used, &args, &e);
    if (r < 0)
        return usage_error(c, v, e.msg);
    if (r == 1) {
        help_verb(c, v);
        return V2_EXIT_OK;
    }
    if (!v->anyone && !c->w->is_admin(c->w))
        return say_error(c, str_eq(v->name, "status") ? V2_STATUS_ERROR : V2_EXIT_FAILED,
                         "this needs administrator rights; run it from an elevated prompt");
    return v->run(c, &args);
}
