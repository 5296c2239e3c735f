/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only persistent truth: resources, their states, their tags, the jobs that work on them, in
 * one SQLite database (WAL, synchronous=FULL). One process, one thread owns it. Terms, states and
 * rules are EC2's (API version 2016-11-15). Errors: ERR_NOT_FOUND names the id, ERR_CONFLICT the
 * state, ERR_EXISTS the name, ERR_INVALID the value; the wire code for each is the API room's
 * business. */
#pragma once

#include "err.h"

#define MODEL_ID_MAX        32  /* "import-ami-0123456789abcdef0", NUL included */
#define MODEL_NAME_MAX      128 /* characters of an image name; buffers: MODEL_NAME_MAX * 4 + 1 */
#define MODEL_TEXT_MAX      (255 * 4 + 1)
#define MODEL_REGION_MAX    32
#define MODEL_DEVICE_MAX    64
#define MODEL_TAGS_MAX      50
#define MODEL_CIDR_MAX      48   /* "172.31.0.0/16"; IPv6 blocks fit too */
#define MODEL_GROUPS_MAX    16   /* of one network interface */
#define MODEL_RULES_MAX     60   /* of one security group in one direction */
#define MODEL_PASSWORD_MAX  1024 /* base64 for a key of 4096 bits has 684 */
#define MODEL_STATUS_MAX    256
#define MODEL_USER_DATA_MAX 16384

struct model;

/* Opens or creates; brings an older schema up to date in one transaction; refuses a newer one. */
int model_open(const char *path, struct model **ret, struct err *e);
void model_close(struct model *m);
DEFINE_FREEP(model_close, struct model);

/* Several changes as one: all or nothing. Nested calls join the outer one. Every function below
 * that writes is a transaction of its own outside of one.
 *     r = model_begin(m, e);  ...changes...;  r = model_end(m, r, e);   -- r < 0 rolls back */
int model_begin(struct model *m, struct err *e);
/* The same for questions that belong together: one moment's answers, and each costs less. Changes
 * inside are fine. */
int model_begin_reading(struct model *m, struct err *e);
int model_end(struct model *m, int r, struct err *e);
/* Grows with every change that this process makes; what was read at one value is true as long as
 * it stays. */
uint64_t model_changes(const struct model *m);

/* "i-" + 17 hex digits; prefix without the dash: "i", "ami", "snap", "vol", "r", "key", ... */
void model_new_id(const char *prefix, char out[MODEL_ID_MAX]);
/* 0; -EINVAL when text is not prefix-(8 or 17 lower-case hex digits). */
int model_id_check(const char *prefix, const char *text);

/* Whether every new volume, import and copy of a region is encrypted. */
int model_region_encrypts(struct model *m, const char *region, bool *ret, struct err *e);
int model_region_encrypts_set(struct model *m, const char *region, bool on, struct err *e);

/* ---- account and access keys ----------------------------------------------------------------- */

struct access_key {
    char id[64];      /* "AKIA…" */
    char secret[128]; /* never logged */
    char account[16];
};
/* The installation's own account (12 digits), made with one access key at the first open. */
const char *model_account(const struct model *m);
int model_access_key_get(struct model *m, const char *id, struct access_key *ret, struct err *e);
int model_access_key_first(struct model *m, struct access_key *ret, struct err *e);

/* ---- values that records share --------------------------------------------------------------- */

struct tag {
    char *key, *value;
};
struct tag_list {
    struct tag *v;
    size_t n;
};
void tag_list_done(struct tag_list *l);
int tag_list_add(struct tag_list *l, const char *key, const char *value); /* copies; -ENOMEM */

enum tri { TRI_UNSET = -1, TRI_FALSE = 0, TRI_TRUE = 1 };

/* One entry of a block device mapping, of an image or of a request. */
struct mapping {
    char device[MODEL_DEVICE_MAX];
    char virtual_name[16]; /* "ephemeral0", or "" */
    bool no_device;        /* requests only: suppress */
    bool has_ebs;
    char snapshot_id[MODEL_ID_MAX]; /* "" none */
    uint64_t size_gib;              /* 0: not given */
    char volume_type[16];           /* "" not given */
    uint32_t iops, throughput;      /* 0: not given */
    enum tri delete_on_termination;
    enum tri encrypted;
};
struct mapping_list {
    struct mapping *v;
    size_t n;
};
void mapping_list_done(struct mapping_list *l);
int mapping_list_add(struct mapping_list *l, const struct mapping *one); /* -ENOMEM */
int mapping_list_copy(struct mapping_list *dst, const struct mapping_list *src);
struct mapping *mapping_find(const struct mapping_list *l, const char *device);

