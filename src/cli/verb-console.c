/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The serial line, both ways, through the unix socket that kiln-serial serves below KILN_HOME. */
#include "verbs.h"
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>

#include "file.h"
#include "parse.h"
#include "sock.h"

#define LEAVE_KEY  0x1d /* Ctrl-] */
#define TAIL_BYTES 1024
#define CHUNK      4096

/* ---- the log over the API -------------------------------------------------------------------- */

static int print_log(struct cli *c, const char *id, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_free_ void *text = NULL;
    size_t len = 0;
    int r;

    query_action(&q, "GetConsoleOutput");
    query_add(&q, "InstanceId", id);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    r = base64_decode(xml_text_at(answer_root(&a), "output"), &text, &len);
    if (r < 0)
        return err_no(e, -r, "read the console output of '%s'", id);
    if (c->json) { /* what is no text there is base64 for JSON as well */
        return out_json(json_pack("{s:{s:s, s:s, s:s}}", "console", "instance", id, "timestamp",
                                  xml_text_at(answer_root(&a), "timestamp"), "output_base64",
                                  xml_text_at(answer_root(&a), "output")),
                        e);
    }
    (void)fwrite(text, 1, len, stdout);
    return out_flush(e);
}

/* ---- the live line --------------------------------------------------------------------------- */

static int connect_line(const char *id, const char *dir, int *ret, struct err *e)
{
    int r = sock_connect(dir, "serial.sock", ret);

    if (r == -EACCES || r == -EPERM)
        return sock_denied(dir, "serial.sock", e);
    if (r == -ENOENT || r == -ECONNREFUSED)
        return err_set(e, -r, ERR_NOT_FOUND,
                       "instance '%s' does not run on this machine: no serial line at "
                       "'%s/serial.sock' (--log prints what it wrote)",
                       id, dir);
    return r < 0 ? err_no(e, r, "connect to '%s/serial.sock'", dir) : 0;
}

/* What the guest wrote last, so that one sees where it is. A log that cannot be read is no error:
 * the line itself works. */
static void print_tail(const char *dir)
{
    _cleanup_free_ char *path = xasprintf("%s/console.log", dir);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char buf[TAIL_BYTES];
    uint64_t size, n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    size = (uint64_t)st.st_size;
    n = min_u64(size, sizeof(buf));
    if (pread_full(fd, buf, (size_t)n, size - n) >= 0)
        (void)write_full(STDOUT_FILENO, buf, (size_t)n);
}

struct line {
    int fd;
    bool input; /* standard input is still read */
};

/* 1: the guest's side ended */
static int from_guest(const struct line *l, struct err *e)
{
    char buf[CHUNK];
    ssize_t n = read(l->fd, buf, sizeof(buf));
    int r;

    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return 1;
    if (n < 0)
        return errno == EINTR ? 0 : err_errno(e, "read the serial line");
    r = write_full(STDOUT_FILENO, buf, (size_t)n);
    return r < 0 ? err_no(e, -r, "write to standard output") : 0;
}

/* 1: Ctrl-] was pressed */
static int to_guest(struct line *l, struct err *e)
{
    char buf[CHUNK];
    ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
    const char *leave;
    size_t send_;
    int r;

    if (n < 0)
        return errno == EINTR ? 0 : err_errno(e, "read standard input");
    l->input = n > 0; /* the end of a script's input is not the end of the guest's output */
    leave = memchr(buf, LEAVE_KEY, (size_t)n);
    send_ = leave ? (size_t)(leave - buf) : (size_t)n;
    r = write_full(l->fd, buf, send_);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET)
        return err_no(e, -r, "write to the serial line");
    return leave ? 1 : 0;
}

static int relay(struct line *l, struct err *e)
{
    int r = 0;

    while (r == 0) {
        struct pollfd p[2] = {
            { .fd = l->fd, .events = POLLIN },
            { .fd = l->input ? STDIN_FILENO : -1, .events = POLLIN },
        };

        if (poll(p, ARRAY_LEN(p), -1) < 0) {
            if (errno == EINTR)
                continue;
            return err_errno(e, "wait for the serial line");
        }
        if (p[0].revents)
            r = from_guest(l, e);
        if (r == 0 && p[1].revents)
            r = to_guest(l, e);
    }
    return r < 0 ? r : 0;
}

