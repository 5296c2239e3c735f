/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request's parameters: decoded, sorted by name, matched against the action's table. One function
 * checks the whole request; the accessors of api-priv.h may then trust it. */
#pragma once

#include "api-priv.h"

#define REQUEST_PARAMS_MAX 4000  /* parameters in one request */
#define REQUEST_NAME_MAX   255   /* bytes of a parameter's name */
#define REQUEST_INDEX_MAX  65535 /* largest list index */

struct request_value {
    char *name;        /* into request.text, or own */
    char *own;         /* heap; NULL mostly */
    const char *value; /* into request.text, or a word of the table */
    const struct api_param *param;
    bool given; /* an empty value mostly means "not given" (rule 5) */
};

struct request_list {
    char *name;
    uint32_t *index; /* sorted by number */
    size_t n;
};

struct filter_set; /* filter.c */

struct api_request {
    char *text; /* decoded names and values, one heap block */
    struct request_value *v;
    size_t n;
    struct request_list *lists; /* those asked for so far */
    size_t n_lists;
    struct filter_set *filters;
};

/* Decodes the query (may be NULL) and the form body (may be NULL). On failure *ret_code is the wire
 * code. */
int request_parse(struct api_request *r, const char *query, const char *body, size_t body_len,
                  const char **ret_code, struct err *e);
void request_done(struct api_request *r);
/* Again in order after names were changed; fails with *ret_code set when two are the same. */
int request_sort(struct api_request *r, const char **ret_code, struct err *e);
/* Raw, before any check: "Action". NULL when absent or empty. */
const char *request_raw(const struct api_request *r, const char *name);
/* Every name is in the table, every value fits it, everything required is there. Fails with
 * c->wire_code set. */
int request_check(struct api_call *c, struct err *e);
/* Over all parameters but Action's surroundings (Version, ClientToken, DryRun, X-Amz-…). */
int request_digest(const struct api_request *r, uint8_t out[32], struct err *e);

/* Does a name fit a path of the table? For tests. */
bool request_name_fits(const char *pattern, const char *name);
/* filter.c */
void filter_set_free(struct filter_set *f);
/* '*' any run, '?' one character, '\' quotes. */
bool filter_glob(const char *pattern, const char *text);
