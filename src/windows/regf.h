/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows registry hives ("regf" files): read, edited in place, checked, without Windows.
 *
 * A hive is one buffer in memory, the file as it is; there is no tree of nodes beside it. Keys and
 * values are handles: the offset of their cell, 0 is "none". A handle is checked each time it is
 * used, so a hostile hive can give an error or an empty answer, never a crash or an endless loop.
 * Handles stay good over edits, save those of what was deleted or renamed. Pointers into a hive
 * (regf_data, security descriptors) are good until the next edit.
 *
 * Names and text are UTF-8 at this door. What UTF-8 cannot say is kept all the same: a NUL inside a
 * name is the bytes c0 80, half a surrogate pair is its three bytes. Case does not matter where
 * names are looked up, by Windows' own table. Paths are separated by backslashes.
 *
 * Format: docs/formats/regf.md. Source: msuhanov's "Windows registry file format specification",
 * measured against real hives. */
#pragma once

#include "err.h"

#define REGF_BYTES_MAX  MIB(512) /* a hive, and each of its logs */
#define REGF_NAME_BYTES 1024     /* room for any key name as UTF-8 with its NUL */
#define REGF_DEPTH_MAX  512      /* levels of keys, as Windows has it */
#define REGF_VALUE_MAX  MIB(64)  /* bytes of one value's data that are read or written */
#define REGF_PLAIN_MAX  16344U   /* above this, values of minor version 4 and later are split */

enum regf_type {
    REGF_NONE = 0,
    REGF_SZ = 1,
    REGF_EXPAND_SZ = 2,
    REGF_BINARY = 3,
    REGF_DWORD = 4,
    REGF_DWORD_BE = 5,
    REGF_LINK = 6,
    REGF_MULTI_SZ = 7,
    REGF_RESOURCE_LIST = 8,
    REGF_FULL_RESOURCE = 9,
    REGF_RESOURCE_REQUIREMENTS = 10,
    REGF_QWORD = 11
}; /* any other number is legal too: SAM counts in it */

struct regf;

/* --- opening ---------------------------------------------------------------------------------- */

/* Where bytes come from: read() fills all of len or fails. bytes 0: absent. */
struct regf_source {
    int (*read)(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e);
    void *userdata;
    uint64_t bytes;
    const void *mem; /* instead of read(), when not NULL */
};

static inline struct regf_source regf_source_mem(const void *p, size_t n)
{
    return (struct regf_source){ .mem = p, .bytes = n };
}

/* Whether it begins as a hive does; asked before all of it is taken into memory. */
bool regf_is_hive(const struct regf_source *s);

enum regf_open_flags {
    REGF_DIRTY_OK = 1,   /* dirty and no usable log: take what there is (to look, not to edit) */
    REGF_LOGS_UNUSED = 2 /* leave the logs out even if they would apply; implies REGF_DIRTY_OK */
};

/* Reads the hive into memory and replays its logs there (old "DIRT" and new "HvLE" form); log1 and
 * log2 may be NULL or empty, of either name and age; stale ones are passed over. Every bin and
 * cell is walked once. ERR_CORRUPT (-EBADMSG): not a hive, or a damaged one; ERR_CONFLICT
 * (-EUCLEAN): dirty and without a usable log; ERR_LIMIT: too big. */
int regf_open(const struct regf_source *hive, const struct regf_source *log1,
              const struct regf_source *log2, unsigned flags, struct regf **ret, struct err *e);
/* The same from files of the host; log paths may be NULL or name nothing. */
int regf_open_files(const char *hive, const char *log1, const char *log2, unsigned flags,
                    struct regf **ret, struct err *e);
/* An empty hive of minor version 3 or 5 whose root has this security descriptor. */
int regf_new(unsigned minor, const char *root_name, const void *sd, size_t sd_len,
             struct regf **ret, struct err *e);
void regf_free(struct regf *h);
DEFINE_FREEP(regf_free, struct regf);
#define _cleanup_regf_ _cleanup_(regf_freep)

struct regf_info {
    unsigned minor;             /* 3: values are never split; 4 and later: they are */
    uint32_t seq1, seq2;        /* as in the file that was opened */
    bool was_dirty;             /* seq1 != seq2, or a log applied */
    unsigned log_entries;       /* replayed: entries of the new form, or 1 of the old */
    uint64_t written;           /* FILETIME of the base block */
    uint64_t bytes;             /* file size now: base block and bins */
    char name[REGF_NAME_BYTES]; /* what the base block says of its file: the tail of a path */
};

