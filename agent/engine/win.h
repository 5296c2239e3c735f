/* SPDX-License-Identifier: Apache-2.0 */
/* All of Windows that the agents call, as one table. Whatever decides anything takes a struct win *
 * and is portable; win-*.c fill the table with the real thing, fake.c with one that records. Text
 * is UTF-8, paths are Windows paths, failures are told in struct err: nothing above knows a Windows
 * code. Rules for every row:
 *   - 0 or a negative errno; predicates and lookups 1 (there), 0 (not there) or negative;
 *   - ret_ arrays and texts are heap memory of plain data: one free() releases them; on failure and
 *     for "not there" they are untouched;
 *   - a row never retries and never logs: the callers decide.
 * Several Windows calls answer success without doing anything (Wine's stubs do), so rows that
 * change something important read it back; tests look at the effect. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define WIN_NAME_MAX 128 /* names of accounts, services, devices, with the NUL */
#define WIN_PATH_MAX 520 /* paths inside the structs below */
#define WIN_ADDR_MAX 46  /* an IPv4 or IPv6 address as text */
#define WIN_KEY_MAX  260 /* registry names */

struct win;
struct win_sock; /* a TCP connection */
struct win_port; /* an open serial port */

/* Registry. A key is "HKLM\...", "HKU\..." or "HKCU\...", always the 64-bit view. */
enum win_reg_type {
    WIN_REG_TEXT,
    WIN_REG_U32,
    WIN_REG_U64,
    WIN_REG_MULTI,
    WIN_REG_BYTES,
    WIN_REG_TYPE_MAX
};

struct win_reg {
    enum win_reg_type type;
    uint64_t number; /* U32, U64 */
    size_t len;      /* bytes in data, without the NUL behind them */
    char data[]; /* TEXT and EXPAND_SZ as UTF-8; MULTI: lines ended by '\n'; BYTES as they are */
};

struct win_name {
    char name[WIN_KEY_MAX];
    bool is_dir;
    uint64_t size_bytes;
    uint64_t modified_ms; /* Unix time; files only */
};

/* Local accounts. Flags as "net user" words them. */
enum {
    WIN_ACCOUNT_DISABLED = 1,         /* /ACTIVE:NO */
    WIN_ACCOUNT_PASSWORD_NOT_REQ = 2, /* /PASSWORDREQ:NO */
    WIN_ACCOUNT_EXPIRES = 4,          /* has an expiry date; clearing it is /EXPIRES:NEVER */
    WIN_ACCOUNT_MUST_CHANGE = 8,      /* /LOGONPASSWORDCHG:YES */
    WIN_ACCOUNT_KEEPS_PASSWORD = 16,  /* the password never expires */
};

struct win_account {
    char name[WIN_NAME_MAX];
    uint32_t rid;   /* last part of the SID; 500 = the built-in administrator */
    unsigned flags; /* WIN_ACCOUNT_* */
};

enum win_service_state {
    WIN_SERVICE_ABSENT,
    WIN_SERVICE_STOPPED,
    WIN_SERVICE_STARTING,
    WIN_SERVICE_STOPPING,
    WIN_SERVICE_RUNNING,
    WIN_SERVICE_OTHER,
    WIN_SERVICE_STATE_MAX
};
enum win_service_start { WIN_START_AUTO, WIN_START_DEMAND, WIN_START_DISABLED, WIN_START_MAX };

struct win_service {
    const char *name, *display, *description;
    const char *command;    /* quoted path and arguments */
    const char *depends_on; /* one service, or NULL */
    enum win_service_start start;
    bool restart_on_failure;
};

struct win_adapter {
    uint32_t index;          /* of the interface */
    char name[WIN_NAME_MAX]; /* friendly name */
    char what[WIN_NAME_MAX]; /* description of the device */
    char guid[40];           /* "{...}" */
    char mac[18];            /* aa:bb:cc:dd:ee:ff */
    bool up, ethernet;
    uint32_t metric4, metric6;   /* of the interface */
    char ip4[WIN_ADDR_MAX];      /* first address or "" */
    char gateway4[WIN_ADDR_MAX]; /* last default gateway or "" */
    char gateway6[WIN_ADDR_MAX];
    char suffix[256]; /* DNS suffix of the connection */
};

