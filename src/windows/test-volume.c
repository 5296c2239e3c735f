/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-volume.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"

#define ARGS_MAX 32

extern char **environ;

static bool is_there(const char *tool)
{
    static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
    char path[128];

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dirs[i], tool);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

void volume_needs(const char *const *tools)
{
    (void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    (void)setenv("MTOOLS_SKIP_CHECK", "1", 1);
    for (; *tools; tools++)
        if (!is_there(*tools)) {
            (void)printf("1..0 # SKIP no %s\n", *tools);
            exit(0);
        }
}

int volume_set_up(void **state)
{
    struct volume *v = xcalloc(1, sizeof *v);

    (void)snprintf(v->dir, sizeof v->dir, "/tmp/kiln-volume-XXXXXX");
    if (!mkdtemp(v->dir))
        return -1;
    (void)snprintf(v->path, sizeof v->path, "%s/image", v->dir);
    *state = v;
    return 0;
}

int volume_tear_down(void **state)
{
    struct volume *v = *state;
    struct err e = { 0 };
    int r = tree_remove(v->dir, &e);

    free(v);
    return r;
}

void volume_size(struct volume *v, uint64_t bytes)
{
    int fd = open(v->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    assert_int_equal(close(fd), 0);
}

int volume_disk(const char *path, bool writable, struct win_disk **ret, struct err *e)
{
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);

    return fd < 0 ? err_errno(e, "open '%s'", path) : win_disk_take_fd(fd, writable, ret, e);
}

void volume_open(struct volume *v, volume_open_fn open_it, bool writable, struct opened *ret)
{
    struct err e = { 0 };

    if (volume_disk(v->path, writable, &ret->disk, &e) < 0 ||
        open_it(ret->disk, writable, &ret->t, &e) < 0)
        fail_msg("%s", e.msg);
}

void volume_close(struct opened *o)
{
    struct err e = { 0 };

    if (win_tree_close(o->t, &e) < 0)
        fail_msg("%s", e.msg);
    win_disk_free(o->disk);
}

/* ---- a copy in memory ------------------------------------------------------------------------ */

void image_load(struct volume *v, struct image *ret)
{
    *ret = (struct image){ 0 };
    ret->p = volume_bytes(v, &ret->n);
}

static void shut(struct image *m)
{
    win_tree_free(m->t);
    win_disk_free(m->disk);
    m->t = NULL;
    m->disk = NULL;
}

int image_open(struct image *m, volume_open_fn open_it, bool writable, struct err *e)
{
    shut(m);
    err_clear(e);
    if (win_disk_over(m->p, m->n, &m->disk, e) < 0)
        return -1;
    return open_it(m->disk, writable, &m->t, e);
}

void image_drop(struct image *m)
{
    shut(m);
    free(m->p);
}

/* ---- tools ----------------------------------------------------------------------------------- */

static void beside(const struct volume *v, const char *name, char out[256])
{
    (void)snprintf(out, 256, "%s/%s", v->dir, name);
}

static void keep_output(struct volume *v)
{
    char path[256];
    ssize_t n;
    int fd;

    beside(v, "said", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = read(fd, v->said, sizeof v->said - 1);
    v->said[n > 0 ? n : 0] = '\0';
    (void)close(fd);
}

static int run(struct volume *v, char **argv)
{
    posix_spawn_file_actions_t to;
    char said[256];
    int status;
    pid_t pid;

    beside(v, "said", said);
    (void)posix_spawn_file_actions_init(&to);
    (void)posix_spawn_file_actions_addopen(&to, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&to, 1, said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)posix_spawn_file_actions_adddup2(&to, 1, 2);
    if (posix_spawnp(&pid, argv[0], &to, NULL, argv, environ) != 0)
        fail_msg("%s does not start", argv[0]);
    (void)posix_spawn_file_actions_destroy(&to);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    keep_output(v);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int volume_tool(struct volume *v, ...)
{
    char paths[ARGS_MAX][256], *argv[ARGS_MAX + 1] = { NULL };
    va_list ap;
    size_t n = 0;

    va_start(ap, v);
    for (const char *a; (a = va_arg(ap, const char *)) && n < ARGS_MAX; n++) {
        if (a[0] == '%')
            beside(v, a + 1, paths[n]);
        else
            (void)snprintf(paths[n], sizeof paths[n], "%s", strcmp(a, "@") == 0 ? v->path : a);
        argv[n] = paths[n];
    }
    va_end(ap);
    return run(v, argv);
}

/* ---- content --------------------------------------------------------------------------------- */

uint8_t *noise(size_t n, uint32_t seed)
{
    uint8_t *p = malloc(n + 1);

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (uint8_t)(seed >> 24);
    }
    return p;
}

void volume_noise(struct volume *v, const char *name, size_t n, uint32_t seed)
{
    _cleanup_free_ uint8_t *p = noise(n, seed);
    struct err e = { 0 };
    char path[256];

    beside(v, name, path);
    assert_int_equal(file_replace(path, p, n, 0600, &e), 0);
}

void volume_has(struct volume *v, const char *name, const void *want, size_t n)
{
    _cleanup_free_ char *got = NULL;
    struct err e = { 0 };
    char path[256];
    size_t len = 0;

    beside(v, name, path);
    if (file_read(path, MIB(64), &got, &len, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(len, n);
    assert_memory_equal(got, want, n);
}

uint8_t *volume_bytes(struct volume *v, size_t *ret_n)
{
    struct err e = { 0 };
    char *got;

    if (file_read(v->path, MIB(256), &got, ret_n, &e) < 0)
        fail_msg("%s", e.msg);
    return (uint8_t *)got;
}

void tree_put(struct win_tree *t, const char *path, const void *p, size_t n)
{
    struct err e = { 0 };

    if (win_tree_write(t, path, p, n, &e) < 0)
        fail_msg("%s", e.msg);
}

void tree_has(struct win_tree *t, const char *path, const void *want, size_t n)
{
    _cleanup_free_ uint8_t *got = NULL;
    struct err e = { 0 };
    size_t len = 0, part = 0;

    if (win_tree_read(t, path, MIB(64), &got, &len, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(len, n);
    assert_memory_equal(got, want, n);
    if (n < 3)
        return;
    /* The last two thirds, and more is asked for than there is. */
    assert_int_equal(win_tree_read_at(t, path, n / 3, got, n, &part, &e), 0);
    assert_int_equal(part, n - n / 3);
    assert_memory_equal(got, (const uint8_t *)want + n / 3, part);
}

void failed_as(int r, const struct err *e, enum err_kind kind, const char *words)
{
    assert_true(r < 0);
    assert_int_equal(r, -e->no);
    if (e->kind != kind || !strstr(e->msg, words))
        fail_msg("kind %d: %s", e->kind, e->msg);
}
