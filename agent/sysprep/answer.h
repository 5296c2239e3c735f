/* SPDX-License-Identifier: Apache-2.0 */
/* Answer files of Windows Setup (namespace urn:schemas-microsoft-com:unattend), edited by their
 * structure: what the agents set is set, all else stays, comments and white space too. */
#pragma once

#include "sysprep/xmlfile.h"

/* Refuses what would make Setup reject the file or leave the machine without a way in: a wrong
 * root, an unknown pass, a component without its attributes or given twice, a switch that is
 * neither true nor false, commands whose order is missing, doubled or whose path is empty or too
 * long. The message has file, line and the word. Settings that we do not know are Microsoft's. */
int answer_check(const struct xmlfile *f, struct err *e);

/* Puts the language tag into InputLocale, SystemLocale, UILanguage and UserLocale of pass
 * oobeSystem, as far as they are there; only_empty: only where nothing stands (v1). Returns the
 * number of changed elements, or negative. */
int answer_set_locale(struct xmlfile *f, const char *tag, bool only_empty, struct err *e);

/* The AdministratorPassword of pass oobeSystem: is there one; set (in clear, as Microsoft's
 * PlainText); take out, 1 or 0 when there was none. */
bool answer_has_password(const struct xmlfile *f);
/* Its text when it stands in clear; heap, wipe it. 1, 0 or negative. */
int answer_get_password(const struct xmlfile *f, char **ret, struct err *e);
int answer_set_password(struct xmlfile *f, const char *password, struct err *e);
int answer_remove_password(struct xmlfile *f);

/* RunSynchronous commands of pass specialize. `part`: text inside the path, letters of either
 * case. NULL: there is none. */
struct xml_node *answer_command(const struct xmlfile *f, const char *part);
/* 1 or 0 when there was none. */
int answer_remove_command(struct xmlfile *f, const char *part);
/* A command in front of or behind all others; orders of the rest are moved by one where needed. */
int answer_add_command(struct xmlfile *f, unsigned order, const char *what, const char *path,
                       struct err *e);

/* Of a working copy for a machine whose administrator shall stay disabled (no password anywhere):
 * the commands still scramble the password, and none of them makes the account active. Returns the
 * number of changed commands, or negative. */
int answer_keep_inactive(struct xmlfile *f, struct err *e);

/* Fills an empty path of the command of order 1 (v1); 1 or 0 when it was not empty. */
int answer_fill_first_command(struct xmlfile *f, const char *path, struct err *e);

/* Whether anything in pass specialize opens Remote Desktop again. */
bool answer_opens_rdp(const struct xmlfile *f);