struct win_route {
    char dest[WIN_ADDR_MAX]; /* IPv4 or IPv6; the family follows from the text */
    unsigned prefix;
    char gateway[WIN_ADDR_MAX]; /* "0.0.0.0" or "::" = on link */
    uint32_t index;             /* interface */
    uint32_t metric;
    bool persistent;
};

enum win_disk_style { WIN_DISK_RAW, WIN_DISK_MBR, WIN_DISK_GPT, WIN_DISK_STYLE_MAX };

struct win_disk {
    uint32_t number;
    uint64_t size_bytes;
    char model[64], serial[64];
    char device[32]; /* the controller's word for it ("sdf"), or "" */
    bool nvme;
    uint8_t scsi_target;
    enum win_disk_style style;
    unsigned partitions; /* in use, MSR not counted */
    bool offline, readonly;
    bool start_is_zero; /* the first 4 KiB */
    bool clustered;     /* reserved by another node */
};

struct win_volume {
    char path[64]; /* \\?\Volume{...}\ */
    char letter;   /* 'C', or 0 */
    char label[64];
    char fs[16]; /* "NTFS", "RAW" or "" */
    uint32_t disk;
    uint64_t offset_bytes, size_bytes, free_bytes;
};

struct win_zone {
    char key[WIN_NAME_MAX];      /* "UTC", "W. Europe Standard Time" */
    char standard[WIN_NAME_MAX]; /* shown name of the standard time */
    int32_t offset_minutes;      /* now, east positive */
};

/* Levels as Windows numbers them in its newer logs. */
enum win_event_level {
    WIN_EVENT_ANY = 0,
    WIN_EVENT_ERROR = 2,
    WIN_EVENT_WARNING = 3,
    WIN_EVENT_INFO = 4
};

struct win_event {
    char source[WIN_NAME_MAX];
    enum win_event_level level;
    uint64_t time_ms; /* Unix time */
    char message[1024];
};

struct win_run {
    const char *command; /* a whole command line, quoted by win_quote() where outside text enters */
    const char *folder;  /* working folder, or NULL */
    const char *out_path; /* standard output, a file that is made new; NULL: nowhere */
    const char *err_path;
    const char *user; /* batch logon, or NULL for our own account */
    const char *password;
    void (*started)(void *ctx, uint32_t pid); /* before it is waited for; may be NULL */
    void *ctx;
    bool detach;         /* do not wait; it survives us */
    uint32_t timeout_ms; /* 0: none; afterwards the whole tree of processes is ended */
};

struct win_driver {
    char name[WIN_NAME_MAX];
    char version[32];
    char provider[WIN_NAME_MAX];
    char inf[64];
    bool net; /* a network adapter; otherwise a storage controller or a disk */
};

struct win_system {
    uint32_t sku; /* GetProductInfo */
    uint32_t major, minor, build;
    char language[16]; /* "en-US" */
    char arch[16];     /* "AMD64" */
    uint64_t memory_bytes;
    uint32_t processors;
    bool server; /* not a workstation product */
};

struct win_cert {
    char subject[256];   /* without "CN=" */
    char thumbprint[41]; /* 40 upper-case hex digits */
};

/* Where on the PCI bus the console's serial device sits (from SPCR). */
struct win_pci {
    uint16_t vendor, device;
    uint8_t segment, bus, slot, function;
};

enum win_protect {
    WIN_PROTECT_ADMINS, /* SYSTEM and Administrators full, nobody else */
    WIN_PROTECT_READ,   /* the same, Users read and execute */
    WIN_PROTECT_MAX
};

struct win_picture {
    const char *base_path;     /* .jpg or .bmp; NULL or unreadable: plain navy */
    const char *out_path;      /* written as .bmp or .jpg by its extension */
    const char *const *labels; /* n of each, drawn white, right-aligned, from the top */
    const char *const *values;
    size_t n;
};

