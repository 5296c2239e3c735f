/* SPDX-License-Identifier: Apache-2.0 */
/* ec2config.exe and ScramblePassword.exe. The guide's command,
 *   "%programfiles%\amazon\ec2configservice\"ec2config.exe -sysprep""
 * reaches us with quotes left over, which the usual rules for arguments would read as part of a
 * word; so the words are taken from the raw command line. */
#include "ec2config/config.h"

#include <errno.h>
#include <string.h>

#include "sysprep/answer.h"
#include "sysprep/sysprep.h"

#define WORDS_MAX 64U

/* Behind the program's name: quotes only hide blanks there. */
static const char *behind_program(const char *p)
{
    bool quoted = false;

    while (*p == ' ' || *p == '\t')
        p++;
    for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++)
        if (*p == '"')
            quoted = !quoted;
    return p;
}

static bool is_own_name(const char *word)
{
    return str_eq_nocase(word, "ec2config.exe") || str_eq_nocase(word, "ec2config");
}

char **config_words(const char *command_line, size_t *ret_n)
{
    const char *p = behind_program(command_line);
    size_t room = strlen(p) + 1, n = 0;
    char **words = calloc(1, (WORDS_MAX + 1) * sizeof(*words) + room);
    char *to;

    if (!words)
        return NULL;
    to = (char *)(words + WORDS_MAX + 1);
    while (*p && n < WORDS_MAX) {
        char *word = to;
        while (*p == ' ' || *p == '\t' || *p == '"')
            p++;
        for (; *p && *p != ' ' && *p != '\t'; p++)
            if (*p != '"')
                *to++ = *p;
        if (to == word)
            continue;
        *to++ = '\0';
        if (is_own_name(word))
            to = word;
        else
            words[n++] = word;
    }
    *ret_n = n;
    return words;
}

static void tell(config_say *say, void *ctx, const char *line)
{
    if (say)
        say(ctx, line);
}

static int never_expires(struct win *w, struct err *e)
{
    _cleanup_free_ char *name = NULL;

    if (win_admin_name(w, &name, e) < 0)
        return -e->no;
    return w->account_set_flags(w, name, 0, WIN_ACCOUNT_KEEPS_PASSWORD, e);
}

/* A specified password is set at once when there is no Sysprep to set it. */
static int shut_down(struct win *w, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, sysprep_dialect(DIALECT_CONFIG)->answer_file, e);
    _cleanup_free_ char *name = NULL;
    _cleanup_(xmlfile_freep) struct xmlfile *f = NULL;
    char *password = NULL;
    int r = path ? xmlfile_load(w, path, &f, e) : -e->no;

    if (r == 0)
        r = answer_get_password(f, &password, e);
    if (r > 0 && win_admin_name(w, &name, e) < 0)
        r = -e->no;
    if (r > 0)
        r = w->account_set_password(w, name, password, e);
    if (password)
        mem_wipe(password, strlen(password));
    free(password);
    return r < 0 ? r : w->power_off(w, false, "Shutdown without Sysprep", e);
}

enum {
    ON_SYSPREP = 1,
    ON_NO_SHUTDOWN = 2,
    ON_FORCE = 4,
    ON_EXPIRES = 8,
    ON_SHUTDOWN = 16,
    ON_INSTALL = 32,
    ON_UNINSTALL = 64,
    ON_CHECK = 128,
    ON_MONITOR = 256,
};

static const struct {
    const char *name;
    unsigned bit;
    const char *help;
} options[] = {
    { "sysprep", ON_SYSPREP, "runs Sysprep and shuts down" },
    { "noShutdown", ON_NO_SHUTDOWN, "with -sysprep: leaves the machine running" },
    { "force", ON_FORCE, "with -sysprep and -install: although a check stops it" },
    { "shutdown", ON_SHUTDOWN, "shuts down without Sysprep; sets a specified password first" },
    { "passwordNeverExpires", ON_EXPIRES, "the administrator's password does not expire" },
    { "install", ON_INSTALL, "makes this folder the agent of this machine" },
    { "uninstall", ON_UNINSTALL, "takes the agent's service and entries away" },
    { "monitor", ON_MONITOR,
      "starts the service when it has failed to start with Windows; for the scheduled task" },
    { "check", ON_CHECK, "reads all settings files and names what is wrong in them" },
};

