/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The logs of a machine: their last bytes, and cutting them. */
#include "machine-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "file.h"
#include "str.h"

#define COPY_STEP 65536U

uint64_t machine_log_size(const char *dir)
{
    _cleanup_close_ int fd = -1;
    struct err ignored = { 0 };
    uint64_t size = 0;

    return machine_open_in(dir, "qemu.log", O_RDONLY, &fd, &size, &ignored) < 0 ? 0 : size;
}

/* The last bytes of a file, at most max, from offset on; the buffer has a NUL behind them. */
static int read_tail(const char *dir, const char *name, uint64_t offset, size_t max, char **ret,
                     size_t *ret_len, struct err *e)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ char *buf = NULL;
    uint64_t size, n;
    int r = machine_open_in(dir, name, O_RDONLY, &fd, &size, e);

    if (r < 0)
        return r;
    if (offset > size) /* it was cut since */
        offset = 0;
    n = min_u64(size - offset, max);
    buf = calloc(1, (size_t)n + 1);
    if (!buf)
        return err_oom(e);
    r = pread_full(fd, buf, (size_t)n, size - n);
    if (r < 0)
        return err_no(e, r, "read '%s/%s'", dir, name);
    *ret = TAKE_PTR(buf);
    *ret_len = (size_t)n;
    return 0;
}

void machine_log_last_line(const char *dir, uint64_t offset, char *out, size_t size)
{
    _cleanup_free_ char *text = NULL;
    struct err ignored = { 0 };
    size_t n;
    char *line;

    out[0] = '\0';
    if (read_tail(dir, "qemu.log", offset, 4096, &text, &n, &ignored) < 0)
        return; /* the message does without it */
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = '\0';
    line = memrchr(text, '\n', n);
    (void)str_show(line ? line + 1 : text, out, size);
}

int vm_console_tail(const char *dir, size_t max, char **ret, size_t *ret_len, struct err *e)
{
    int r = read_tail(dir, MACHINE_CONSOLE_LOG, 0, max, ret, ret_len, e);

    if (r == -ENOENT) { /* nothing was ever written */
        err_clear(e);
        *ret = xcalloc(1, 1);
        *ret_len = 0;
        return 0;
    }
    return r < 0 ? err_wrap(e, "read the console") : 0;
}

/* Copies from..end to the front; ends where the file ended at the last look, so that next to
 * nothing of what the writer appends meanwhile is lost. */
static int move_to_front(int fd, uint64_t from, uint64_t *ret_len)
{
    char buf[COPY_STEP];
    uint64_t to = 0;

    for (;;) {
        ssize_t n = pread(fd, buf, sizeof buf, (off_t)(from + to));
        int r;

        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        r = pwrite_full(fd, buf, (size_t)n, to);
        if (r < 0)
            return r;
        to += (uint64_t)n;
    }
    *ret_len = to;
    return 0;
}

int machine_log_cut(const char *dir, const char *name, uint64_t ceiling, uint64_t keep,
                    struct err *e)
{
    _cleanup_close_ int fd = -1;
    uint64_t size, len;
    int r = machine_open_in(dir, name, O_RDWR, &fd, &size, e);

    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0)
        return r;
    if (size <= ceiling || size <= keep)
        return 0;
    r = move_to_front(fd, size - keep, &len);
    if (r == 0 && ftruncate(fd, (off_t)len) < 0)
        r = -errno;
    return r < 0 ? err_no(e, r, "cut '%s/%s'", dir, name) : 0;
}
