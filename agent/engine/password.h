/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's password: made, set, sealed for the owner of the launch key, and forgotten.
 * The clear text lives in memory only and is wiped when done. */
#pragma once

#include "engine/imds.h"
#include "engine/win.h"

#define PASSWORD_LENGTH  32U
#define PASSWORD_MAX     127U
#define PASSWORD_KEY_MAX 2048U /* bytes of a modulus: RSA 16384 */

/* length characters, each an independent uniform choice of the 73 allowed ones, at least three of
 * the four classes. ret holds length + 1 bytes. */
int password_generate(struct win *w, size_t length, char *ret, struct err *e);
/* Three of: upper, lower, digit, other; and at least min characters. */
bool password_is_good(const char *text, size_t min);
/* Whether Windows takes this as the name of an account. */
bool password_account_is_good(const char *name);

struct password_key {
    uint8_t exponent[8], modulus[PASSWORD_KEY_MAX];
    size_t exponent_n, modulus_n;
};
/* "ssh-rsa <base64> [comment]". -ENOTSUP for another type of key (kind ERR_INVALID names it),
 * -EINVAL when it is damaged or weaker than 1024 bits. */
int password_key_parse(const char *line, struct password_key *ret, struct err *e);
/* RSA PKCS#1 v1.5 of the UTF-8 bytes, as base64 on one line. Heap text. */
int password_seal(struct win *w, const struct password_key *key, const char *password, char **ret,
                  struct err *e);

struct password_order {
    const char *account; /* NULL or "": whoever has the SID -500 */
    const char *given;   /* used when good enough, else a random one; NULL: random */
    size_t length;       /* of a random one; the policy's minimum when that is more */
};

struct password_done {
    char account[WIN_NAME_MAX];
    char clear[PASSWORD_MAX + 1]; /* for user data that runs as the administrator */
    char *sealed;                 /* NULL: no key pair, or a key that cannot seal */
    bool given_refused;           /* `given` broke the rules, a random one was set */
    struct err no_seal;           /* why sealed is NULL although there is a key; no == 0: no key */
};

/* Chooses, sets on the account (which is made active, as `net user` with the agents' flags), reads
 * the launch key from m and seals. An account that is not there: the -500 account is renamed to it.
 * On failure nothing is left in *ret. The caller prints (console_say_password) before the ready
 * line, then calls password_done_wipe. */
int password_apply(struct win *w, struct imds *m, const struct password_order *o,
                   struct password_done *ret, struct err *e);
void password_done_wipe(struct password_done *d);

/* Sets a password that nobody knows and that is kept nowhere (specialize pass). keep_inactive: an
 * account that is disabled stays so; else it becomes active. */
int password_scramble(struct win *w, const char *account, bool keep_inactive, struct err *e);
