/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln, the command: one table of verbs from which parsing, --help, the manual page and completion
 * come; one file per verb family. A client of the EC2 Query API like any other; only the console's
 * socket, the credentials file and "store" look below KILN_HOME. */
#pragma once

#include <jansson.h>

#include "err.h"

#define CLI_OPTS_MAX  64
#define CLI_ARGS_MAX  256
#define CLI_TEXT_MAX  MIB(4) /* ceiling of any text that is built */
#define CLI_HOME      "/var/lib/kiln"
#define CLI_ENDPOINT  "http://127.0.0.1:8773"
#define CLI_REGION    "us-east-1"
#define CLI_MACHINE   "t3.medium" /* launch without --type */
#define CLI_CODE_MAX  96
#define CLI_FIELD_MAX 512

/* Exit statuses, part of the interface. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3,
    CLI_INTERRUPTED = 130, /* ^C; what was asked for goes on */
};

struct cli;

struct cli_option {
    const char *name;    /* "--name" */
    const char *value;   /* "NAME"; NULL: a flag */
    const char *choices; /* "windows|linux"; NULL: anything */
    bool many;           /* may be given several times */
    bool required;
    bool rest;        /* its value and all words behind it, whatever they look like, are c->rest */
    const char *help; /* a sentence */
};

struct cli_verb {
    const char *name;  /* "image create" */
    const char *alias; /* another name for it, or NULL */
    const char *args;  /* "INSTANCE…" as the synopsis shows it; "" for none */
    unsigned min_args, max_args;
    const char *complete; /* what the arguments are, for completion: "instances", "files", words "a
                             b"; NULL: nothing */
    const struct cli_option *options; /* ends with { 0 }; NULL: none */
    const char *summary;              /* one sentence */
    const char *help;                 /* more, in paragraphs; "" for none */
    int (*run)(struct cli *c, struct err *e);
};

struct cli_config {
    char home[CLI_FIELD_MAX];
    char endpoint[CLI_FIELD_MAX];
    char region[64];
    char access_key[CLI_FIELD_MAX];
    char secret[CLI_FIELD_MAX]; /* never printed but by "kiln env" */
};

struct cli_given {
    const struct cli_option *opt;
    const char *value;
};

struct cli {
    const struct cli_verb *verb;
    struct cli_given opts[CLI_OPTS_MAX];
    size_t n_opts;
    const char *args[CLI_ARGS_MAX];
    size_t n_args;
    char **rest; /* behind an option that takes the rest; NULL at the end; NULL: not given */
    bool json, want_help, want_version;
    enum cli_exit exit;      /* of a failure; CLI_OK: CLI_FAILED */
    int status;              /* of a success: that of a command that was run */
    char code[CLI_CODE_MAX]; /* EC2's code of the last failed request; "" */
    struct cli_config cfg;
    bool configured;
    void *curl; /* kept, so that polling uses one connection */
};

/* Reads the command line into c. Arguments are borrowed. */
int cli_parse(struct cli *c, int argc, char **argv, struct err *e);
/* The whole program; returns the exit status. */
int cli_main(int argc, char **argv);

/* Of the options given: NULL / false when absent. */
const char *cli_opt(const struct cli *c, const char *name);
bool cli_flag(const struct cli *c, const char *name);
const char *cli_opt_at(const struct cli *c, const char *name, size_t i); /* the i-th, or NULL */

/* A mistake of the caller: exit status 2, and a hint to --help. */
int cli_usage(struct cli *c, struct err *e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- the table ------------------------------------------------------------------------------- */

extern const struct cli_option cli_globals[]; /* options that every verb takes; ends with { 0 } */

/* NULL at the end. */
const struct cli_verb *cli_verb_at(size_t i);
/* By its words, of which *ret_used belong to the name; NULL: no such verb. */
const struct cli_verb *cli_verb_find(const char *const *words, size_t n, size_t *ret_used);
/* Is word the first of a family ("image")? */
bool cli_verb_is_family(const char *word);

/* ---- texts from the table -------------------------------------------------------------------- */

struct str;
void help_overview(struct str *s);
void help_family(struct str *s, const char *family);
void help_verb(struct str *s, const struct cli_verb *v);
void help_scdoc(struct str *s); /* the verbs' section of kiln(1) */
void help_scdoc_globals(struct str *s);
void help_completion(struct str *s); /* bash */

/* ---- configuration --------------------------------------------------------------------------- */

/* Options, environment, credentials file, in this order. ignore_env: for "kiln env". */
int config_load(struct cli *c, bool ignore_env, struct err *e);
/* KILN_HOME alone: needs no file. */
int config_home(struct cli *c, struct err *e);

/* ---- output ---------------------------------------------------------------------------------- */

/* One document on stdout; steals doc. */
int out_json(json_t *doc, struct err *e);
/* Ids of an array of records, one a line, or {"key":[…]} with --json. */
int out_records(struct cli *c, const char *key, json_t *records, struct err *e);
int out_flush(struct err *e);
