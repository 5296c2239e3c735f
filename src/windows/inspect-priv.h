/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One look at a Windows: what the files of inspect*.c and refuse.c share. */
#pragma once

#include <jansson.h>

#include "hives.h"
#include "setup-state.h"
#include "windows.h"

struct inspect {
    struct windows *w;
    struct win_tree *os;
    struct hives *h;
    struct regf *system, *software, *sam, *security; /* NULL: not there, or not readable */
    struct control_sets sets;                        /* n 0: none */
    struct setup_markers setup;
    json_t *doc, *notes;
};

/* Opens the four hives; what cannot be opened becomes a note, or an error when strict. */
int inspect_open(struct inspect *i, struct windows *w, bool strict, struct err *e);
void inspect_done(struct inspect *i);

/* JSON with what a disk may hold: text that is no UTF-8 is shown with '?'. NULL is left out. */
void put_text(json_t *o, const char *key, const char *text);
void put_take(json_t *o, const char *key, char *text); /* takes it */
void put_uint(json_t *o, const char *key, uint64_t v);
void put_bool(json_t *o, const char *key, bool v);
json_t *put_object(json_t *o, const char *key);
json_t *put_array(json_t *o, const char *key);
void append_text(json_t *array, const char *text);
void inspect_note(struct inspect *i, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Text of a value below a path of a hive: NULL when the hive, key or value is absent. */
char *look_text(const struct regf *h, uint32_t base, const char *path, const char *value);
uint32_t look_dword(const struct regf *h, uint32_t base, const char *path, const char *value,
                    uint32_t otherwise);

/* Each adds its section to the document. */
int inspect_source(struct inspect *i, struct err *e);
int inspect_version(struct inspect *i, struct err *e);
int inspect_identity(struct inspect *i, struct err *e);
int inspect_users(struct inspect *i, struct err *e);
int inspect_agents(struct inspect *i, struct err *e);
int inspect_drivers(struct inspect *i, struct err *e);
int inspect_state(struct inspect *i, struct err *e);
int inspect_logs(struct inspect *i, struct err *e);
int inspect_hives(struct inspect *i, struct err *e);
int inspect_actions(struct inspect *i, struct err *e); /* what could be done with it */

#define NT_KEY "Microsoft\\Windows NT\\CurrentVersion"

/* ---- facts that the refuse list asks for as well --------------------------------------------- */

/* The build number, 0 when unknown. */
unsigned fact_build(const struct inspect *i);
bool fact_is_server(const struct inspect *i);
bool fact_is_domain_controller(const struct inspect *i);
/* DNS or NetBIOS name of the domain that it is a member of; NULL: a workgroup. Caller frees. */
char *fact_domain(const struct inspect *i);
/* "Entra ID (Azure AD)", "an MDM server" or NULL. */
const char *fact_cloud_joined(const struct inspect *i);
/* The first sign of servicing that waits for a boot, or NULL; caller frees. */
int fact_pending_servicing(const struct inspect *i, char **ret, struct err *e);
/* The first installed role with an identity of its own, or NULL. */
const char *fact_role_with_identity(const struct inspect *i);
/* What an earlier offline generalise left behind, so that specialise may disarm Setup; else NULL.
 */
char *fact_generalised_by_us(const struct inspect *i);
/* SYSTEM\ControlSetNNN\Services\name is there. */
bool fact_has_service(const struct inspect *i, const char *name);
#define KILN_KEY "Kiln" /* in SOFTWARE: what Kiln has done to this Windows */