/* ---- states: data, moved by one function each, one log line each ----------------------------- */

enum instance_state { /* low byte of the API's code */
                      INSTANCE_PENDING = 0,
                      INSTANCE_RUNNING = 16,
                      INSTANCE_SHUTTING_DOWN = 32,
                      INSTANCE_TERMINATED = 48,
                      INSTANCE_STOPPING = 64,
                      INSTANCE_STOPPED = 80,
};
enum instance_event {
    INSTANCE_EV_RUNNING,
    INSTANCE_EV_STOP,
    INSTANCE_EV_STOPPED,
    INSTANCE_EV_START,
    INSTANCE_EV_TERMINATE,
    INSTANCE_EV_TERMINATED,
    INSTANCE_EV_LAUNCH_FAILED, /* pending to terminated */
    INSTANCE_EV_START_FAILED,  /* pending back to stopped */
    INSTANCE_EV_GUEST_DOWN,    /* to stopping, or shutting-down if terminate_on_shutdown */
    INSTANCE_EV_HOST_STOP,     /* the host goes down, or its machine died: to stopping, whatever
                                  protects it and however it wants to end */
    INSTANCE_EV_MAX
};
enum image_state {
    IMAGE_PENDING,
    IMAGE_AVAILABLE,
    IMAGE_FAILED,
    IMAGE_DEREGISTERED,
    IMAGE_DISABLED,
    IMAGE_STATE_MAX
};
enum image_event {
    IMAGE_EV_AVAILABLE,
    IMAGE_EV_FAILED,
    IMAGE_EV_DISABLE, /* takes every launch permission away */
    IMAGE_EV_ENABLE,
    IMAGE_EV_DEREGISTER,
    IMAGE_EV_MAX
};
enum image_protection { /* against deregistering; the last one goes on for a day when it is ended */
                        IMAGE_UNPROTECTED,
                        IMAGE_PROTECTED,
                        IMAGE_PROTECTED_COOLDOWN,
                        IMAGE_PROTECTION_MAX
};
enum snapshot_state { SNAPSHOT_PENDING, SNAPSHOT_COMPLETED, SNAPSHOT_ERROR, SNAPSHOT_STATE_MAX };
enum snapshot_event { SNAPSHOT_EV_COMPLETED, SNAPSHOT_EV_FAILED, SNAPSHOT_EV_MAX };
enum volume_state {
    VOLUME_ST_CREATING,
    VOLUME_ST_AVAILABLE,
    VOLUME_ST_IN_USE,
    VOLUME_ST_DELETING,
    VOLUME_ST_DELETED,
    VOLUME_ST_ERROR,
    VOLUME_ST_MAX
};
enum volume_ev {
    VOLUME_EV_READY,
    VOLUME_EV_FAILED,
    VOLUME_EV_ATTACH,
    VOLUME_EV_DETACHED,
    VOLUME_EV_DELETE,
    VOLUME_EV_DELETED,
    VOLUME_EV_MAX
};
enum attach_state {
    ATTACH_ATTACHING,
    ATTACH_ATTACHED,
    ATTACH_DETACHING,
    ATTACH_BUSY,
    ATTACH_STATE_MAX
};
const char *model_instance_state_name(enum instance_state s);
const char *model_image_state_name(enum image_state s);
const char *model_image_protection_name(enum image_protection p);
const char *model_snapshot_state_name(enum snapshot_state s);
const char *model_volume_state_name(enum volume_state s);
const char *model_attach_state_name(enum attach_state s);

/* ---- instances ------------------------------------------------------------------------------- */

