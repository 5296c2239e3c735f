/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several processes write snapshots into one store and are killed at any moment, while another one
 * deletes and collects: what was committed is exact, what was not is absent, and after a last
 * collection nothing is left over (invariants 1, 4 and 5 of store.c). */
#include "test-help.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "rand.h"

#define WRITERS 3U
#define ROUNDS  40U
#define BLOCKS  40U

struct writer {
    pid_t pid;
    int events; /* a byte for each step it has done */
    unsigned steps_left;
};

static unsigned dice(unsigned n)
{
    uint32_t x;

    rand_bytes(&x, sizeof x);
    return x % n;
}

/* The content follows from the name, so that anybody can check it. */
static struct model model_of(unsigned writer, unsigned generation)
{
    struct model m = { .volume_bytes = BLOCKS * (uint64_t)STORE_BLOCK_BYTES };

    for (unsigned i = 0; i < BLOCKS; i++) {
        unsigned changed = generation > i % 7 ? generation - i % 7 : 0; /* most stay */

        m.block[i] = i % 5 == 4 ? 0 : 1 + (writer % 2) * 1000 + i * 20 + changed % 11;
    }
    return m;
}

static void step(int fd)
{
    if (write(fd, "", 1) != 1)
        _exit(3);
}

static int write_one(struct store *s, unsigned writer, unsigned generation, int fd, struct err *e)
{
    struct model m = model_of(writer, generation);
    char id[32], parent[32];
    struct store_writer_spec spec = {
        .id = id, .parent = parent, .volume_bytes = m.volume_bytes, .threads = 2
    };
    _cleanup_free_ uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    struct store_writer *w = NULL;
    int r;

    (void)snprintf(id, sizeof id, "w%u-%u", writer, generation);
    (void)snprintf(parent, sizeof parent, "w%u-%u", writer, generation - 1);
    if (!store_snap_exists(s, parent))
        parent[0] = '\0';
    r = store_writer_open(s, &spec, &w, e);
    step(fd);
    for (unsigned b = 0; r == 0 && b < BLOCKS; b++) {
        model_block(m.block[b], buf);
        r = store_writer_block(w, b, buf, e);
        step(fd);
    }
    if (r == 0)
        r = store_writer_commit(w, NULL, e);
    step(fd);
    store_writer_free(w);
    step(fd);
    return r;
}

static _noreturn_ void writer_main(const char *path, unsigned writer, int fd)
{
    struct err e = { 0 };
    struct store *s = NULL;
    int r = store_open(path, NULL, &s, &e);

    if (r == 0)
        s->pack_target = 60000; /* several packs a snapshot */
    for (unsigned g = 1; r == 0; g++) {
        char id[32];

        (void)snprintf(id, sizeof id, "w%u-%u", writer, g);
        if (!store_snap_exists(s, id))
            r = write_one(s, writer, g, fd, &e);
    }
    if (r < 0 && e.kind == ERR_NOT_FOUND) /* the parent was deleted under us: fine */
        _exit(0);
    (void)fprintf(stderr, "# writer %u: %s\n", writer, e.msg);
    _exit(2);
}

static void start(struct writer *w, const char *path, unsigned number)
{
    int p[2];

    assert_int_equal(pipe(p), 0);
    w->steps_left = 1 + dice(3 * BLOCKS);
    w->pid = fork();
    assert_true(w->pid >= 0);
    if (w->pid == 0) {
        (void)close(p[0]);
        writer_main(path, number, p[1]);
    }
    (void)close(p[1]);
    w->events = p[0];
}

/* Reads what the writer has done; true when it is time to die, or it has ended. */
static bool is_due(struct writer *w)
{
    char buf[16];
    ssize_t n = read(w->events, buf, min_u64(sizeof buf, w->steps_left));

    assert_true(n >= 0);
    w->steps_left -= (unsigned)n;
    return n == 0 || w->steps_left == 0;
}

static void end(struct writer *w)
{
    int status;

    (void)kill(w->pid, SIGKILL);
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    (void)close(w->events);
}

static int delete_some(const struct store_snap_info *info, void *u)
{
    struct err e = { 0 };

    if (dice(3) == 0)
        assert_ok(store_snap_delete(u, info->id, &e), &e);
    return 0;
}

struct compare {
    struct store *s;
    unsigned n;
};

static int compare(const struct store_snap_info *info, void *u)
{
    struct compare *c = u;
    unsigned writer, generation;
    struct err e = { 0 };
    struct model m;

    assert_int_equal(sscanf(info->id, "w%u-%u", &writer, &generation), 2);
    m = model_of(writer, generation);
    if (model_compare(c->s, info->id, &m, &e) != 0)
        fail_msg("snapshot '%s' is wrong: %s", info->id, e.msg);
    c->n++;
    return 0;
}

static void kill_one(struct writer w[WRITERS], const char *path)
{
    struct pollfd p[WRITERS];

    for (;;) {
        for (unsigned i = 0; i < WRITERS; i++)
            p[i] = (struct pollfd){ .fd = w[i].events, .events = POLLIN };
        assert_true(poll(p, WRITERS, -1) > 0);
        for (unsigned i = 0; i < WRITERS; i++)
            if (p[i].revents && is_due(&w[i])) {
                end(&w[i]);
                start(&w[i], path, i);
                return;
            }
    }
}

static void killed_writers_leave_whole_snapshots_and_nothing_else(void **unused)
{
    char *dir = temp_new();
    char *path = xasprintf("%s/store", dir);
    struct writer w[WRITERS];
    struct store_check_report report;
    struct store_gc_stats gc;
    struct err e = { 0 };
    struct store *s;
    struct compare c = { 0 };

    (void)unused;
    assert_ok(store_create(path, &e), &e);
    assert_ok(store_open(path, NULL, &s, &e), &e);
    for (unsigned i = 0; i < WRITERS; i++)
        start(&w[i], path, i);
    for (unsigned round = 0; round < ROUNDS; round++) {
        kill_one(w, path);
        if (round % 8 == 7) {
            assert_ok(store_snap_each(s, delete_some, s, &e), &e);
            assert_ok(store_gc(s, &gc, &e), &e);
            assert_int_equal(check_problems(s, NULL), 0);
        }
    }
    for (unsigned i = 0; i < WRITERS; i++)
        end(&w[i]);
    c.s = s;
    assert_ok(store_snap_each(s, compare, &c, &e), &e);
    assert_ok(store_gc(s, &gc, &e), &e);
    assert_false(gc.busy);
    assert_int_equal(check_problems(s, &report), 0);
    assert_int_equal(report.leftovers, 0);
    print_message("# %u snapshots compared\n", c.n);
    store_close(s);
    free(path);
    temp_done(dir);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_writers_leave_whole_snapshots_and_nothing_else),
    };

    return test_run(tests);
}
