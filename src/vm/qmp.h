/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A QMP client on the event loop: greeting, capabilities, commands with ids, events. One line of
 * JSON is one message; lines are bounded; nothing here blocks. */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "err.h"

#define QMP_LINE_MAX   (1U << 20) /* QEMU's longest answer to us is some 40 KiB */
#define QMP_TIMEOUT_MS 60000

/* ---- one message ----------------------------------------------------------------------------- */

enum qmp_kind { QMP_GREETING, QMP_RETURN, QMP_ERROR, QMP_EVENT, QMP_KIND_MAX };

struct qmp_msg {
    enum qmp_kind kind;
    json_t *root;     /* owned; the rest points into it */
    uint64_t id;      /* QMP_RETURN, QMP_ERROR; 0 when there was none */
    const char *name; /* QMP_EVENT: its name; QMP_ERROR: its class */
    const char *text; /* QMP_ERROR: the sentence */
    json_t *data;     /* QMP_RETURN, QMP_EVENT; may be NULL */
};

int qmp_parse(const char *line, size_t len, struct qmp_msg *ret, struct err *e);
void qmp_msg_done(struct qmp_msg *m);

/* ---- a connection ---------------------------------------------------------------------------- */

struct qmp;

/* ret is NULL when e is set. An error that QEMU answered has the kind ERR_NOT_FOUND for its class
 * DeviceNotFound, ERR_OTHER for others; a deadline ERR_TIMEOUT; a lost connection ERR_IO. */
typedef void (*qmp_reply_fn)(const json_t *ret, const struct err *e, void *userdata);

/* The connection may be freed inside of each of them. */
struct qmp_hooks {
    void (*on_ready)(void *userdata); /* greeted, commands may be sent */
    void (*on_event)(const char *name, const json_t *data, void *userdata);
    void (*on_down)(const struct err *why, void *userdata); /* once, after all replies were told */
    void *userdata;
};

/* fd is a connected stream socket, non-blocking, taken also on failure. */
int qmp_new(sd_event *loop, int take_fd, const struct qmp_hooks *hooks, struct qmp **ret,
            struct err *e);
int qmp_connect(sd_event *loop, const char *path, const struct qmp_hooks *hooks, struct qmp **ret,
                struct err *e);
bool qmp_is_ready(const struct qmp *q);
/* fn is called once, from the loop, unless this fails or the connection is freed; it may be NULL.
 * take_args may be NULL and is released in every case; timeout_ms 0: QMP_TIMEOUT_MS. */
int qmp_send(struct qmp *q, const char *command, json_t *take_args, unsigned timeout_ms,
             qmp_reply_fn fn, void *userdata, struct err *e);
/* Bytes from QEMU, as the socket's reader gives them; for tests. */
void qmp_input(struct qmp *q, const char *p, size_t n);
/* No reply is told any more. */
void qmp_free(struct qmp *q);
DEFINE_FREEP(qmp_free, struct qmp);
