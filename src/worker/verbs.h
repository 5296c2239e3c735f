/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs of kiln-worker, and what its command line says. */
#pragma once

#include <jansson.h>

#include "err.h"
#include "report.h"

struct store;

struct worker_args {
    const char *store, *snapshot, *parent, *format, *source, *run, *nbd, *export_name, *size, *key,
        *request;
    bool shallow;
};

/* Each does its whole work; *ret_result goes out as the last line (caller owns). */
int verb_import(const struct worker_args *a, struct report *rep, json_t **ret_result,
                struct err *e);
/* What the disk in a snapshot looks like, as import tells it. */
int verb_look(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e);
int verb_snapshot(const struct worker_args *a, struct report *rep, json_t **ret_result,
                  struct err *e);
int verb_copy(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e);
/* What is made with the key of this file is encrypted with it. */
int verb_take_key(struct store *store, const char *path, uint32_t *ret_domain, struct err *e);
int verb_gc(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e);
int verb_check(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e);
/* windows-snapshot.c: on a snapshot of the store, into a new one. */
struct windows_request;
int windows_on_snapshot(const struct worker_args *a, const struct windows_request *rq,
                        json_t **ret_result, struct err *e);
int verb_windows(const struct worker_args *a, struct report *rep, json_t **ret_result,
                 struct err *e);

enum {
    ARG_STORE,
    ARG_SNAPSHOT,
    ARG_PARENT,
    ARG_FORMAT,
    ARG_SOURCE,
    ARG_RUN,
    ARG_NBD,
    ARG_EXPORT,
    ARG_SIZE,
    ARG_SHALLOW,
    ARG_KEY,
    ARG_REQUEST,
    ARG_MAX
};

struct verb {
    const char *name, *help;
    unsigned required, allowed; /* bits of the enum */
    int (*run)(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e);
};

/* Ends with a NULL name. */
extern const struct verb worker_verbs[];

/* argv behind the program's name: verb and options. */
int args_parse(int argc, char *const *argv, const struct verb **ret_verb, struct worker_args *ret,
               struct err *e);
