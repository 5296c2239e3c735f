/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the api room: an action is one file with one exported table entry. Parsing, required
 * and unknown parameters, limits, dry run and client tokens come from the entry; the handler holds
 * only the decision. */
#pragma once

#include "api.h"
#include "rules.h"
#include "str.h"

/* ---- parameters */

enum param_type {
    PARAM_TEXT, /* min_len, max_len in characters */
    PARAM_ID,   /* prefix "vol": vol-(8|17 hex) */
    PARAM_BOOL,
    PARAM_INT, /* min, max */
    PARAM_TIME,
    PARAM_BASE64,
    PARAM_NOT_YET, /* known to EC2, implemented by a later version of Kiln: refused by name when
                      given with a value; with words, those values pass ("false": EC2's default) */
    PARAM_IGNORED, /* known to EC2, without meaning here: accepted in silence (say why in a comment)
                    */
    PARAM_TYPE_MAX
};

/* A name is a path in which N stands for an index: "InstanceId.N",
 * "BlockDeviceMapping.N.Ebs.VolumeSize". A trailing ".*" (only with PARAM_NOT_YET and
 * PARAM_IGNORED) covers everything below. */
struct api_param {
    const char *name;
    enum param_type type;
    const char *prefix; /* PARAM_ID */
    bool required;
    bool empty_is_value; /* NoDevice, Tag.N.Value, Description.Value; else an empty value means "not
                            given" */
    uint32_t min_len, max_len; /* PARAM_TEXT; 0: no limit */
    uint64_t min, max;         /* PARAM_INT; max 0: UINT32_MAX */
    /* PARAM_TEXT: allowed values; PARAM_NOT_YET: values that mean what Kiln does anyway.
     * NULL-terminated; NULL: any. Compared without case; the handler sees the table's spelling. */
    const char *const *words;
};

/* Rows that several actions share. */
#define API_PARAMS_TAG_SPECS                                                                       \
    { .name = "TagSpecification.N.ResourceType", .type = PARAM_TEXT, .max_len = 64 },              \
        { .name = "TagSpecification.N.Tag.N.Key", .type = PARAM_TEXT },                            \
    {                                                                                              \
        .name = "TagSpecification.N.Tag.N.Value", .type = PARAM_TEXT, .empty_is_value = true       \
    }
#define API_PARAMS_MAPPINGS                                                                        \
    { .name = "BlockDeviceMapping.N.DeviceName", .type = PARAM_TEXT, .max_len = 63 },              \
        { .name = "BlockDeviceMapping.N.VirtualName", .type = PARAM_TEXT, .max_len = 15 },         \
        { .name = "BlockDeviceMapping.N.NoDevice", .type = PARAM_TEXT, .empty_is_value = true },   \
        { .name = "BlockDeviceMapping.N.Ebs.SnapshotId", .type = PARAM_ID, .prefix = "snap" },     \
        { .name = "BlockDeviceMapping.N.Ebs.VolumeSize", .type = PARAM_INT, .min = 1 },            \
        { .name = "BlockDeviceMapping.N.Ebs.VolumeType", .type = PARAM_TEXT, .max_len = 15 },      \
        { .name = "BlockDeviceMapping.N.Ebs.Iops", .type = PARAM_INT },                            \
        { .name = "BlockDeviceMapping.N.Ebs.Throughput", .type = PARAM_INT },                      \
        { .name = "BlockDeviceMapping.N.Ebs.DeleteOnTermination", .type = PARAM_BOOL },            \
        { .name = "BlockDeviceMapping.N.Ebs.Encrypted", .type = PARAM_BOOL },                      \
    {                                                                                              \
        .name = "BlockDeviceMapping.N.Ebs.*", .type = PARAM_NOT_YET                                \
    }