void regf_info(const struct regf *h, struct regf_info *ret);

/* The time that edits write as "last written"; regf_open sets it to now. Unit: FILETIME. */
void regf_set_now(struct regf *h, uint64_t filetime);

/* --- looking -----------------------------------------------------------------------------------
 */

uint32_t regf_root(const struct regf *h);
/* Below base (0: the root), "" is base itself. 0 when absent (or damaged on the way). */
uint32_t regf_find(const struct regf *h, uint32_t base, const char *path);
/* The same, with the reason: -ENOENT (ERR_NOT_FOUND) names the path. */
int regf_find_key(const struct regf *h, uint32_t base, const char *path, uint32_t *ret,
                  struct err *e);
uint32_t regf_parent(const struct regf *h, uint32_t key); /* 0 for the root */
/* Fills buf and returns it; "" for a bad handle. */
const char *regf_key_name(const struct regf *h, uint32_t key, char buf[REGF_NAME_BYTES]);
/* The whole path below the root, without the root's own name; NULL when memory is gone. */
char *regf_key_path(const struct regf *h, uint32_t key);
uint64_t regf_key_time(const struct regf *h, uint32_t key);  /* FILETIME */
uint32_t regf_key_count(const struct regf *h, uint32_t key); /* subkeys, as the key says */
uint32_t regf_value_count(const struct regf *h, uint32_t key);

/* One after another, in order; regf_next_* give 0 at the end. No edits of that key meanwhile: who
 * edits takes the whole list first (regf_children). Who goes down a whole tree calls regf_verify
 * first: a hostile hive may list the same key many times on each level. */
struct regf_iter {
    uint32_t key, i, n, list, sub, left;
};

struct regf_iter regf_subkeys(const struct regf *h, uint32_t key);
uint32_t regf_next_subkey(const struct regf *h, struct regf_iter *it);
struct regf_iter regf_values(const struct regf *h, uint32_t key);
uint32_t regf_next_value(const struct regf *h, struct regf_iter *it);
/* All subkeys at once; caller frees *ret. */
int regf_children(const struct regf *h, uint32_t key, uint32_t **ret, size_t *ret_n, struct err *e);

/* The names of two keys, or of two values, perhaps of two hives: as strcmp(). */
int regf_key_cmp(const struct regf *ha, uint32_t a, const struct regf *hb, uint32_t b);
int regf_value_cmp(const struct regf *ha, uint32_t a, const struct regf *hb, uint32_t b);
/* All values by name, each name once (where a hive has two, the one that is found); caller frees.
 */
int regf_values_sorted(const struct regf *h, uint32_t key, uint32_t **ret, size_t *ret_n,
                       struct err *e);

/* name "" or NULL: the unnamed value. 0 when absent. */
uint32_t regf_value(const struct regf *h, uint32_t key, const char *name);
char *regf_value_name(const struct regf *h, uint32_t value); /* caller frees; NULL: no memory */
uint32_t regf_value_type(const struct regf *h, uint32_t value);
size_t regf_value_bytes(const struct regf *h, uint32_t value);

struct regf_data {
    uint32_t type;
    size_t n;
    const uint8_t *p; /* into the hive, or owned */
    void *owned;
};

void regf_data_done(struct regf_data *d);
#define _cleanup_regf_data_ _cleanup_(regf_data_done)

/* The data of a value by handle; split ones come as one copy. */
int regf_value_data(const struct regf *h, uint32_t value, struct regf_data *ret, struct err *e);
/* The data of a named value; -ENOENT (ERR_NOT_FOUND) when absent. */
int regf_get(const struct regf *h, uint32_t key, const char *name, struct regf_data *ret,
             struct err *e);

/* Short forms: absent, of another type or damaged is NULL, or the given default.
 * text: SZ, EXPAND_SZ, LINK; caller frees; ends at the first NUL. */
char *regf_text(const struct regf *h, uint32_t key, const char *name);
char *regf_value_text(const struct regf *h, uint32_t value);
uint32_t regf_dword(const struct regf *h, uint32_t key, const char *name, uint32_t otherwise);
/* MULTI_SZ (or one SZ): NULL-terminated; free with regf_multi_free. */
char **regf_multi(const struct regf *h, uint32_t key, const char *name);
void regf_multi_free(char **list);

