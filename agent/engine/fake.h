/* SPDX-License-Identifier: Apache-2.0 */
/* A small Windows in memory for unit tests on Linux: it keeps state (registry, files, accounts,
 * services, routes, disks), answers as a metadata service, catches the serial port, owns the clock
 * (sleeping only moves it) and records every call that changes something. Tests look at the state
 * and at the record, never at return codes alone. Sources: not part of the programs. */
#pragma once

#include "engine/win.h"
#include "lib/str.h"

#define FAKE_MAX 128

struct fake_pair { /* registry values, files, environment, metadata */
    char *key, *name;
    struct win_reg *value; /* registry */
    char *data;            /* the others */
    size_t n;
    unsigned status; /* metadata */
    bool is_private; /* a file: for SYSTEM and Administrators only */
    struct fake_pair *next;
};

struct fake_run {
    char *starts; /* of the command line */
    uint32_t exit_code;
    char *out, *err;
    void (*effect)(struct win *w, const struct win_run *r); /* may be NULL */
    struct fake_run *next;
};

struct fake_named { /* services and tasks */
    char name[WIN_NAME_MAX];
    enum win_service_state state;
    enum win_service_start start;
    bool missed; /* failed to start with Windows */
    enum win_task_state task;
    char *text; /* command or XML */
};

struct fake {
    struct win win;   /* first */
    struct str calls; /* "route_add 169.254.169.254/32 via 10.0.0.1 if 5 metric 15\n" ... */
    struct str serial;
    struct fake_pair *registry, *files, *environment, *metadata;
    struct fake_run *runs;

    struct win_account accounts[FAKE_MAX];
    char *passwords[FAKE_MAX];
    size_t accounts_n;
    unsigned min_length;
    struct fake_named services[FAKE_MAX], tasks[FAKE_MAX];
    size_t services_n, tasks_n;
    struct win_adapter adapters[8];
    size_t adapters_n;
    struct win_route routes[FAKE_MAX];
    size_t routes_n;
    struct win_disk disks[16];
    struct win_volume volumes[16];
    size_t disks_n, volumes_n;
    struct win_event events[FAKE_MAX];
    size_t events_n;
    struct win_driver drivers[8];
    size_t drivers_n;
    struct win_name ancestors[8];
    size_t ancestors_n;
    struct win_zone zone;
    struct win_system sys;
    struct win_cert cert; /* thumbprint "" : none */
    char computer[64];
    uint64_t now_ms, tick_ms;
    uint64_t random_state;
    bool not_admin;

    /* metadata service */
    unsigned imds_requests, imds_tokens; /* answered so far */
    unsigned imds_refuse;                /* the next n connections are refused */
    unsigned imds_break;                 /* the next n answers end after half */
    bool imds_no_token;                  /* PUT api/token answers 404 */
    bool imds_needs_token;               /* a GET without a token answers 401 */
    bool imds_off;                       /* everything answers 403 */
    bool imds_chunked;

    /* serial port */
    const char *port;   /* the one that exists; NULL: "COM1" */
    unsigned port_busy; /* the next n opens find it in use */
    bool port_absent, port_is_open;
    void *spcr;
    size_t spcr_n;
    const char *pci_port; /* answer of port_of_pci */

    char sealed_clear[256]; /* what rsa_encrypt got last; also sealed as it should be */
    struct {
        const char *row;
        int no;
        unsigned times;
    } fails[8];
};

/* Never fails (a test's memory is not short). Starts with %SystemRoot% and friends, the account
 * Administrator (500), the adapter "Ethernet" with a gateway, C: on disk 0, now = 2026-01-02
 * 03:04:05 UTC, ImageState complete. */
struct fake *fake_new(void);
void fake_free(struct fake *f);
DEFINE_FREEP(fake_free, struct fake);
static inline struct fake *fake_of(struct win *w)
{
    return (struct fake *)w;
}

/* The next `times` calls of a row ("route_add") fail with `no`. */
void fake_fail(struct fake *f, const char *row, int no, unsigned times);

void fake_reg_text(struct fake *f, const char *key, const char *name, const char *text);
void fake_reg_u32(struct fake *f, const char *key, const char *name, uint32_t v);
void fake_reg_bytes(struct fake *f, const char *key, const char *name, const void *p, size_t n);
const char *fake_reg_get_text(struct fake *f, const char *key, const char *name); /* or NULL */
int64_t fake_reg_get_u32(struct fake *f, const char *key, const char *name);      /* or -1 */

void fake_file(struct fake *f, const char *path, const char *text);
void fake_file_bytes(struct fake *f, const char *path, const void *p, size_t n);
const char *fake_file_text(struct fake *f, const char *path); /* or NULL */
bool fake_is_private(struct fake *f, const char *path); /* nobody but administrators may read it */
/* A log file as UTF-8 (v1 writes UTF-16); caller frees. */
char *fake_log_text(struct fake *f, const char *path);
void fake_env(struct fake *f, const char *name, const char *value);

void fake_account(struct fake *f, const char *name, uint32_t rid, unsigned flags);
const char *fake_password(struct fake *f, const char *account); /* or NULL: never set */
struct win_account *fake_find_account(struct fake *f, const char *name);
struct fake_named *fake_service(struct fake *f, const char *name, enum win_service_state state);
struct fake_named *fake_find_service(struct fake *f, const char *name); /* or NULL */
struct fake_named *fake_find_task(struct fake *f, const char *name);    /* or NULL */

/* path under latest/; body NULL: 404. */
void fake_metadata(struct fake *f, const char *path, const char *body);
/* The usual tree of one instance, with a 2048-bit launch key (fake_unseal opens it). */
void fake_metadata_instance(struct fake *f);
/* Opens base64 sealed for the key of fake_metadata_instance; heap text, NULL when it does not. */
char *fake_unseal(const char *base64);

/* Commands that start with `starts` (any case) exit with code, print out, and have an effect. */
void fake_command(struct fake *f, const char *starts, uint32_t code, const char *out,
                  const char *err, void (*effect)(struct win *w, const struct win_run *r));
bool fake_called(const struct fake *f, const char *text);    /* a recorded line holds text */
unsigned fake_count(const struct fake *f, const char *text); /* how many */
/* The position of the first recorded line that holds text; -1: none. For order. */
long fake_when(const struct fake *f, const char *text);

/* one file each, called by fake_new */
void fake_fill_disk(struct win *w);
void fake_fill_file(struct win *w);
void fake_fill_host(struct win *w);
void fake_fill_net(struct win *w);
void fake_fill_reg(struct win *w);
void fake_fill_secret(struct win *w);
void fake_fill_state(struct win *w);
int fake_fails(struct fake *f, const char *row, struct err *e); /* 0, or the injected failure */
void fake_record(struct fake *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct fake_pair *fake_pair_find(struct fake_pair *list, const char *key, const char *name);
struct fake_pair *fake_pair_put(struct fake_pair **list, const char *key, const char *name);
/* below: what lies under that key, too */
void fake_pair_remove(struct fake_pair **list, const char *key, const char *name, bool below);
void fake_pairs_free(struct fake_pair *p);
/* The child of `key` that `path` lies in or is, or NULL. Heap text. */
char *fake_child_of(const char *key, const char *path);
/* One more row of a list of FAKE_MAX, unless it has that name already. */
void fake_name_once(struct win_name *list, size_t *n, const char *name, bool is_dir, size_t size);
