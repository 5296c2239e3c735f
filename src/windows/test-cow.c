/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The copy-on-write layer: what it shows, what it keeps, and that a commit is whole or not at all:
 * a child kills itself before, and in the middle of, each operation on a file, one after another.
 */
#include "test-volume.h"

#include "cow.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "file.h"

/* ---- the operations, counted; these stand before libc's own ------------------------------------
 */

static unsigned stop_at; /* in a child: the operation that is its last; 0: none */
static unsigned done_ops;

static bool is_last(void)
{
    return stop_at && ++done_ops == stop_at;
}

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *buf, size_t n, off_t at)
{
    if (is_last())
        die();
    if (is_last()) { /* a part of it */
        (void)syscall(SYS_pwrite64, fd, buf, n / 2, at);
        die();
    }
    return syscall(SYS_pwrite64, fd, buf, n, at);
}

int rename(const char *from, const char *to)
{
    if (is_last())
        die();
    return (int)syscall(SYS_rename, from, to);
}

int unlink(const char *path)
{
    if (is_last())
        die();
    return (int)syscall(SYS_unlink, path);
}

int fsync(int fd)
{
    if (is_last())
        die();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    if (is_last())
        die();
    return (int)syscall(SYS_fdatasync, fd);
}

#define BYTES (64 * 1024 + 1536) /* the last block is not a whole one */

struct place {
    char dir[64], disk[96], journal[128];
    struct err e;
};

static uint8_t before[BYTES], after[BYTES];

static void fill(struct place *p)
{
    int fd;

    for (size_t i = 0; i < BYTES; i++)
        before[i] = (uint8_t)(i * 7 + i / 512);
    fd = open(p->disk, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite_full(fd, before, BYTES, 0), 0);
    close_fdp(&fd);
}

static int set_up(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);

    /* In memory where that is possible: hundreds of flushes. */
    (void)snprintf(p->dir, sizeof p->dir, "%s/kiln-cow.XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(p->dir))
        return -1;
    (void)snprintf(p->disk, sizeof p->disk, "%s/disk", p->dir);
    (void)snprintf(p->journal, sizeof p->journal, "%s/disk.kiln-journal", p->dir);
    fill(p);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    int r = tree_remove(p->dir, &p->e);

    free(p);
    return r;
}

static const struct {
    uint32_t at, len;
} changes[] = { { 100, 5 }, { 4090, 20 }, { 32768, 9000 }, { BYTES - 7, 7 } };

static int change(struct win_disk *d, struct err *e)
{
    static uint8_t buf[9000];
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(changes) && r == 0; i++) {
        memset(buf, (int)(0xa0 + i), changes[i].len);
        r = win_disk_write(d, changes[i].at, buf, changes[i].len, e);
    }
    return r;
}

static void make_after(void)
{
    memcpy(after, before, BYTES);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        memset(after + changes[i].at, (int)(0xa0 + i), changes[i].len);
}

static int change_and_commit(const struct place *p, struct err *e)
{
    _cleanup_(win_disk_freep) struct win_disk *d = NULL;
    _cleanup_(win_cow_freep) struct win_cow *c = NULL;
    int r = volume_disk(p->disk, true, &d, e);

    if (r == 0)
        r = win_cow_open(d, p->journal, &c, e);
    if (r == 0)
        r = change(win_cow_disk(c), e);
    if (r == 0)
        r = win_cow_commit(c, e);
    win_cow_free(TAKE_PTR(c)); /* before the disk below */
    return r;
}

static bool disk_is(const struct place *p, const uint8_t *want)
{
    struct err e = { 0 };
    _cleanup_free_ char *is = NULL;
    size_t n = 0;

    assert_int_equal(file_read(p->disk, BYTES, &is, &n, &e), 0);
    return n == BYTES && memcmp(is, want, BYTES) == 0;
}