static int read_options(char **words, size_t n, unsigned *ret, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        char shown[64];
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(options); k++)
            if ((words[i][0] == '-' || words[i][0] == '/') &&
                str_eq_nocase(words[i] + 1, options[k].name)) {
                *ret |= options[k].bit;
                known = true;
            }
        if (!known)
            return err_set(e, EINVAL, ERR_INVALID, "'%s' is unknown",
                           str_show(words[i], shown, sizeof(shown)));
    }
    return *ret ? 0 : err_set(e, EINVAL, ERR_INVALID, "say what to do");
}

static void say_help(config_say *say, void *ctx)
{
    tell(say, ctx, "ec2config.exe <option>");
    for (size_t k = 0; k < ARRAY_LEN(options); k++) {
        struct str line = STR_INIT(256);
        str_addf(&line, "  -%-22s %s", options[k].name, options[k].help);
        tell(say, ctx, str_text(&line));
        str_done(&line);
    }
    tell(say, ctx, SYSPREP_WARNING);
}

static int run_sysprep(struct win *w, unsigned on, config_say *say, void *ctx, struct err *e)
{
    struct config_run r = { .w = w, .d = dialect_get(DIALECT_CONFIG) };
    int ret;

    r.log = log_new(w, r.d, r.d->log_path, "EC2ConfigService");
    ret = config_sysprep(&r, !(on & ON_NO_SHUTDOWN), (on & ON_FORCE) != 0, say, ctx, e);
    if (ret < 0)
        log_from(r.log, "SysprepUtils", "Error: %s", e->msg);
    config_file_done(&r.config);
    log_free(r.log);
    return ret;
}

static int run_monitor(struct win *w, struct err *e)
{
    const struct dialect *d = dialect_get(DIALECT_CONFIG);
    struct log *log = log_new(w, d, d->log_path, "EC2ConfigService");
    int r = config_monitor(w, log, e);

    log_free(log);
    return r;
}

static int act(struct win *w, unsigned on, config_say *say, void *ctx, struct err *e)
{
    if (!w->is_admin(w))
        return err_set(e, EACCES, ERR_DENIED, "run it as an administrator");
    if (on & ON_CHECK && config_check_all(w, e) < 0)
        return -e->no;
    if (on & ON_EXPIRES && never_expires(w, e) < 0)
        return -e->no;
    if (on & ON_INSTALL)
        return config_install(w, (on & ON_FORCE) != 0, e);
    if (on & ON_UNINSTALL)
        return config_uninstall(w, e);
    if (on & ON_MONITOR)
        return run_monitor(w, e);
    if (on & ON_SYSPREP)
        return run_sysprep(w, on, say, ctx, e);
    return on & ON_SHUTDOWN ? shut_down(w, e) : 0;
}

int config_main(struct win *w, const char *command_line, config_say *say, void *ctx)
{
    struct err e = { 0 };
    size_t n = 0;
    unsigned on = 0;
    char **words = config_words(command_line, &n);

    if (!words)
        return 1;
    if (read_options(words, n, &on, &e) < 0) {
        free(words);
        tell(say, ctx, e.msg);
        say_help(say, ctx);
        return 2;
    }
    free(words);
    if (act(w, on, say, ctx, &e) == 0)
        return 0;
    tell(say, ctx, e.msg);
    return 1;
}

/* The usual rules here: an account's name may hold a blank. */
int config_scramble_main(struct win *w, const char *command_line, config_say *say, void *ctx)
{
    struct err e = { 0 };
    int n = 0, ret = 0;
    char **words = win_split(command_line, &n);

    if (!words)
        return 1;
    if (n != 3 || (!str_eq_nocase(words[1], "-u") && !str_eq_nocase(words[1], "/u"))) {
        tell(say, ctx,
             "ScramblePassword.exe -u <account>: gives the account a password that "
             "nobody knows");
        ret = 2;
    } else if (password_scramble(w, words[2], true, &e) < 0) {
        tell(say, ctx, e.msg);
        ret = 1;
    }
    win_split_free(words);
    return ret;
}