struct instance_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], zone[MODEL_REGION_MAX];
    char reservation_id[MODEL_ID_MAX], owner[16];
    char image_id[MODEL_ID_MAX], type[32], key_name[256];
    enum instance_state state;
    char state_reason_code[64], state_reason[MODEL_TEXT_MAX]; /* stateReason */
    char transition_reason[128];                              /* "User initiated (…)" */
    uint64_t launched_ms, terminated_ms;
    uint32_t launch_index;
    char client_token[80];
    char platform[16], platform_details[64], usage_operation[64];
    char architecture[16], root_device_name[MODEL_DEVICE_MAX], boot_mode[16];
    char uuid[37], mac[18], private_ip[16];
    bool monitoring, ebs_optimized, ena_support, disable_api_termination, disable_api_stop;
    bool terminate_on_shutdown; /* InstanceInitiatedShutdownBehavior */
    bool rebooting;             /* a create-image has it down; the API still says running */
    bool status_ok;             /* status checks passed since the last start */
    char vpc_id[MODEL_ID_MAX], subnet_id[MODEL_ID_MAX]; /* kept when it is terminated */
    /* HttpTokens, HttpEndpoint, InstanceMetadataTags, HttpPutResponseHopLimit (1 to 64) */
    bool metadata_tokens_required, metadata_disabled, metadata_tags;
    uint32_t metadata_hop_limit;
    char password_data[MODEL_PASSWORD_MAX]; /* base64, encrypted with the launch key; "" not yet */
    char guest_status[MODEL_STATUS_MAX]; /* what the guest's agent said last on its serial port */
};
/* Instance store disks: given at launch, empty at each start, lost at stop. */
struct ephemeral_rec {
    char instance_id[MODEL_ID_MAX], device[MODEL_DEVICE_MAX], virtual_name[16];
    uint64_t size_gib;
    bool mapped; /* from a mapping; an NVMe one of the type without any mapping is not */
};

int model_instance_insert(struct model *m, const struct instance_rec *rec, struct err *e);
/* region NULL: any */
int model_instance_get(struct model *m, const char *region, const char *id,
                       struct instance_rec *ret, struct err *e);
/* All of a region (NULL: of all), by launch time and index. *ret is one heap array; caller frees.
 */
int model_instance_list(struct model *m, const char *region, struct instance_rec **ret,
                        size_t *ret_n, struct err *e);
/* Saves every column but state (all _save functions but that of imports). */
int model_instance_save(struct model *m, const struct instance_rec *rec, struct err *e);
/* The transition table of ec2-api.md section 4. An event that changes nothing (stop of a stopped
 * one) succeeds. ERR_CONFLICT: refused in this state; ERR_DENIED: stop or termination protection.
 * The reasons may be NULL: EC2's words for stop, terminate and a guest's own shutdown, cleared by a
 * start, else kept. Sets launched_ms at a start, terminated_ms at the end, and resets status_ok and
 * rebooting. *ret is the state afterwards; ret may be NULL (in every move). */
int model_instance_move(struct model *m, const char *id, enum instance_event ev,
                        const char *reason_code, const char *reason, enum instance_state *ret,
                        struct err *e);
int model_ephemeral_insert(struct model *m, const struct ephemeral_rec *rec, struct err *e);
int model_ephemeral_list(struct model *m, const char *instance_id, struct ephemeral_rec **ret,
                         size_t *ret_n, struct err *e);
/* Takes all of them from an instance. */
int model_ephemeral_clear(struct model *m, const char *instance_id, struct err *e);
/* Sums over instances that hold memory now (pending, running, stopping …). */
int model_instance_usage(struct model *m, uint64_t *ret_memory_mib, uint64_t *ret_vcpus,
                         uint64_t *ret_count, struct err *e);
/* Forgets instances terminated before that time (with tags and disks). */
int model_instance_sweep(struct model *m, uint64_t before_ms, struct err *e);

/* Bytes given at launch; none: *ret NULL. ERR_INVALID in EC2's words when there are more than
 * MODEL_USER_DATA_MAX; n 0 takes them away. Caller frees *ret (a NUL stands behind the bytes). */
int model_user_data_set(struct model *m, const char *instance_id, const void *p, size_t n,
                        struct err *e);
int model_user_data_get(struct model *m, const char *instance_id, void **ret, size_t *ret_n,
                        struct err *e);
/* The OpenSSH line of the key pair at launch; *ret NULL: launched without one. Caller frees. */
int model_launch_key_set(struct model *m, const char *instance_id, const char *line, struct err *e);
int model_launch_key_get(struct model *m, const char *instance_id, char **ret, struct err *e);
/* What the guest said on its serial port; NULL: kept. Cut to fit; a password that does not fit is
 * ERR_INVALID. */
int model_instance_guest(struct model *m, const char *id, const char *status,
                         const char *password_data, struct err *e);

/* Networks, security groups and public addresses: a part of this door. */
#include "model-network.h"