enum win_task_state { WIN_TASK_ABSENT, WIN_TASK_DISABLED, WIN_TASK_ENABLED, WIN_TASK_STATE_MAX };

struct win {
    /* registry */
    int (*reg_get)(struct win *w, const char *key, const char *name, struct win_reg **ret,
                   struct err *e); /* 1, 0 */
    int (*reg_set_text)(struct win *w, const char *key, const char *name, const char *text,
                        struct err *e); /* makes the key */
    int (*reg_set_u32)(struct win *w, const char *key, const char *name, uint32_t v, struct err *e);
    int (*reg_delete)(struct win *w, const char *key, const char *name,
                      struct err *e); /* name NULL: the key with all below; absent is success */
    int (*reg_has_key)(struct win *w, const char *key, struct err *e); /* 1, 0 */
    int (*reg_keys)(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                    struct err *e); /* names of subkeys; an absent key has none */
    int (*reg_values)(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                      struct err *e); /* names of values */

    /* accounts */
    int (*accounts)(struct win *w, struct win_account **ret, size_t *ret_n, struct err *e);
    int (*account_set_password)(struct win *w, const char *name, const char *password,
                                struct err *e);
    int (*account_set_flags)(struct win *w, const char *name, unsigned clear, unsigned set,
                             struct err *e);
    int (*account_rename)(struct win *w, const char *name, const char *to, struct err *e);
    int (*password_min_length)(struct win *w, unsigned *ret, struct err *e); /* group policy */

    /* services and scheduled tasks */
    int (*service_state)(struct win *w, const char *name, enum win_service_state *ret,
                         struct err *e); /* absent is an answer */
    int (*service_missed)(struct win *w, const char *name,
                          struct err *e); /* 1: it is to start with Windows, does not run, and
                                             nobody has stopped it; 0 */
    int (*service_start)(struct win *w, const char *name, struct err *e);
    int (*service_stop)(struct win *w, const char *name, struct err *e);
    int (*service_set_start)(struct win *w, const char *name, enum win_service_start how,
                             struct err *e);
    int (*service_install)(struct win *w, const struct win_service *s, struct err *e);
    int (*service_delete)(struct win *w, const char *name, struct err *e); /* absent is success */
    int (*task_install)(struct win *w, const char *name, const char *xml, struct err *e);
    int (*task_state)(struct win *w, const char *name, enum win_task_state *ret, struct err *e);
    int (*task_enable)(struct win *w, const char *name, bool on, struct err *e);
    int (*task_delete)(struct win *w, const char *name, struct err *e); /* absent is success */

    /* network */
    int (*adapters)(struct win *w, struct win_adapter **ret, size_t *ret_n, struct err *e);
    int (*route_delete)(struct win *w, const struct win_route *r,
                        struct err *e); /* any gateway, active and persistent; absent: success */
    int (*route_add)(struct win *w, const struct win_route *r, struct err *e);
    int (*computer_name)(struct win *w, char **ret, struct err *e); /* after the next restart */
    int (*computer_set_name)(struct win *w, const char *name, struct err *e);
    int (*net_connect)(struct win *w, const char *address, uint16_t port, uint32_t timeout_ms,
                       struct win_sock **ret, struct err *e);
    int (*net_send)(struct win *w, struct win_sock *s, const void *p, size_t n, struct err *e);
    int (*net_recv)(struct win *w, struct win_sock *s, void *p, size_t n, uint32_t timeout_ms,
                    size_t *ret_n, struct err *e); /* *ret_n 0: the peer has closed */
    void (*net_close)(struct win *w, struct win_sock *s);

    /* disks */
    int (*disks)(struct win *w, struct win_disk **ret, size_t *ret_n, struct err *e);
    int (*volumes)(struct win *w, struct win_volume **ret, size_t *ret_n, struct err *e);
    int (*disk_online)(struct win *w, uint32_t disk, struct err *e); /* clears readonly, too */
    int (*disk_partition)(struct win *w, uint32_t disk, enum win_disk_style style,
                          struct err *e); /* one partition over all of it; GPT: with an MSR */
    int (*disk_extend)(struct win *w, char letter, uint64_t *ret_grown_bytes,
                       struct err *e); /* into the free space behind it */
    int (*volume_format)(struct win *w, const struct win_volume *v, const char *label,
                         struct err *e); /* NTFS, quick */
    int (*volume_set_letter)(struct win *w, const struct win_volume *v, char letter, struct err *e);
    int (*volume_set_label)(struct win *w, const struct win_volume *v, const char *label,
                            struct err *e);

