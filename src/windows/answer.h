/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files of Windows Setup (unattend.xml): read, checked, edited, made.
 *
 * Edits keep the file: comments, order, unknown parts, indentation and the form of its line ends
 * stay; only what stands inside a tag (blanks between attributes, kind of quotes) is written anew.
 * New elements go where Setup's order wants them. Written as UTF-8 always.
 *
 * Format and rules: docs/windows/offline.md, "Answer files". Source: Microsoft, "Unattended Windows
 * Setup Reference". */
#pragma once

#include "err.h"

#define ANSWER_BYTES_MAX   MIB(1)
#define ANSWER_PATH_MAX    256  /* of "Component/Element/..." in messages and calls */
#define ANSWER_FAULTS_MAX  32   /* told; more are only counted */
#define ANSWER_COMMAND_MAX 1024 /* characters of a command: Setup refuses longer ones */
#define ANSWER_LIST_MAX    500  /* commands, accounts: numbers go up to 500 */
#define ANSWER_LOCALES     4

enum answer_pass {
    PASS_WINDOWS_PE,
    PASS_OFFLINE_SERVICING,
    PASS_GENERALIZE,
    PASS_SPECIALIZE,
    PASS_AUDIT_SYSTEM,
    PASS_AUDIT_USER,
    PASS_OOBE_SYSTEM,
    PASS_MAX
};

const char *answer_pass_name(enum answer_pass p); /* "oobeSystem" */

struct answer;

/* The file in memory. ERR_INVALID: no well-formed XML, a document type, another root, with the line
 * where; ERR_LIMIT: over ANSWER_BYTES_MAX. Rules are asked by answer_check. */
int answer_parse(const void *p, size_t n, struct answer **ret, struct err *e);
void answer_free(struct answer *a);
DEFINE_FREEP(answer_free, struct answer);
/* The file again; caller frees; a NUL stands behind. ERR_LIMIT: edits made it larger than what is
 * read. */
int answer_render(const struct answer *a, char **ret, size_t *ret_n, struct err *e);

/* --- checking --------------------------------------------------------------------------------- */

struct answer_fault {
    unsigned line;
    bool is_error;              /* Setup would refuse the file; otherwise a thing to know */
    char path[ANSWER_PATH_MAX]; /* "specialize/Microsoft-Windows-Shell-Setup/TimeZone" */
    char text[ANSWER_PATH_MAX]; /* "'UTZ' is no time zone of Windows; 'UTC' is meant?" */
};

struct answer_faults {
    struct answer_fault v[ANSWER_FAULTS_MAX];
    size_t n;      /* of v */
    size_t errors; /* all of them, told or not */
    size_t notes;
};

/* Passes, components, elements, values and order, by the table of what Kiln knows; components it
 * does not know are a note. */
void answer_check(const struct answer *a, struct answer_faults *ret);
/* The same as one error: the first fault with its line, and how many more. */
int answer_require_valid(const struct answer *a, struct err *e);

/* --- reading ---------------------------------------------------------------------------------- */

enum answer_flag { ANSWER_UNSET, ANSWER_FALSE, ANSWER_TRUE };

struct answer_account {
    char *name, *group, *display, *description;
    char *password;         /* clear text; NULL: none given */
    bool password_scrubbed; /* Setup removed it from this copy */
};

struct answer_command {
    uint64_t order;
    char *path;
};

/* What the passes generalize, specialize and oobeSystem ask for; NULL where nothing is said. A
 * later pass wins where two say the same. */
struct answer_settings {
    enum answer_flag persist_devices, keep_absent_devices; /* PnpSysprep */
    char *computer_name;                                   /* "*": a random one */
    enum answer_flag copy_profile;
    char *time_zone;            /* Windows' name */
    char *organization, *owner; /* Registered... */
    char *product_key;
    char *locales[ANSWER_LOCALES]; /* by enum answer_locale */
    char *admin_password;          /* clear text */
    bool admin_password_scrubbed;  /* Setup removed it from this copy */
    enum answer_flag deny_rdp;     /* fDenyTSConnections */
    enum answer_flag rdp_firewall; /* the group "Remote Desktop" let through */
    enum answer_flag no_server_manager;
    struct answer_account *accounts; /* LocalAccounts */
    size_t n_accounts;
    struct answer_command *specialize_commands; /* RunSynchronous, by order */
    size_t n_specialize_commands;
    struct answer_command *logon_commands; /* FirstLogonCommands, by order */
    size_t n_logon_commands;
    char **rest; /* "Component/Element" of specialize and oobeSystem that are not among these */
    size_t n_rest;
};

enum answer_locale { LOCALE_INPUT, LOCALE_SYSTEM, LOCALE_UI, LOCALE_USER };

int answer_read(const struct answer *a, struct answer_settings *ret, struct err *e);
void answer_settings_done(struct answer_settings *s);
#define _cleanup_answer_settings_ _cleanup_(answer_settings_done)

/* --- editing ---------------------------------------------------------------------------------- */

/* Sets the text of component/path ("OOBE/ProtectYourPC") in a pass; what is missing is made, for
 * the architectures that the file has in that component (arch, "amd64", when it has none). */
int answer_set(struct answer *a, enum answer_pass pass, const char *component, const char *path,
               const char *arch, const char *value, struct err *e);
/* Puts a command behind those that the list has, with the next number; one that it has stays. */
int answer_add_command(struct answer *a, enum answer_pass pass, const char *arch,
                       const char *command, const char *description, struct err *e);
/* Forgets that passes were processed (wasPassProcessed), so that Setup takes the file again. */
void answer_rearm(struct answer *a);

/* --- making ----------------------------------------------------------------------------------- */

struct answer_options {
    const char *arch;          /* "amd64" when NULL */
    const char *computer_name; /* "*" when NULL: a random one */
    const char *admin_password;
    const char *locale;    /* all four; "en-US" when NULL */
    const char *keyboard;  /* InputLocale when it differs, "0407:00000407" */
    const char *time_zone; /* "UTC" when NULL */
    const char *product_key;
    const char *organization, *owner;
    const char *const *run;   /* in specialize, as SYSTEM; NULL-terminated */
    const char *const *logon; /* at the first logon; NULL-terminated */
    bool copy_profile;
    bool rdp; /* allow Remote Desktop, and through the firewall */
};

/* Applies the options that are set to an answer file that exists. */
int answer_apply(struct answer *a, const struct answer_options *o, struct err *e);
/* One that asks for nothing. */
int answer_new(struct answer **ret, struct err *e);
/* A whole new one: generalize, specialize, oobeSystem without a question to a person. */
int answer_make(const struct answer_options *o, struct answer **ret, struct err *e);

/* --- words of the values ---------------------------------------------------------------------- */

/* Rules of a computer name for Setup; "*" and "" (random) only if may_be_random. */
int answer_check_name(const char *name, bool may_be_random, struct err *e);
/* "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX" */
int answer_check_key(const char *key, struct err *e);
/* "de-DE", "sr-Latn-RS" */
int answer_check_locale(const char *locale, struct err *e);
/* A name of a Windows time zone; the message names the nearest. */
int answer_check_zone(const char *zone, struct err *e);