/* ---- volumes and attachments ----------------------------------------------------------------- */

struct volume_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], zone[MODEL_REGION_MAX], owner[16];
    uint64_t size_gib;
    char type[16];
    uint32_t iops, throughput;
    bool encrypted;
    char snapshot_id[MODEL_ID_MAX]; /* made from; "" */
    char platform[16];              /* of the image whose root it was made from; "" */
    enum volume_state state;
    uint64_t created_ms;
};
struct attachment_rec {
    char volume_id[MODEL_ID_MAX], instance_id[MODEL_ID_MAX], device[MODEL_DEVICE_MAX];
    enum attach_state state;
    uint64_t attached_ms;
    bool delete_on_termination;
};
int model_volume_insert(struct model *m, const struct volume_rec *rec, struct err *e);
int model_volume_get(struct model *m, const char *region, const char *id, struct volume_rec *ret,
                     struct err *e); /* a deleted one is ERR_NOT_FOUND */
int model_volume_list(struct model *m, const char *region, struct volume_rec **ret, size_t *ret_n,
                      struct err *e);
int model_volume_save(struct model *m, const struct volume_rec *rec, struct err *e);
int model_volume_move(struct model *m, const char *id, enum volume_ev ev, enum volume_state *ret,
                      struct err *e); /* VOLUME_ST_DELETED removes the row and its tags */
/* Moves the volume to in-use as well. ERR_CONFLICT when the volume is attached (-EISCONN), the
 * device taken (-EADDRINUSE), the volume not available or the instance ending (-EBUSY); ERR_INVALID
 * when their zones differ (-EXDEV). */
int model_attach(struct model *m, const struct attachment_rec *rec, struct err *e);
int model_attachment_state(struct model *m, const char *volume_id, enum attach_state st,
                           struct err *e);
int model_attachment_save(struct model *m, const struct attachment_rec *rec, struct err *e);
/* Ends it, and moves the volume to available. */
int model_detach(struct model *m, const char *volume_id, struct err *e);
/* 0 and *ret; ERR_NOT_FOUND when it is not attached */
int model_attachment_get(struct model *m, const char *volume_id, struct attachment_rec *ret,
                         struct err *e);
/* Of an instance (root first, then by device), or all with instance_id NULL. */
int model_attachment_list(struct model *m, const char *instance_id, struct attachment_rec **ret,
                          size_t *ret_n, struct err *e);

/* What a volume is modified in; the last request of each volume is kept as long as the volume. */
struct volume_shape {
    uint64_t size_gib;
    char type[16];
    uint32_t iops, throughput;
};
enum modification_state {
    MODIFICATION_MODIFYING,
    MODIFICATION_OPTIMIZING, /* the volume has its new shape; who uses it now, not yet */
    MODIFICATION_COMPLETED,
    MODIFICATION_FAILED,
    MODIFICATION_STATE_MAX
};
const char *model_modification_state_name(enum modification_state s);
struct modification_rec {
    char volume_id[MODEL_ID_MAX], region[MODEL_REGION_MAX];
    enum modification_state state;
    char status_message[MODEL_TEXT_MAX];
    struct volume_shape from, to;
    uint64_t started_ms, ended_ms; /* 0: it has not ended */
};
/* Takes the place of an older one of that volume. */
int model_modification_put(struct model *m, const struct modification_rec *rec, struct err *e);
int model_modification_get(struct model *m, const char *region, const char *volume_id,
                           struct modification_rec *ret, struct err *e);
int model_modification_list(struct model *m, const char *region, struct modification_rec **ret,
                            size_t *ret_n, struct err *e);

/* ---- snapshots ------------------------------------------------------------------------------- */

struct snapshot_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], owner[16];
    char volume_id[MODEL_ID_MAX]; /* "vol-ffffffff" for imported ones, as EC2 */
    char description[MODEL_TEXT_MAX];
    enum snapshot_state state;
    char state_message[MODEL_TEXT_MAX];
    uint32_t progress; /* percent */
    uint64_t volume_size_gib, started_ms, completed_ms;
    bool encrypted;
    char platform[16];         /* of the root volume it is of; "" */
    char parent[MODEL_ID_MAX]; /* relative to which it was uploaded; "" */
    uint64_t bytes_read, bytes_stored;
    uint64_t bytes_done, bytes_total, bytes_per_s; /* the upload: of what changed, holes too */
};
int model_snapshot_insert(struct model *m, const struct snapshot_rec *rec, struct err *e);
int model_snapshot_get(struct model *m, const char *region, const char *id,
                       struct snapshot_rec *ret, struct err *e);
