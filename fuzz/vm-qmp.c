/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What QEMU may write to us: as one message, and as a stream in uneven pieces. */
#include <assert.h>
#include <sys/socket.h>

#include "qmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_message(const char *text, size_t size)
{
    struct qmp_msg m = { .kind = QMP_KIND_MAX };
    struct err e = { 0 };
    int r = qmp_parse(text, size, &m, &e);

    assert(r == -e.no && (r < 0) == (m.kind == QMP_KIND_MAX));
    qmp_msg_done(&m);
}

static void a_stream(sd_event *loop, const char *text, size_t size)
{
    const struct qmp_hooks hooks = { 0 };
    struct qmp *q = NULL;
    struct err e = { 0 };
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return;
    if (qmp_new(loop, fds[0], &hooks, &q, &e) == 0)
        for (size_t piece = 1; size; piece = piece * 3 % 101) {
            size_t n = piece < size ? piece : size;

            qmp_input(q, text, n);
            text += n;
            size -= n;
        }
    qmp_free(q);
    (void)close(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sd_event *loop;

    if (!loop && sd_event_new(&loop) < 0)
        return 0;
    one_message((const char *)data, size);
    a_stream(loop, (const char *)data, size);
    return 0;
}
