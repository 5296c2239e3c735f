/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the API describes, as JSON objects with stable keys: one table of fields per kind gives
 * both the document of --json and the columns of "kiln ls". */
#pragma once

#include "client.h"

enum kind { KIND_INSTANCE, KIND_IMAGE, KIND_SNAPSHOT, KIND_VOLUME, KIND_IMPORT, KIND_MAX };

enum field_type {
    FIELD_TEXT, /* "" when absent */
    FIELD_INT,  /* null when absent; "37%" is 37 */
    FIELD_BOOL,
    FIELD_NAME, /* value of the tag Name */
    FIELD_TAGS, /* {"key": "value"} */
    FIELD_LIST, /* of objects with the fields of sub */
    FIELD_TYPE_MAX
};

struct field {
    const char *key;
    enum field_type type;
    const char *path; /* in the XML, below the item */
    const struct field *sub;
};

struct column {
    const char *head;
    bool right;
    /* What stands in the table; heap, or NULL for nothing. */
    char *(*show)(const json_t *record);
};

struct kind_def {
    const char *word, *plural; /* "instance", "instances": keys of the documents, too */
    const char *prefix;        /* of its ids */
    const char *action, *id_param, *list_path;
    const struct field *fields;   /* ends with { 0 } */
    const struct column *columns; /* ends with { 0 } */
    const char *states;           /* "pending|running|…": what one can wait for */
    const char *failed;           /* states in which nothing good comes any more, "a|b" */
};

const struct kind_def *kind_def(enum kind k);
/* By "instances" or "instance"; KIND_MAX: no such kind. */
enum kind kind_find(const char *word);
/* By an id or the beginning of one ("i-0a"); KIND_MAX: not an id. */
enum kind kind_of_id(const char *text);
/* A whole id: as kind_of_id, and with its 17 hex digits. */
bool kind_is_id(enum kind k, const char *text);

/* An array of records out of an answer's XML. Caller decrefs. */
json_t *records_read(enum kind k, const xmlNode *root);
/* The same from another list of such items ("instancesSet/item"). */
json_t *records_read_at(enum kind k, const char *path, const xmlNode *root);
/* One record out of an item element. */
json_t *record_read(const struct field *fields, const xmlNode *item);

/* All of a kind (id NULL), or the one with that id (ERR_NOT_FOUND). */
int records_get(struct cli *c, enum kind k, const char *id, json_t **ret, struct err *e);
int record_get(struct cli *c, enum kind k, const char *id, json_t **ret, struct err *e);
/* The volumes' fill and size written into the disks of instances. */
int records_join_volumes(struct cli *c, json_t *instances, struct err *e);
/* What the snapshots of an image have read and stored, where the image itself does not say. */
int records_join_snapshots(struct cli *c, json_t *image, struct err *e);

/* "" / fallback when absent or null */
const char *rec_text(const json_t *record, const char *key);
uint64_t rec_int(const json_t *record, const char *key, uint64_t fallback);

static inline void json_decrefp_(json_t **j)
{
    json_decref(*j);
}
#define _cleanup_json_ _cleanup_(json_decrefp_)

/* Prints an array as a table. */
int table_print(const struct column *columns, const json_t *records, const char *plural,
                struct err *e);

/* ---- names ----------------------------------------------------------------------------------- */

/* An id, a unique beginning of an id, or a name (of an image; the tag Name). kind KIND_MAX: of any
 * kind. Several that fit: an error that lists them. Of ended instances only when no other fits. */
int names_resolve(struct cli *c, enum kind k, const char *text, char ret_id[64],
                  enum kind *ret_kind, struct err *e);
/* The choice alone, over one kind's records: 1 and *ret, 0 nothing fits; several: an error. */
int names_choose(enum kind k, const json_t *records, const char *text, const char **ret,
                 struct err *e);
