/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A port of a guest on this machine: for clients of all kinds, for one command, or as ssh's
 * ProxyCommand. */
#include "verbs.h"
#include "records.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "parse.h"
#include "tunnel.h"
#include "wait.h"

#define PORT_WORD "{port}"

extern char **environ;

/* ---- the instance ---------------------------------------------------------------------------- */

static int take_port(struct cli *c, const char *option, uint16_t *ret, struct err *e)
{
    const char *text = cli_opt(c, option);
    uint64_t n = 0;

    if (!text)
        return 0;
    if (parse_u64(text, 1, 65535, &n) < 0)
        return cli_usage(c, e, "%s takes a number from 1 to 65535, not '%s'", option, text);
    *ret = (uint16_t)n;
    return 0;
}

/* What ends before anybody connects is told before anybody connects. */
static int check_instance(struct cli *c, const char *id, struct err *e)
{
    _cleanup_json_ json_t *rec = NULL;
    int r = record_get(c, KIND_INSTANCE, id, &rec, e);

    if (r < 0)
        return r;
    if (wait_word_in(rec_text(rec, "state"), "pending|running"))
        return 0;
    return err_set(e, ENOTCONN, ERR_CONFLICT, "instance '%s' is '%s'", id, rec_text(rec, "state"));
}

/* There is no socket, and kilnd runs: then its guests have no network of their own. */
static int explain(struct cli *c, const struct guest_port *g, struct err *why, struct err *e)
{
    struct err other = { 0 };

    if (why->kind == ERR_NOT_FOUND && why->no == ECONNREFUSED)
        c->exit = CLI_UNREACHABLE;
    if (why->kind != ERR_NOT_FOUND || why->no != ENOENT) {
        *e = *why;
        return -e->no;
    }
    if (check_instance(c, g->instance, &other) < 0) {
        *e = other;
        return -e->no;
    }
    return err_set(e, ENOENT, ERR_NOT_FOUND,
                   "kilnd offers no way into its guests at '%s/" GUEST_PORT_SOCKET
                   "': they are on QEMU's user network, where nobody can reach them (see "
                   "--network in kilnd(8)), or KILN_HOME is another one",
                   g->run_dir);
}

/* Is there a way in at all, and may we take it? */
static int check_way(struct cli *c, const struct guest_port *g, struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct err why = { 0 };

    return guest_port_knock(g, &fd, &why) < 0 ? explain(c, g, &why, e) : 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static char *fill(const char *word, uint16_t port)
{
    _cleanup_str_ struct str s = STR_INIT(CLI_TEXT_MAX);
    const char *at;

    for (; (at = strstr(word, PORT_WORD)); word = at + strlen(PORT_WORD)) {
        str_add_mem(&s, word, (size_t)(at - word));
        str_addf(&s, "%u", port);
    }
    str_add(&s, word);
    return str_take(&s);
}

static void free_words(char ***words)
{
    for (char **w = *words; w && *w; w++)
        free(*w);
    free(*words);
}

static int fill_all(char **rest, uint16_t port, char ***ret, struct err *e)
{
    _cleanup_(free_words) char **words = NULL;
    size_t n = 0;

    while (rest[n])
        n++;
    words = xcalloc(n + 1, sizeof(*words));
    for (size_t i = 0; i < n; i++) {
        words[i] = fill(rest[i], port);
        if (!words[i])
            return err_oom(e);
    }
    *ret = TAKE_PTR(words);
    return 0;
}

/* The keys ^C and ^\ are the command's: whether it ends decides itself. */
static void leave_keys_alone(void)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };

    (void)sigaction(SIGINT, &ignore, NULL); /* none of these can fail */
    (void)sigaction(SIGQUIT, &ignore, NULL);
}

static int spawn(char **words, int *ret_pidfd, struct err *e)
{
    posix_spawnattr_t attr;
    sigset_t defaults;
    pid_t pid = 0;
    int no, fd;

    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGINT);
    (void)sigaddset(&defaults, SIGQUIT);
    no = posix_spawnattr_init(&attr);
    if (no)
        return err_no(e, no, "run '%s'", words[0]);
    (void)posix_spawnattr_setsigdefault(&attr, &defaults);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    no = posix_spawnp(&pid, words[0], NULL, &attr, words, environ);
    (void)posix_spawnattr_destroy(&attr);
    if (no)
        return err_no(e, no, "run '%s'", words[0]);
    fd = pidfd_open(pid, 0);
    if (fd < 0)
        return err_errno(e, "watch '%s'", words[0]);
    *ret_pidfd = fd;
    return 0;
}

