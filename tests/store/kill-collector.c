/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A collector that writes packs anew is killed at any of its calls, again and again, while another
 * process reads everything and a third makes and deletes snapshots: every snapshot stays exact, and
 * when one collection is left in peace, no dead byte and no leftover remain (invariants 2, 4, 5).
 */
#include "test-help.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "rand.h"

#define ROUNDS 60U
#define BLOCKS 60U
#define KEPT   5U /* every fifth block */

static int steps = -1; /* a collector tells here what it is about to do */

static unsigned dice(unsigned n)
{
    uint32_t x;

    rand_bytes(&x, sizeof x);
    return x % n;
}

/* ---- the collector ---- */

static void step(void)
{
    if (write(steps, "", 1) != 1)
        _exit(3);
}

static int pwrite_step(const struct store_io *io, int h, const void *buf, size_t n, uint64_t offset)
{
    (void)io;
    step();
    return store_io_disk.pwrite(&store_io_disk, h, buf, n, offset);
}

static int sync_step(const struct store_io *io, int h)
{
    (void)io;
    step();
    return store_io_disk.sync(&store_io_disk, h);
}

static int rename_step(const struct store_io *io, const char *from, const char *to, bool replace)
{
    int r;

    (void)io;
    step();
    r = store_io_disk.rename(&store_io_disk, from, to, replace);
    step();
    return r;
}

static int unlink_step(const struct store_io *io, const char *path)
{
    (void)io;
    step();
    return store_io_disk.unlink(&store_io_disk, path);
}

static _noreturn_ void collector_main(const char *path, int fd)
{
    struct store_io io = store_io_disk;
    struct store_gc_stats gc;
    struct err e = { 0 };
    struct store *s;
    int r;

    io.pwrite = pwrite_step;
    io.sync = sync_step;
    io.rename = rename_step;
    io.unlink = unlink_step;
    steps = fd;
    r = store_open(path, &io, &s, &e);
    if (r == 0) {
        s->compact_min = 0;
        r = store_gc(s, &gc, &e);
    }
    if (r < 0)
        (void)fprintf(stderr, "# collector: %s\n", e.msg);
    _exit(r < 0 ? 2 : 0);
}

/* Kills a collector after that many steps; how many it has done. */
static unsigned kill_collector(const char *path, unsigned after)
{
    unsigned done = 0;
    int p[2], status;
    char c;
    pid_t pid;

    assert_int_equal(pipe(p), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(p[0]);
        collector_main(path, p[1]);
    }
    (void)close(p[1]);
    while (done < after && read(p[0], &c, 1) == 1)
        done++;
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    (void)close(p[0]);
    return done;
}

/* ---- the reader ---- */

static struct model kept_model(void)
{
    struct model m = { .volume_bytes = BLOCKS * (uint64_t)STORE_BLOCK_BYTES };

    for (uint32_t i = 0; i < BLOCKS; i += KEPT)
        m.block[i] = i + 1;
    return m;
}

/* Reads all of "kept" until it is told to end; 0: never was a byte wrong. */
static _noreturn_ void reader_main(const char *path, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    struct model kept = kept_model();
    struct err e = { 0 };
    struct store *s;
    unsigned rounds = 0;
    int r = store_open(path, NULL, &s, &e);

    while (r == 0 && poll(&p, 1, 0) == 0) {
        r = model_compare(s, "kept", &kept, &e);
        if (++rounds % 3 == 0) /* sometimes with old files, sometimes with new ones */
            store_tidy(s);
    }
    if (r || !rounds)
        (void)fprintf(stderr, "# reader, round %u: %d %s\n", rounds, r, e.msg);
    _exit(r || !rounds ? 2 : 0);
}

/* ---- the story ---- */

/* More packs of which only a fifth is needed. */
static void make_dead_blocks(struct store *s, unsigned round)
{
    struct model all = { .volume_bytes = BLOCKS * (uint64_t)STORE_BLOCK_BYTES }, some;
    char id[32], parent[32];
    struct err e = { 0 };

    for (uint32_t i = 0; i < BLOCKS; i++)
        all.block[i] = round * 100 + i + 1;
    some = all;
    for (uint32_t i = 0; i < BLOCKS; i++)
        some.block[i] = i % KEPT ? 0 : all.block[i];
    (void)snprintf(parent, sizeof parent, "all-%u", round);
    (void)snprintf(id, sizeof id, round ? "some-%u" : "kept", round);
    model_snapshot(s, parent, NULL, &all, NULL, NULL);
    model_snapshot(s, id, parent, &some, &all, NULL);
    assert_ok(store_snap_delete(s, parent, &e), &e);
    if (round > 1) { /* of older ones nothing is needed */
        (void)snprintf(id, sizeof id, "some-%u", round - 1);
        assert_ok(store_snap_delete(s, id, &e), &e);
    }
}

static pid_t start_reader(const char *path, int *ret_fd)
{
    int p[2];
    pid_t pid;

    assert_int_equal(pipe(p), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(p[1]);
        reader_main(path, p[0]);
    }
    (void)close(p[0]);
    *ret_fd = p[1];
    return pid;
}

static void a_killed_collector_loses_nothing_and_the_next_one_goes_on(void **unused)
{
    char *dir = temp_new(), *path = xasprintf("%s/store", dir);
    struct model kept = kept_model();
    struct store_check_report report;
    struct store_gc_stats gc;
    struct err e = { 0 };
    unsigned kills = 0, reach = 8;
    struct store *s;
    int status, fd;
    pid_t reader;

    (void)unused;
    assert_ok(store_create(path, &e), &e);
    assert_ok(store_open(path, NULL, &s, &e), &e);
    s->pack_target = 60000; /* several packs a snapshot */
    s->compact_min = 0;
    make_dead_blocks(s, 0);
    reader = start_reader(path, &fd);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        unsigned after = 1 + dice(reach), done;

        if (round % 6 == 1)
            make_dead_blocks(s, round / 6 + 1);
        done = kill_collector(path, after);
        kills += done == after;
        reach = done == after ? reach + 8 : 8; /* once all was done: from the beginning */
        assert_int_equal(check_problems(s, NULL), 0);
        assert_int_equal(model_compare(s, "kept", &kept, &e), 0);
    }
    assert_ok(store_gc(s, &gc, &e), &e);
    assert_false(gc.busy || gc.again || gc.packs_left);
    assert_int_equal(gc.trouble.no, 0);
    assert_int_equal(check_problems(s, &report), 0);
    assert_int_equal(report.leftovers, 0);
    assert_true(report.dead_bytes < report.live_bytes);
    assert_true(kills >= ROUNDS / 2);
    (void)close(fd);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    print_message("# %u collectors killed at work\n", kills);
    store_close(s);
    free(path);
    temp_done(dir);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_collector_loses_nothing_and_the_next_one_goes_on),
    };

    return test_run(tests);
}