static int recover(const struct place *p, bool writable, bool *ret_finished, struct err *e)
{
    _cleanup_(win_disk_freep) struct win_disk *d = NULL;
    int r = volume_disk(p->disk, writable, &d, e);

    return r < 0 ? r : win_cow_recover(d, p->journal, ret_finished, e);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_layer_shows_changes_and_leaves_the_disk_alone(void **state)
{
    struct place *p = *state;
    _cleanup_(win_disk_freep) struct win_disk *d = NULL;
    _cleanup_(win_cow_freep) struct win_cow *c = NULL;
    static uint8_t is[BYTES];

    make_after();
    assert_int_equal(volume_disk(p->disk, true, &d, &p->e), 0);
    assert_int_equal(win_cow_open(d, p->journal, &c, &p->e), 0);
    assert_int_equal(change(win_cow_disk(c), &p->e), 0);
    assert_int_equal(win_disk_read(win_cow_disk(c), 0, is, BYTES, &p->e), 0);
    assert_memory_equal(is, after, BYTES);
    assert_true(disk_is(p, before));
    win_cow_free(TAKE_PTR(c));
    assert_true(disk_is(p, before));
    assert_false(path_exists(p->journal));
}

static void what_is_as_it_was_is_not_kept(void **state)
{
    struct place *p = *state;
    _cleanup_(win_disk_freep) struct win_disk *d = NULL;
    _cleanup_(win_cow_freep) struct win_cow *c = NULL;

    assert_int_equal(volume_disk(p->disk, true, &d, &p->e), 0);
    assert_int_equal(win_cow_open(d, NULL, &c, &p->e), 0);
    assert_int_equal(win_disk_write(win_cow_disk(c), 0, before, BYTES, &p->e), 0);
    assert_int_equal(win_cow_changed_bytes(c), 0);
    assert_int_equal(win_disk_write(win_cow_disk(c), 5, "x", 1, &p->e), 0);
    assert_int_equal(win_cow_changed_bytes(c), 4096);
    win_cow_free(TAKE_PTR(c));
}

static void a_commit_changes_the_disk_and_leaves_no_journal(void **state)
{
    struct place *p = *state;
    bool finished = true;

    make_after();
    assert_int_equal(change_and_commit(p, &p->e), 0);
    assert_true(disk_is(p, after));
    assert_false(path_exists(p->journal));
    assert_int_equal(recover(p, true, &finished, &p->e), 0);
    assert_false(finished);
}

/* Kills the commit at its n-th operation. false: it ended before. */
static bool killed_at(const struct place *p, unsigned n)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct err e = { 0 };

        stop_at = n;
        if (change_and_commit(p, &e) < 0)
            (void)fprintf(stderr, "# the child: %s\n", e.msg);
        _exit(e.no ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

static void killed_at_any_moment_it_is_as_before_or_as_after(void **state)
{
    struct place *p = *state;
    unsigned as_before = 0, as_after = 0, finished_later = 0;
    bool killed = true;

    make_after();
    for (unsigned n = 1; killed; n++) {
        bool finished = false;

        fill(p);
        killed = killed_at(p, n);
        assert_int_equal(recover(p, true, &finished, &p->e), 0);
        finished_later += finished;
        if (disk_is(p, after))
            as_after++;
        else if (disk_is(p, before))
            as_before++;
        else
            fail_msg("killed at operation %u: a mixture", n);
        assert_false(path_exists(p->journal));
    }
    assert_true(as_before > 10);
    assert_true(as_after > 5);
    assert_true(finished_later > 5);
}

/* Leaves a whole journal and a disk that is half changed. */
static void interrupt(struct place *p)
{
    bool killed = true;

    for (unsigned n = 1; killed; n++) {
        struct stat st;

        fill(p);
        killed = killed_at(p, n);
        if (stat(p->journal, &st) == 0 && !disk_is(p, before) && !disk_is(p, after))
            return;
        (void)unlink(p->journal);
    }
    fail_msg("no mixture was seen");
}

static void a_half_changed_disk_is_finished_but_not_by_a_reader(void **state)
{
    struct place *p = *state;
    bool finished = false;

    make_after();
    interrupt(p);
    assert_true(recover(p, false, &finished, &p->e) < 0);
    assert_int_equal(p->e.kind, ERR_CONFLICT);
    err_clear(&p->e);
    assert_int_equal(recover(p, true, &finished, &p->e), 0);
    assert_true(finished);
    assert_true(disk_is(p, after));
}

static void a_disk_that_was_written_since_is_left_alone(void **state)
{
    struct place *p = *state;
    bool finished = false;
    int fd;

    make_after();
    interrupt(p);
    fd = open(p->disk, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite_full(fd, "somebody else", 13, 32768 + 4096), 0);
    close_fdp(&fd);
    assert_true(recover(p, true, &finished, &p->e) < 0);
    assert_int_equal(p->e.kind, ERR_CONFLICT);
    assert_true(path_exists(p->journal));
}

static void a_damaged_journal_is_refused(void **state)
{
    struct place *p = *state;
    bool finished = false;
    int fd;

    make_after();
    interrupt(p);
    fd = open(p->journal, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite_full(fd, "\xff", 1, 4097), 0);
    close_fdp(&fd);
    assert_true(recover(p, true, &finished, &p->e) < 0);
    assert_int_equal(p->e.kind, ERR_CORRUPT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_layer_shows_changes_and_leaves_the_disk_alone),
        TEST(what_is_as_it_was_is_not_kept),
        TEST(a_commit_changes_the_disk_and_leaves_no_journal),
        TEST(killed_at_any_moment_it_is_as_before_or_as_after),
        TEST(a_half_changed_disk_is_finished_but_not_by_a_reader),
        TEST(a_disk_that_was_written_since_is_left_alone),
        TEST(a_damaged_journal_is_refused),
    };

    return test_run(tests);
}
