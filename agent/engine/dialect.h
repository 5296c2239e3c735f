/* SPDX-License-Identifier: Apache-2.0 */
/* The three agents differ in words, names and places; those are data here, and the engine has no
 * `if (v2)` where a row will do. Sources: the launch agents' user guides and public logs, collected
 * in docs/agents/. */
#pragma once

#include "lib/util.h"

enum dialect_id { DIALECT_V2, DIALECT_V1, DIALECT_CONFIG, DIALECT_MAX };

/* How a log line begins. */
enum log_form {
    LOG_FORM_LEVEL,     /* "yyyy-MM-dd HH:mm:ss.fff Info: text"       EC2Launch v2 */
    LOG_FORM_STAMP,     /* "yyyy/MM/dd HH:mm:ssZ: text", UTF-16LE     EC2Launch v1 */
    LOG_FORM_COMPONENT, /* "yyyy-MM-ddTHH:mm:ss.fffZ: comp: text"     EC2Config */
    LOG_FORM_MAX
};

/* How a computer name is made of the private IPv4 address. */
enum name_form {
    NAME_FORM_IP_LOWER,
    /* ip-0a000105 */ NAME_FORM_IP_UPPER, /* IP-0A000105 */
    NAME_FORM_MAX
};

struct dialect {
    enum dialect_id id;
    const char *name;          /* "EC2Launch v2" */
    const char *service;       /* NULL: a scheduled task starts it */
    const char *root;          /* data folder, with %NAME% */
    const char *programs;      /* folder of the programs, with %NAME% */
    const char *log_path;      /* main log, with %NAME% */
    const char *user_log_path; /* of user data; NULL: the main one */
    enum log_form log_form;
    uint64_t log_max_bytes; /* rotated beyond; 0: never */
    bool log_backup;        /* keep one "<name>-<yyyy-MM-ddTHH-mm-ss.mmm>.log" */

    /* console */
    const char *setup_busy;         /* one %s: the ImageState; said once while Setup runs */
    const char *setup_still;        /* one %s: log only, each minute */
    const char *setup_done;         /* when Setup has finished */
    const char *const *setup_after; /* further lines behind it; ends with NULL */
    bool setup_done_always;         /* also when the first look found it finished */
    const char *waiting;            /* for metadata */
    const char *waiting_still;      /* NULL: said once */
    const char *available;
    const char *ready;
    const char *launch;    /* one %s: version */
    bool launch_after_ids; /* v1's order */
    const char *restarting;
    const char *telemetry;     /* word before its fields; NULL: it has none */
    const char *telemetry_log; /* with %NAME% */

    /* metadata */
    bool metadata_v1_fallback;
    uint32_t metadata_poll_ms, metadata_say_ms, metadata_limit_ms;

    /* routes */
    const char *const *routes4; /* /32, ends with NULL */
    const char *const *routes6; /* /128 */
    bool routes_persistent, routes_on_link;
    bool routes_nic_by_mac;

    /* administrator */
    unsigned password_length;
    enum name_form name_form;

    /* disks */
    char ebs_first_letter;      /* counts up */
    char store_first_letter;    /* counts down */
    bool store_label_by_number; /* "Temporary Storage 0", else by letter */
    uint64_t gpt_from_bytes;

    /* user data */
    bool tags_any_case;      /* <PowerShell> counts */
    bool tags_once;          /* a tag that occurs twice counts as absent */
    const char *work_folder; /* with %NAME%; '*' becomes random digits */
    bool work_folder_kept;   /* one for all, a folder of the installation */
    bool work_folder_shared; /* a folder of the installation: it keeps its own rules */
    bool script_utf16;       /* the PowerShell file; else UTF-8 with a byte order mark */
    const char *script_batch, *script_powershell, *script_out, *script_err; /* file names */
    const char *program_inputs; /* file name for what executeProgram was given, or NULL */
    const char *script_copies;  /* folder for a copy of each script, with %NAME%, or NULL */
};

const struct dialect *dialect_get(enum dialect_id id);
#define AGENT_KMS_KEY                                                                              \
    "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"
#define AGENT_POWERSHELL "%SystemRoot%\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