/* Class name (UTF-8, caller frees); NULL when the key has none. */
char *regf_class(const struct regf *h, uint32_t key);
/* Self-relative security descriptor, borrowed. */
int regf_security(const struct regf *h, uint32_t key, const uint8_t **ret, size_t *ret_n,
                  struct err *e);

/* --- editing -----------------------------------------------------------------------------------
 */
/* All edits are made in memory; a failed one leaves the hive as it was, or (out of memory or a
 * damaged hive, in the middle) marked broken: then regf_seal refuses. */

/* Makes what is missing of the path; new keys take the security of their parent. On failure those
 * that were made on the way stay. */
int regf_key_create(struct regf *h, uint32_t base, const char *path, uint32_t *ret, struct err *e);
/* With all below it. Not the root. */
int regf_key_delete(struct regf *h, uint32_t key, struct err *e);
/* Deletes base\path if it is there: 1 it was, 0 it was not. */
int regf_key_delete_path(struct regf *h, uint32_t base, const char *path, struct err *e);
/* A new last name, of any length; the handle may change. -EEXIST when the parent has that name. */
int regf_key_rename(struct regf *h, uint32_t key, const char *name, uint32_t *ret, struct err *e);

/* Makes or replaces; the other values of the key are not touched. */
int regf_set(struct regf *h, uint32_t key, const char *name, uint32_t type, const void *data,
             size_t n, struct err *e);
/* type: SZ, EXPAND_SZ or LINK (which has no NUL behind it). */
int regf_set_text(struct regf *h, uint32_t key, const char *name, uint32_t type, const char *text,
                  struct err *e);
int regf_set_dword(struct regf *h, uint32_t key, const char *name, uint32_t v, struct err *e);
int regf_set_multi(struct regf *h, uint32_t key, const char *name, const char *const *list,
                   struct err *e);
/* 1 it was there, 0 it was not. */
int regf_value_delete(struct regf *h, uint32_t key, const char *name, struct err *e);
/* The data of a value that the key has, by handle; its type stays. */
int regf_set_value_data(struct regf *h, uint32_t key, uint32_t value, const void *data, size_t n,
                        struct err *e);
int regf_value_rename(struct regf *h, uint32_t key, uint32_t value, const char *name,
                      struct err *e);

int regf_set_class(struct regf *h, uint32_t key, const char *text, struct err *e); /* NULL: none */
/* The key takes this descriptor: an equal cell is shared, else one is added to the ring. */
int regf_set_security(struct regf *h, uint32_t key, const void *sd, size_t n, struct err *e);
/* Every security cell once: 0 first, then what it gave; 0 at the end. */
uint32_t regf_next_security(const struct regf *h, uint32_t cell);
int regf_security_bytes(const struct regf *h, uint32_t cell, const uint8_t **ret, size_t *ret_n,
                        struct err *e);
/* Overwrites n bytes of a descriptor at an offset; lengths stay. For all keys that share it. */
int regf_security_patch(struct regf *h, uint32_t cell, size_t offset, const void *p, size_t n,
                        struct err *e);

/* --- checking and writing back ------------------------------------------------------------------
 */

struct regf_report {
    uint64_t keys, values, security; /* reached */
    uint64_t cells, free_cells;      /* in all bins */
    uint64_t lost_cells;             /* in use, reached by nobody: harmless, Windows leaves some */
    uint64_t unsplit;                /* values that ought to be split and are not */
    uint64_t bad_values;             /* whose data is not there; Windows leaves some, too */
};

/* The whole hive: bins, cells, each cell reached at most once, lists sorted with right hashes and
 * counts, names, value data, security ring and reference counts. 0, or the first fault found
 * (ERR_CORRUPT) with its path. ret may be NULL. */
int regf_verify(const struct regf *h, struct regf_report *ret, struct err *e);

/* Makes the buffer a clean hive file: sequence numbers equal and above those of the logs, time,
 * checksum. After writing it, both log files are to be made empty. */
int regf_seal(struct regf *h, struct err *e);
/* The file, borrowed; sealed or not. */
const void *regf_bytes(const struct regf *h, size_t *ret_n);
bool regf_is_changed(const struct regf *h);
