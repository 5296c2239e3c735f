/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows-worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "file.h"
#include "str.h"

#define ANSWER_MAX MIB(64)

extern char **environ;

/* Beside this program, as in a build directory, or where it is installed. */
static int find_worker(char **ret, struct err *e)
{
    static const char *const places[] = { "kiln-worker", "../libexec/kiln/kiln-worker",
                                          "../lib/kiln/kiln-worker" };
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    if (n < 0)
        return err_errno(e, "find this program");
    self[n] = '\0';
    slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < ARRAY_LEN(places); i++) {
        _cleanup_free_ char *path = xasprintf("%.*s/%s", (int)(slash - self), self, places[i]);

        if (access(path, X_OK) == 0) {
            *ret = TAKE_PTR(path);
            return 0;
        }
    }
    return err_set(e, ENOENT, ERR_NOT_FOUND, "'kiln-worker' is neither beside '%s' nor installed",
                   self);
}

static int request_file(const json_t *request, int *ret, struct err *e)
{
    _cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
    _cleanup_close_ int fd = memfd_create("request", MFD_CLOEXEC);
    int r;

    if (!text)
        return err_oom(e);
    if (fd < 0)
        return err_errno(e, "make a file for the request");
    r = pwrite_full(fd, text, strlen(text), 0);
    if (r < 0)
        return err_no(e, r, "write the request");
    *ret = TAKE_FD(fd);
    return 0;
}

static int start(const char *worker, int in, int out, pid_t *ret, struct err *e)
{
    const char *const argv[] = { worker, "windows", "--request", "-", NULL };
    posix_spawn_file_actions_t fa;
    int no = posix_spawn_file_actions_init(&fa);

    if (no == 0)
        no = posix_spawn_file_actions_adddup2(&fa, in, 0);
    if (no == 0)
        no = posix_spawn_file_actions_adddup2(&fa, out, 1);
    if (no == 0)
        no = posix_spawn(ret, worker, &fa, NULL, (char *const *)argv, environ);
    (void)posix_spawn_file_actions_destroy(&fa);
    return no ? err_no(e, no, "run '%s'", worker) : 0;
}

static int read_answer(int fd, struct str *out, struct err *e)
{
    char buf[65536];

    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read the answer of kiln-worker");
        if (n == 0)
            return str_check(out, "the answer of kiln-worker", e);
        str_add_mem(out, buf, (size_t)n);
    }
}

static int told_error(const json_t *error, struct err *e)
{
    enum err_kind kind = ERR_OTHER;
    const char *name = json_string_value(json_object_get(error, "kind"));
    const char *msg = json_string_value(json_object_get(error, "msg"));
    json_int_t no = json_integer_value(json_object_get(error, "no"));

    if (name)
        (void)err_kind_parse(name, &kind);
    return err_set(e, no > 0 && no < INT_MAX ? (int)no : EIO, kind, "%s", msg ? msg : "no reason");
}

/* The last line decides: a result or an error. */
static int judge(const char *text, int status, json_t **ret_result, struct err *e)
{
    json_t *doc = NULL, *result;
    const char *line = text, *next;
    int r;

    while (*line && (next = strchr(line, '\n')) && next[1])
        line = next + 1;
    if (*line)
        doc = json_loads(line, 0, NULL);
    result = json_object_get(doc, "result");
    if (result) {
        *ret_result = json_incref(result);
        r = 0;
    } else if (json_object_get(doc, "error")) {
        r = told_error(json_object_get(doc, "error"), e);
    } else if (WIFSIGNALED(status)) {
        r = err_set(e, EIO, ERR_OTHER,
                    "kiln-worker was killed by signal %d; the disk is as it was, "
                    "or its journal is finished by the next command",
                    WTERMSIG(status));
    } else {
        r = err_set(e, EIO, ERR_OTHER, "kiln-worker ended with status %d and no answer",
                    WEXITSTATUS(status));
    }
    json_decref(doc);
    return r;
}

int windows_worker_run(const json_t *request, json_t **ret_result, struct err *e)
{
    _cleanup_str_ struct str answer = STR_INIT(ANSWER_MAX);
    _cleanup_free_ char *worker = NULL;
    _cleanup_close_ int in = -1, out = -1, out_w = -1;
    int fds[2], status = 0, r = find_worker(&worker, e);
    pid_t pid;

    if (r == 0)
        r = request_file(request, &in, e);
    if (r < 0)
        return r;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, "make a pipe");
    out = fds[0];
    out_w = fds[1];
    r = start(worker, in, out_w, &pid, e);
    if (r < 0)
        return r;
    close_fdp(&out_w);
    out_w = -1;
    r = read_answer(out, &answer, e);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return r < 0 ? r : judge(str_text(&answer), status, ret_result, e);
}