/* As a shell has it. */
static int status_of(int pidfd, struct err *e)
{
    siginfo_t si = { 0 };

    if (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0)
        return err_errno(e, "ask for the command's exit status");
    return si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
}

static int serve_command(struct cli *c, const struct guest_port *g, int listener, uint16_t port,
                         struct err *e)
{
    _cleanup_(free_words) char **words = NULL;
    _cleanup_close_ int mine = listener, command = -1;
    int r = fill_all(c->rest, port, &words, e);

    if (r < 0)
        return r;
    leave_keys_alone();
    r = spawn(words, &command, e);
    if (r >= 0)
        r = tunnel_take_serve(g, TAKE_FD(mine), command, e);
    if (r >= 0)
        r = status_of(command, e);
    if (r < 0)
        return r;
    c->status = r;
    return 0;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int say_where(struct cli *c, const struct guest_port *g, uint16_t port, struct err *e)
{
    if (c->json)
        return out_json(json_pack("{s:{s:s, s:i, s:s, s:i}}", "connect", "instance", g->instance,
                                  "port", g->port, "address", "127.0.0.1", "local", port),
                        e);
    (void)printf("127.0.0.1:%u\n", port);
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "leads to port %u of %s; ^C ends it\n", g->port, g->instance);
    return out_flush(e);
}

static int serve(struct cli *c, const struct guest_port *g, uint16_t local, struct err *e)
{
    _cleanup_close_ int listener = -1;
    int r = check_instance(c, g->instance, e);

    if (r >= 0)
        r = check_way(c, g, e);
    if (r >= 0)
        r = tunnel_listen(&local, &listener, e);
    if (r >= 0 && c->rest)
        return serve_command(c, g, TAKE_FD(listener), local, e);
    if (r >= 0)
        r = say_where(c, g, local, e);
    return r < 0 ? r : tunnel_take_serve(g, TAKE_FD(listener), -1, e);
}

static int serve_stdio(struct cli *c, const struct guest_port *g, struct err *e)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct err why = { 0 };

    (void)sigaction(SIGPIPE, &ignore, NULL); /* a write that fails says so */
    return tunnel_stdio(g, &why) < 0 ? explain(c, g, &why, e) : 0;
}

static int run_connect(struct cli *c, struct err *e)
{
    _cleanup_free_ char *run_dir = NULL;
    struct guest_port g = { 0 };
    uint16_t local = 0;
    char id[64];
    int r = take_port(c, "--port", &g.port, e);

    if (r >= 0)
        r = take_port(c, "--local", &local, e);
    if (r >= 0 && cli_flag(c, "--stdio") && (local || c->rest))
        r = cli_usage(c, e, "--stdio goes with neither --local nor --command");
    if (r >= 0)
        r = names_resolve(c, KIND_INSTANCE, c->args[0], id, NULL, e);
    if (r >= 0 && !c->cfg.home[0])
        r = config_home(c, e);
    if (r < 0)
        return r;
    run_dir = xasprintf("%s/run", c->cfg.home);
    g.run_dir = run_dir;
    g.instance = id;
    return cli_flag(c, "--stdio") ? serve_stdio(c, &g, e) : serve(c, &g, local, e);
}

static const struct cli_option connect_options[] = {
    { .name = "--port", .value = "PORT", .required = true, .help = "The guest's TCP port." },
    { .name = "--local",
      .value = "PORT",
      .help = "The port on 127.0.0.1; without it a free one, which is printed." },
    { .name = "--stdio",
      .help = "One connection, over standard input and output, and no port: for ssh's "
              "ProxyCommand." },
    { .name = "--command",
      .value = "COMMAND...",
      .rest = true,
      .help = "All that follows is a command that is run with the port open, '{port}' in it being "
              "the local port. Its exit status is the verb's." },
    { 0 },
};

const struct cli_verb cli_verbs_connect[] = {
    { .name = "connect",
      .args = "INSTANCE",
      .min_args = 1,
      .max_args = 1,
      .complete = "instances",
      .options = connect_options,
      .summary = "Opens a port of 127.0.0.1 that leads to a port of the guest; ^C ends it.",
      .help = "Every connection to it becomes one inside the guest's network; security groups are "
              "not asked. kilnd must run on this machine, with networks of its own (--network "
              "vpc).",
      .run = run_connect },
    { 0 },
};
