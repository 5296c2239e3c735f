/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request of the EC2 Query API, and its answer as an XML tree. */
#pragma once

#include <libxml/tree.h>

#include "cli.h"
#include "str.h"

struct query {
    struct str body;
};
#define QUERY_INIT                                                                                 \
    {                                                                                              \
        .body = STR_INIT(MIB(1))                                                                   \
    }
void query_done(struct query *q);
#define _cleanup_query_ _cleanup_(query_done)

void query_action(struct query *q, const char *action); /* first, once */
/* NULL and "" are left out. */
void query_add(struct query *q, const char *name, const char *value);
/* name is "InstanceId.%zu" or so */
void query_addf(struct query *q, const char *value, const char *name, ...) PRINTF_LIKE(3, 4);
/* TagSpecification.N, Tag.M: a Name tag of a resource type; nothing for an empty value */
void query_tag(struct query *q, size_t spec, size_t tag, const char *type, const char *key,
               const char *value);

/* The answer's root element lives as long as the document. */
struct answer {
    xmlDoc *doc;
};
void answer_done(struct answer *a);
#define _cleanup_answer_ _cleanup_(answer_done)
const xmlNode *answer_root(const struct answer *a);

/* Signs, sends, reads. A failed request is told as "Code: sentence", the code alone is c->code;
 * ERR_NOT_FOUND for the NotFound codes. Nobody there: exit status 3. */
int client_call(struct cli *c, struct query *q, struct answer *ret, struct err *e);
void client_done(struct cli *c);

/* Bytes of an answer; status as HTTP had it. For tests, and for client_call. */
int answer_parse(struct cli *c, const char *bytes, size_t len, long status, struct answer *ret,
                 struct err *e);

/* ---- reading --------------------------------------------------------------------------------- */

/* The first element at "a/b/c" below n; NULL. */
const xmlNode *xml_at(const xmlNode *n, const char *path);
/* Its text; "" when absent. Borrowed from the document. */
const char *xml_text_at(const xmlNode *n, const char *path);
/* Calls fn for every element at the path, all branches; stops at a negative return. */
int xml_each(const xmlNode *n, const char *path, int (*fn)(const xmlNode *n, void *userdata),
             void *userdata);