/* Every key goes to the guest, ^C too. */
static bool make_raw(struct termios *ret_old)
{
    struct termios t;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &t) < 0)
        return false;
    *ret_old = t;
    cfmakeraw(&t);
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

static int converse(const char *id, const char *dir, bool input, struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct line l = { .input = input };
    struct termios old;
    bool raw;
    int r = connect_line(id, dir, &fd, e);

    if (r < 0)
        return r;
    l.fd = fd;
    print_tail(dir);
    raw = input && make_raw(&old);
    if (raw)
        (void)fprintf(stderr, "\r\n[console of %s; Ctrl-] leaves]\r\n", id);
    r = relay(&l, e);
    if (raw) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
        (void)fprintf(stderr, "\n");
    }
    return r;
}

static int run_console(struct cli *c, struct err *e)
{
    _cleanup_free_ char *dir = NULL;
    char id[64];
    int r = names_resolve(c, KIND_INSTANCE, c->args[0], id, NULL, e);

    if (r < 0)
        return r;
    if (cli_flag(c, "--log"))
        return print_log(c, id, e);
    r = c->cfg.home[0] ? 0 : config_home(c, e);
    if (r < 0)
        return r;
    dir = xasprintf("%s/instances/%s", c->cfg.home, id);
    return converse(id, dir, !cli_flag(c, "--no-input"), e);
}

/* ---- the screen ------------------------------------------------------------------------------ */

static int save_picture(struct cli *c, const char *id, const char *base64, struct err *e)
{
    _cleanup_free_ void *jpeg = NULL;
    const char *path = c->args[1];
    size_t n = 0;
    int r = base64_decode(base64, &jpeg, &n);

    if (r < 0 || n == 0)
        return err_set(e, EPROTO, ERR_IO, "the server sent no picture of '%s'", id);
    if (str_eq(path, "-")) {
        (void)fwrite(jpeg, 1, n, stdout);
        return out_flush(e);
    }
    r = file_replace(path, jpeg, n, 0644, e);
    if (r < 0 || !c->json)
        return r;
    return out_json(json_pack("{s:{s:s, s:s, s:I}}", "screenshot", "instance", id, "file", path,
                              "bytes", (json_int_t)n),
                    e);
}

static int run_screenshot(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    char id[64];
    int r = names_resolve(c, KIND_INSTANCE, c->args[0], id, NULL, e);

    if (r < 0)
        return r;
    query_action(&q, "GetConsoleScreenshot");
    query_add(&q, "InstanceId", id);
    r = client_call(c, &q, &a, e);
    return r < 0 ? r : save_picture(c, id, xml_text_at(answer_root(&a), "imageData"), e);
}

/* ---- the rows -------------------------------------------------------------------------------- */

static const struct cli_option console_options[] = {
    { .name = "--log", .help = "Print the last 64 KiB that the guest wrote, and exit." },
    { .name = "--no-input", .help = "Only show what the guest writes." },
    { 0 },
};

const struct cli_verb cli_verbs_console[] = {
    { .name = "console",
      .args = "INSTANCE",
      .min_args = 1,
      .max_args = 1,
      .complete = "instances",
      .options = console_options,
      .summary = "Opens the serial line of a running instance; Ctrl-] leaves.",
      .help = "Begins with the last KiB that the guest wrote. It works with pipes as well: the "
              "end of the input does not end it, Ctrl-] (0x1d) in the input or the end of the "
              "guest does. It must run on the daemon's machine.",
      .run = run_console },
    { .name = "screenshot",
      .args = "INSTANCE FILE",
      .min_args = 2,
      .max_args = 2,
      .complete = "instances",
      .summary = "Writes a picture of a running instance's screen into a file, as JPEG.",
      .help = "FILE '-' is standard output.",
      .run = run_screenshot },
    { 0 },
};