/* Rules of security groups: the list, and the older form for one peer. */
#define API_PARAMS_PERMISSIONS                                                                     \
    { .name = "GroupId", .type = PARAM_ID, .prefix = "sg" },                                       \
        { .name = "IpPermissions.N.IpProtocol", .type = PARAM_TEXT, .max_len = 7 },                \
        { .name = "IpPermissions.N.FromPort", .type = PARAM_TEXT, .max_len = 6 },                  \
        { .name = "IpPermissions.N.ToPort", .type = PARAM_TEXT, .max_len = 6 },                    \
        { .name = "IpPermissions.N.IpRanges.N.CidrIp", .type = PARAM_TEXT },                       \
        { .name = "IpPermissions.N.IpRanges.N.Description", .type = PARAM_TEXT, .max_len = 255 },  \
        { .name = "IpPermissions.N.Ipv6Ranges.N.CidrIpv6", .type = PARAM_TEXT },                   \
        { .name = "IpPermissions.N.Ipv6Ranges.N.Description",                                      \
          .type = PARAM_TEXT,                                                                      \
          .max_len = 255 },                                                                        \
        { .name = "IpPermissions.N.Groups.N.GroupId", .type = PARAM_ID, .prefix = "sg" },          \
        { .name = "IpPermissions.N.Groups.N.GroupName", .type = PARAM_TEXT, .max_len = 255 },      \
        { .name = "IpPermissions.N.Groups.N.Description", .type = PARAM_TEXT, .max_len = 255 },    \
        { .name = "IpPermissions.N.Groups.N.UserId", .type = PARAM_TEXT, .max_len = 12 },          \
        { .name = "IpPermissions.N.Groups.N.*", .type = PARAM_NOT_YET },                           \
        { .name = "IpPermissions.N.PrefixListIds.N.*", .type = PARAM_NOT_YET },                    \
        { .name = "IpProtocol", .type = PARAM_TEXT, .max_len = 7 },                                \
        { .name = "FromPort", .type = PARAM_TEXT, .max_len = 6 },                                  \
        { .name = "ToPort", .type = PARAM_TEXT, .max_len = 6 },                                    \
        { .name = "CidrIp", .type = PARAM_TEXT },                                                  \
        { .name = "SourceSecurityGroupName", .type = PARAM_TEXT, .max_len = 255 },                 \
    {                                                                                              \
        .name = "SourceSecurityGroupOwnerId", .type = PARAM_TEXT, .max_len = 12                    \
    }

struct api_request; /* the parsed, validated request */

struct api_call {
    struct api *api;
    const struct api_config *cfg;
    struct model *model;
    struct jobs *jobs;
    const struct api_action *action;
    struct api_request *req;
    struct xml *out;    /* the answer's body; the root element, requestId are written already */
    const char *region; /* of the credential scope */
    const char *account;
    const char *request_id;
    const char *resource; /* which row of the error table answers now; starts as the action's. A
                             handler sets it before it asks for another kind of thing ("image" in
                             RunInstances), or leaves that to api_about() */
    char resource_id[MODEL_ID_MAX]; /* set by a handler with API_TOKEN: what it made; kept with the
                                       client token */
    struct api_later *later;        /* set by a handler whose answer comes later (later.h) */
    const char *wire_code; /* a handler that must answer another code than the (resource, kind)
                              table gives sets it before it fails */
};

/* DryRun=true: the handler runs whole, and its transaction is rolled back. So a handler may do
 * nothing that lasts outside of the model and of the requests of jobs.h. */
enum api_flags {
    API_WRITES = 1,  /* changes something: runs in one transaction, DryRun rolls it back */
    API_TOKEN = 2,   /* takes ClientToken: needs replay, and the handler sets c->resource_id */
    API_PAGES = 4,   /* takes MaxResults, NextToken: see api_page */
    API_FILTERS = 8, /* takes Filter.N */
};

struct api_action {
    const char *name;     /* "CreateSnapshot" */
    const char *resource; /* which row of the error table: "snapshot" */
    unsigned flags;
    const struct api_param *params;            /* ends with { 0 } */
    uint32_t max_results_min, max_results_max; /* API_PAGES */
    int (*handle)(struct api_call *c,
                  struct err *e); /* runs inside one model transaction when API_WRITES */
    /* API_TOKEN: answers as handle did, with the state of now, for the resource made then. */
    int (*replay)(struct api_call *c, const char *resource_id, struct err *e);
    const char *summary; /* one sentence for the manual */
};

/* Scalars: NULL / fallback when not given. Names as in the table ("VolumeId"). */
const char *api_text(const struct api_call *c, const char *name);
bool api_has(const struct api_call *c,
             const char *name); /* given (an empty value counts only with empty_is_value) */
bool api_bool(const struct api_call *c, const char *name, bool fallback);
uint64_t api_int(const struct api_call *c, const char *name, uint64_t fallback);
/* Lists: count of the indexes present below "BlockDeviceMapping", sorted by number, gaps and 0
 * tolerated. */