    /* time */
    uint64_t (*now_ms)(struct win *w);  /* Unix time, UTC */
    uint64_t (*tick_ms)(struct win *w); /* never goes back */
    void (*sleep_ms)(struct win *w, uint32_t ms);
    int (*zone)(struct win *w, struct win_zone *ret, struct err *e);
    int (*zone_set)(struct win *w, const char *key, struct err *e);

    /* event log */
    int (*event_write)(struct win *w, const char *log, const char *source, uint32_t id,
                       enum win_event_level level, const char *text, struct err *e);
    int (*events)(struct win *w, const char *log, const char *source, enum win_event_level level,
                  size_t max, struct win_event **ret, size_t *ret_n,
                  struct err *e); /* the newest, oldest first; source NULL: any */

    /* power and processes */
    int (*power_off)(struct win *w, bool restart, const char *why, struct err *e);
    int (*monitor_always_on)(struct win *w, struct err *e);
    int (*hibernation)(struct win *w, bool on, struct err *e);
    int (*run)(struct win *w, const struct win_run *r, uint32_t *ret_pid, uint32_t *ret_exit,
               struct err *e); /* *ret_exit is 0 for a detached one */
    int (*run_all)(struct win *w, void (*fn)(void *arg), void *const *args, size_t n,
                   struct err *e); /* fn(args[i]) at the same time; returns when all have ended */
    int (*ancestors)(struct win *w, struct win_name **ret, size_t *ret_n,
                     struct err *e); /* file names of our parent, its parent, ... */
    bool (*is_admin)(struct win *w);
    void (*settle)(struct win *w); /* a long wait begins: memory that only work needs goes back */

    /* serial port and firmware */
    int (*port_open)(struct win *w, const char *name, struct win_port **ret,
                     struct err *e); /* "COM1", alone, 115200 8N1; -EBUSY, -ENOENT */
    int (*port_write)(struct win *w, struct win_port *p, const void *data, size_t n,
                      struct err *e); /* all of it and flushed */
    void (*port_close)(struct win *w, struct win_port *p);
    int (*firmware_table)(struct win *w, const char *name, void **ret, size_t *ret_n,
                          struct err *e); /* ACPI, "SPCR"; 1, 0 */
    int (*port_of_pci)(struct win *w, const struct win_pci *at, char **ret,
                       struct err *e); /* "COM3"; 1, 0 */

    /* files */
    int (*file_read)(struct win *w, const char *path, size_t max, char **ret, size_t *ret_n,
                     struct err *e); /* with a NUL behind; -ENOENT, -EFBIG */
    int (*file_write)(struct win *w, const char *path, const void *p, size_t n,
                      struct err *e); /* afterwards the old or the new content, with the access list
                                         that file_protect gave the old one; makes folders */
    int (*file_append)(struct win *w, const char *path, const void *p, size_t n, struct err *e);
    int (*file_delete)(struct win *w, const char *path, struct err *e); /* absent is success */
    int (*file_rename)(struct win *w, const char *from, const char *to, struct err *e);
    int (*file_stat)(struct win *w, const char *path, struct win_name *ret,
                     struct err *e); /* 1, 0; ret->name is the last part */
    int (*file_protect)(struct win *w, const char *path, enum win_protect how, struct err *e);
    int (*dir_make)(struct win *w, const char *path, struct err *e); /* with parents */
    int (*dir_list)(struct win *w, const char *path, struct win_name **ret, size_t *ret_n,
                    struct err *e); /* an absent folder is empty */
    int (*dir_delete)(struct win *w, const char *path, struct err *e);      /* with all below */
    int (*env)(struct win *w, const char *name, char **ret, struct err *e); /* 1, 0 */
    int (*program_path)(struct win *w, char **ret, struct err *e);          /* of our .exe */
    int (*shortcut_write)(struct win *w, const char *path, const char *target, const char *args,
                          struct err *e);

