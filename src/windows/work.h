/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the actions that change a Windows share: the opened hives, the plan, the options, and short
 * forms of "change this and say so". */
#pragma once

#include "answer.h"
#include "dialect.h"
#include "inspect-priv.h"
#include "sam.h"
#include "windows.h"

struct work {
    struct windows *w;
    const struct windows_options *o;
    struct win_plan *p;
    struct inspect i; /* strict: all four hives are there */
    struct hives *h;
    struct regf *system, *software, *sam, *security;
    const struct control_sets *sets;
    struct win_tree *os;
    const struct dialect *dialect; /* NULL: none asked for */
};

int work_open(struct work *k, struct windows *w, const struct windows_options *o,
              struct win_plan *p, struct err *e);
/* Writes the changed hives; the plan is checked. */
int work_save(struct work *k, struct err *e);
void work_done(struct work *k);

/* In every control set; path is below ControlSetNNN. What is not there is no row. */
int each_set_value_delete(struct work *k, const char *path, const char *const *names,
                          const char *what, struct err *e);
int each_set_key_delete(struct work *k, const char *path, const char *what, struct err *e);
int each_set_text(struct work *k, const char *path, const char *name, const char *text,
                  const char *what, struct err *e);
int each_set_dword(struct work *k, const char *path, const char *name, uint32_t v, const char *what,
                   struct err *e);

/* One hive (name: for the rows). Absent keys and values are no row. */
int value_delete(struct work *k, struct regf *h, const char *hive, const char *path,
                 const char *const *names, const char *what, struct err *e);
int key_delete(struct work *k, struct regf *h, const char *hive, const char *path, const char *what,
               struct err *e);
/* Deletes all subkeys of a key. */
int key_empty(struct work *k, struct regf *h, const char *hive, uint32_t base, const char *path,
              const char *what, struct err *e);
/* Sets an existing or new text; before and after are in the row unless secret. */
int text_set(struct work *k, struct regf *h, const char *hive, const char *path, const char *name,
             const char *text, const char *what, struct err *e);
int dword_set(struct work *k, struct regf *h, const char *hive, const char *path, const char *name,
              uint32_t v, const char *what, struct err *e);

/* Steps of their own, each with its rows. */
int clean_registry(struct work *k, struct err *e);
int clean_network(struct work *k, struct err *e);
int clean_files(struct work *k, struct err *e);
int clean_logs(struct work *k, struct err *e);
/* Boot disk drivers that StartOverride keeps from starting on another controller. */
int clean_start_overrides(struct work *k, struct err *e);
/* The options' driver files; *ret_pnputil: the first boot has to install the rest. */
int inject_drivers(struct work *k, bool *ret_pnputil, struct err *e);
#define DRIVERS_COMMAND "pnputil.exe -i -a C:\\Windows\\Drivers\\VirtIO\\*.inf"
/* Names the machine everywhere; name NULL or "*": a random one. */
int rename_machine(struct work *k, const char *name, struct err *e);
int leave_domain(struct work *k, struct err *e);
int change_machine_sid(struct work *k, struct err *e);
/* Local users from RID 1000 on with their profiles, and profiles of users of domains. */
int drop_users(struct work *k, bool keep_administrator, struct err *e);
/* Files, agent, settings, serial console: what prepare and specialise share. */
int put_user_files(struct work *k, struct err *e);
int install_agent(struct work *k, struct err *e);
int set_serial_console(struct work *k, struct err *e);
struct answer_options answer_options_of(const struct windows_options *o);
/* Language and formats, keyboard, display language; NULL: as it is. */
struct locale_wish {
    const char *user, *system, *ui, *input;
};
int set_locale(struct work *k, const struct locale_wish *l, struct err *e);
int set_time_zone(struct work *k, const char *zone, struct err *e);
/* Remote Desktop allowed, and let through the firewall. */
int allow_rdp(struct work *k, struct err *e);
/* Passwords, and the accounts that an answer file asks for. */
int set_accounts(struct work *k, const struct answer_settings *s, struct err *e);
/* The Administrator's profile becomes the one that new users begin with. */
int copy_profile(struct work *k, struct err *e);
/* What only a running Windows can do, one row each. */
void list_undone(struct work *k);