size_t api_count(const struct api_call *c, const char *list);
/* A member of the i-th (0-based, after sorting) element; member "" for plain lists: api_item(c,
 * "InstanceId", 0, ""). */
const char *api_item(const struct api_call *c, const char *list, size_t i, const char *member);
bool api_item_has(const struct api_call *c, const char *list, size_t i, const char *member);
/* Nested lists: the name of an element for further calls: api_sub(c, "TagSpecification", 1, "Tag",
 * buf) gives the list name "TagSpecification.<index>.Tag". */
const char *api_sub(const struct api_call *c, const char *list, size_t i, const char *inner,
                    char *buf, size_t size);
/* Tags for resources of one type from TagSpecification.N (or plain Tag.N with type NULL); validates
 * types against allowed (NULL-terminated). */
int api_tag_specs(struct api_call *c, const char *type, const char *const *allowed,
                  struct tag_list *ret, struct err *e);
int api_mappings(struct api_call *c, struct mapping_list *ret,
                 struct err *e); /* BlockDeviceMapping.N */

/* ---- answer */

struct xml;
void xml_open(struct xml *x, const char *element);
void xml_close(struct xml *x, const char *element);
void xml_text(struct xml *x, const char *element, const char *text);   /* NULL or "": left out */
void xml_always(struct xml *x, const char *element, const char *text); /* present even when empty */
void xml_bool(struct xml *x, const char *element, bool v);
void xml_uint(struct xml *x, const char *element, uint64_t v);
void xml_time(struct xml *x, const char *element, uint64_t real_ms);
void xml_tags(struct xml *x, const struct tag_list *tags); /* tagSet; left out when empty */
void xml_return_true(struct xml *x);

/* ---- filters */

/* A describe action lists its filters as a table: name -> a function that offers the record's
 * values to the matcher. "tag:KEY" and "tag-key", "tag-value" are handled here when tags are given.
 */
struct filter_match; /* what is being matched now */
void filter_offer(struct filter_match *f, const char *value);
void filter_offer_bool(struct filter_match *f, bool v);
void filter_offer_uint(struct filter_match *f, uint64_t v);
void filter_offer_time(struct filter_match *f, uint64_t real_ms);
struct filter_def {
    const char *name;
    void (*values)(const void *record, struct filter_match *f); /* NULL: accepted, never matches */
};
/* Checks the names once, before any record (unknown: InvalidParameterValue "The filter 'x' is
 * invalid", more than 200 values: FilterLimitExceeded). */
int api_filters_check(struct api_call *c, const struct filter_def *defs, struct err *e);
bool api_filters_pass(struct api_call *c, const struct filter_def *defs, const void *record,
                      const struct tag_list *tags);

/* ---- pages */

/* [*ret_from, *ret_to) of n records for MaxResults/NextToken; refuses MaxResults beside explicit
 * ids (n_ids > 0); api_page_end writes nextToken. */
int api_page(struct api_call *c, size_t n, size_t n_ids, size_t *ret_from, size_t *ret_to,
             struct err *e);
void api_page_end(struct api_call *c, size_t n, size_t to);

/* ---- errors */

/* Fails with a wire code of its own: return api_fail(c, e, "InvalidParameterCombination", "…"). */
int api_fail(struct api_call *c, struct err *e, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Says which kind of thing the next model calls are about: err's row in the error table. */
void api_about(struct api_call *c, const char *resource);
/* The wire code of a failure of this kind about this resource; NULL: the table has no such row. */
const char *api_error_code(const char *resource, enum err_kind kind);

/* ---- renderers shared by actions */

void api_put_snapshot(struct api_call *c, const struct snapshot_rec *s,
                      const struct tag_list *tags);
void api_put_volume(struct api_call *c, const struct volume_rec *v, const struct attachment_rec *at,
                    const struct tag_list *tags);
void api_put_attachment(struct api_call *c, const struct attachment_rec *at);
int api_put_instance(struct api_call *c, const struct instance_rec *i, struct err *e);
int api_put_image(struct api_call *c, const struct image_rec *i, const struct tag_list *tags,
                  struct err *e);

/* actions.c: sorted by name */
extern const struct api_action *const api_actions[];
extern const size_t api_actions_count;