int model_snapshot_list(struct model *m, const char *region, struct snapshot_rec **ret,
                        size_t *ret_n, struct err *e);
int model_snapshot_save(struct model *m, const struct snapshot_rec *rec, struct err *e);
struct snapshot_progress {
    uint32_t percent;
    uint64_t read, stored;       /* bytes */
    uint64_t done, total, per_s; /* bytes; 0: not known */
};
/* Light: called for each progress line. */
int model_snapshot_progress(struct model *m, const char *id, const struct snapshot_progress *p,
                            struct err *e);
int model_snapshot_move(struct model *m, const char *id, enum snapshot_event ev,
                        const char *message, enum snapshot_state *ret, struct err *e);
/* Removes the row and its tags. ERR_CONFLICT naming the image when one (not deregistered) uses it:
 * see model_snapshot_user. */
int model_snapshot_delete(struct model *m, const char *id, struct err *e);
/* 1 and the image that uses it, 0 when none does */
int model_snapshot_user(struct model *m, const char *id, char ret_image_id[MODEL_ID_MAX],
                        struct err *e);

/* ---- images ---------------------------------------------------------------------------------- */

struct image_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], owner[16];
    char name[MODEL_NAME_MAX * 4 + 1], description[MODEL_TEXT_MAX];
    enum image_state state;
    char state_reason_code[64], state_reason[MODEL_TEXT_MAX];
    char platform[16], platform_details[64], usage_operation[64];
    char architecture[16], root_device_name[MODEL_DEVICE_MAX], root_device_type[16];
    char virtualization_type[16], boot_mode[16], tpm_support[16], imds_support[16];
    bool ena_support, sriov_net_support, is_public;
    char source_instance_id[MODEL_ID_MAX], source_image_id[MODEL_ID_MAX];
    char source_image_region[MODEL_REGION_MAX];
    uint64_t created_ms, deregistered_ms, last_launched_ms;
    uint64_t deprecated_ms; /* from then on; 0: never */
    enum image_protection protection;
    uint64_t protected_until_ms; /* although it is unprotected; 0: not */
    struct mapping_list mapping;
};
void image_rec_done(struct image_rec *rec);
void image_list_free(struct image_rec *v, size_t n);
/* ERR_EXISTS naming the image that has the name (message: AMI name X is already in use by AMI
 * ami-y). */
int model_image_insert(struct model *m, const struct image_rec *rec, struct err *e);
/* Deregistered images are found only by id, with that state. */
int model_image_get(struct model *m, const char *region, const char *id, struct image_rec *ret,
                    struct err *e);
int model_image_list(struct model *m, const char *region, struct image_rec **ret, size_t *ret_n,
                     struct err *e); /* without deregistered ones */
int model_image_save(struct model *m, const struct image_rec *rec, struct err *e);
int model_image_move(struct model *m, const char *id, enum image_event ev, const char *reason_code,
                     const char *reason, enum image_state *ret, struct err *e);

/* ---- key pairs ------------------------------------------------------------------------------- */

struct key_pair_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], name[256], type[16], fingerprint[128];
    char *public_key; /* OpenSSH line; heap */
    uint64_t created_ms;
};
void key_pair_rec_done(struct key_pair_rec *rec);
void key_pair_list_free(struct key_pair_rec *v, size_t n);
int model_key_pair_insert(struct model *m, const struct key_pair_rec *rec, struct err *e);
/* by name, or by id "key-…" */
int model_key_pair_get(struct model *m, const char *region, const char *name_or_id,
                       struct key_pair_rec *ret, struct err *e);
int model_key_pair_list(struct model *m, const char *region, struct key_pair_rec **ret,
                        size_t *ret_n, struct err *e);
int model_key_pair_delete(struct model *m, const char *region, const char *name_or_id,
                          struct err *e); /* unknown: ERR_NOT_FOUND */

/* ---- imports --------------------------------------------------------------------------------- */