    /* secrets */
    int (*random)(struct win *w, void *p, size_t n, struct err *e);
    int (*rsa_encrypt)(struct win *w, const void *exponent, size_t exponent_n, const void *modulus,
                       size_t modulus_n, const void *p, size_t n, void *ret,
                       struct err *e); /* PKCS#1 v1.5; writes modulus_n bytes */
    int (*protect)(struct win *w, const void *p, size_t n, void **ret, size_t *ret_n,
                   struct err *e); /* sealed for this machine */
    int (*unprotect)(struct win *w, const void *p, size_t n, void **ret, size_t *ret_n,
                     struct err *e);
    int (*certificate)(struct win *w, struct win_cert *ret, struct err *e); /* of RDP; 1, 0 */
    int (*certificate_make)(struct win *w, const char *subject, struct win_cert *ret,
                            struct err *e); /* self-signed, bound to the RDP listener */

    /* text of programs without Unicode: n bytes in the code page of consoles, as UTF-8 */
    int (*console_text)(struct win *w, const char *p, size_t n, char **ret, struct err *e);

    /* the machine and its picture */
    int (*system)(struct win *w, struct win_system *ret, struct err *e);
    int (*drivers)(struct win *w, struct win_driver **ret, size_t *ret_n, struct err *e);
    int (*picture_draw)(struct win *w, const struct win_picture *p, struct err *e);
    int (*picture_set)(struct win *w, const char *path, struct err *e); /* as our wallpaper */
};

/* The real table; only in the Windows build. */
struct win *win_real(void);

/* ---- small portable helpers over the table (win.c) ---- */

/* Text or number from the registry: 1 and a fresh text / the number, 0 when absent or of another
 * type (a number is also told as text, in decimal). */
int win_reg_text(struct win *w, const char *key, const char *name, char **ret, struct err *e);
int win_reg_u32(struct win *w, const char *key, const char *name, uint32_t *ret, struct err *e);

/* Replaces %NAME% by the environment; an unknown name stays as it is. Heap text or NULL with *e. */
char *win_expand(struct win *w, const char *text, struct err *e);

/* Writes what only SYSTEM and Administrators may read: nobody else could at any time. */
int win_file_write_private(struct win *w, const char *path, const void *p, size_t n, struct err *e);

/* Quoted so that CommandLineToArgvW and the C runtime give back `arg`. Heap text, NULL: no memory.
 */
char *win_quote(const char *arg);

/* The reverse, for a whole command line: the program's name, then its arguments, by the rules of
 * the C runtime. (CommandLineToArgvW would load the shell.) A fresh NULL-ended array of fresh
 * texts, or NULL: no memory. */
char **win_split(const char *line, int *ret_n);
void win_split_free(char **argv); /* accepts NULL */

/* Starts `"<program>" <arguments>`; program may hold %NAME%, what comes from outside is quoted in
 * arguments. wait: until it ends, two minutes at most; a failure is told with its exit code. */
int win_start(struct win *w, const char *program, const char *arguments, bool wait, struct err *e);

/* Runs and returns what it printed (at most 64 KiB); *ret_exit is its exit code. */
int win_capture(struct win *w, const char *command, char **ret_text, uint32_t *ret_exit,
                struct err *e);

/* What a program has printed as UTF-8: UTF-8 and UTF-16 are told by themselves, a line that is
 * neither is in the code page of consoles (cmd and PowerShell 5 write so). Heap text. */
int win_output_text(struct win *w, const char *raw, size_t n, char **ret, struct err *e);

/* The account whose SID ends in -500; -ENOENT when there is none. Heap text. */
int win_admin_name(struct win *w, char **ret, struct err *e);

/* What the agents' `net user <name> /ACTIVE:YES /LOGONPASSWORDCHG:NO /EXPIRES:NEVER
 * /PASSWORDREQ:YES` does. */
int win_account_open(struct win *w, const char *name, struct err *e);