enum import_state { IMPORT_ACTIVE, IMPORT_COMPLETED, IMPORT_DELETED, IMPORT_STATE_MAX };
const char *model_import_state_name(enum import_state s);
struct import_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX]; /* "import-ami-…" */
    char description[MODEL_TEXT_MAX], name[MODEL_NAME_MAX * 4 + 1];
    char format[16], url[1024], platform[16], boot_mode[16];
    enum import_state state;
    char status_message[MODEL_TEXT_MAX];
    uint32_t progress;
    uint64_t bytes_done, bytes_total, bytes_per_s, disk_bytes;
    char image_id[MODEL_ID_MAX], snapshot_id[MODEL_ID_MAX];
    char warning[MODEL_TEXT_MAX]; /* content contradicts what the user said */
    uint64_t created_ms;
};
int model_import_insert(struct model *m, const struct import_rec *rec, struct err *e);
int model_import_get(struct model *m, const char *region, const char *id, struct import_rec *ret,
                     struct err *e);
int model_import_list(struct model *m, const char *region, struct import_rec **ret, size_t *ret_n,
                      struct err *e);
int model_import_save(struct model *m, const struct import_rec *rec, struct err *e);

/* ---- sharing --------------------------------------------------------------------------------- */

#define MODEL_PERMISSIONS_MAX 1000 /* of one image or snapshot */

struct permission_rec {
    char resource_id[MODEL_ID_MAX];
    char grantee[16]; /* 12 digits, or "all" */
    uint64_t created_ms;
};
struct permission_change {
    bool add;
    const char *grantee;
};
/* In order of the grantees; free(*ret). */
int model_permissions_list(struct model *m, const char *id, struct permission_rec **ret,
                           size_t *ret_n, struct err *e);
/* Adding what is there and removing what is absent succeed. */
int model_permissions_change(struct model *m, const char *id, const struct permission_change *v,
                             size_t n, struct err *e);
int model_permissions_reset(struct model *m, const char *id, struct err *e); /* none is left */

/* ---- tags ------------------------------------------------------------------------------------ */

/* Type word of an id: "instance", "image", "snapshot", "volume", "key-pair", "import-image-task",
 * "vpc", "subnet", "security-group", "security-group-rule", "network-interface"; NULL: unknown
 * prefix. */
const char *model_resource_type(const char *id);
/* Overwrites; refuses aws: keys, bad lengths, more than 50 (ERR_LIMIT). The resource must exist. */
int model_tags_set(struct model *m, const char *region, const char *id, const struct tag_list *tags,
                   struct err *e);
/* value NULL: whatever the value; key NULL: all user tags. */
int model_tag_delete(struct model *m, const char *id, const char *key, const char *value,
                     struct err *e);
int model_tags_get(struct model *m, const char *id, struct tag_list *ret, struct err *e);
/* Every tag of a region, by resource id and key. */
int model_tags_each(struct model *m, const char *region,
                    int (*fn)(const char *id, const char *key, const char *value, void *userdata),
                    void *userdata, struct err *e);

/* ---- jobs ------------------------------------------------------------------------------------ */

enum job_state { JOB_ACTIVE, JOB_DONE, JOB_FAILED, JOB_STATE_MAX };
struct job_rec {
    char id[MODEL_ID_MAX]; /* "job-…" */
    char kind[32], subject[MODEL_ID_MAX], step[32];
    enum job_state state;
    char *args; /* JSON object; heap; never NULL */
    char error[512];
    uint64_t created_ms, updated_ms;
};
void job_rec_done(struct job_rec *rec);
int model_job_insert(struct model *m, const struct job_rec *rec, struct err *e);
int model_job_step(struct model *m, const char *id, const char *step, const char *args,
                   struct err *e); /* args NULL: kept */
int model_job_end(struct model *m, const char *id, enum job_state st, const char *error,
                  struct err *e);
/* Active ones, oldest first; caller frees each and the array. */
int model_job_active(struct model *m, struct job_rec **ret, size_t *ret_n, struct err *e);
int model_job_sweep(struct model *m, uint64_t ended_before_ms, struct err *e);

/* ---- client tokens --------------------------------------------------------------------------- */

/* 1 and the resource id when this token was used with the same parameters (sha256 of them),
 * 0 when it is new; ERR_CONFLICT when the parameters differ. Tokens live a day. */
int model_token_find(struct model *m, const char *region, const char *action, const char *token,
                     const uint8_t params_sha256[32], char ret_id[MODEL_ID_MAX], struct err *e);
int model_token_keep(struct model *m, const char *region, const char *action, const char *token,
                     const uint8_t params_sha256[32], const char *id, struct err *e);
