/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/password.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/str.h"

#define DRAW_BYTES      1024U
#define DRAWS_MAX       64U
#define MODULUS_MIN     128U /* bytes: RSA 1024 */
#define PASSWORD_SIGNS  "()!@$%-=.?*;&"
#define LAUNCH_KEY_PATH "meta-data/public-keys/0/openssh-key"

/* No 0 and no 1: they are read as letters. */
static bool is_allowed(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '9') ||
           (c && strchr(PASSWORD_SIGNS, c));
}

bool password_is_good(const char *text, size_t min)
{
    bool upper = false, lower = false, digit = false, other = false;
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            upper = true;
        else if (text[i] >= 'a' && text[i] <= 'z')
            lower = true;
        else if (text[i] >= '0' && text[i] <= '9')
            digit = true;
        else
            other = true;
    }
    return n > 0 && n >= min && n <= PASSWORD_MAX && upper + lower + digit + other >= 3;
}

/* A byte counts only when it is an allowed character, so each character is a uniform choice. */
int password_generate(struct win *w, size_t length, char *ret, struct err *e)
{
    uint8_t drawn[DRAW_BYTES];
    char made[PASSWORD_MAX + 1];
    size_t n;
    int r = 0;

    if (length == 0 || length > PASSWORD_MAX)
        return err_set(e, EINVAL, ERR_INVALID, "a password of %zu characters", length);
    for (unsigned draw = 0; draw < DRAWS_MAX; draw++) {
        r = w->random(w, drawn, sizeof(drawn), e);
        if (r < 0)
            break;
        n = 0;
        for (size_t i = 0; i < sizeof(drawn) && n < length; i++)
            if (is_allowed(drawn[i]))
                made[n++] = (char)drawn[i];
        made[n] = '\0';
        if (n == length && password_is_good(made, length)) {
            memcpy(ret, made, n + 1);
            goto out;
        }
    }
    if (r == 0)
        r = err_set(e, EIO, ERR_OTHER, "the random source gives no password");
out:
    mem_wipe(drawn, sizeof(drawn));
    mem_wipe(made, sizeof(made));
    return r;
}

/* A field of the SSH wire format: four bytes of length, then bytes; leading zeros are cut. */
static bool take_number(struct cur *c, uint8_t *out, size_t size, size_t *ret_n)
{
    uint32_t n = cur_be32(c);
    const uint8_t *p = cur_take(c, n);

    while (p && n && *p == 0) {
        p++;
        n--;
    }
    if (!p || n == 0 || n > size)
        return false;
    memcpy(out, p, n);
    *ret_n = n;
    return true;
}

static int key_error(struct err *e, const char *what)
{
    return err_set(e, EINVAL, ERR_INVALID, "the launch key is damaged: %s", what);
}

static int blob_parse(const uint8_t *blob, size_t n, struct password_key *k, struct err *e)
{
    struct cur c = cur_over(blob, n);
    uint32_t name_n = cur_be32(&c);
    const void *name = cur_take(&c, name_n);

    if (!name || name_n != 7 || memcmp(name, "ssh-rsa", 7) != 0)
        return key_error(e, "the type inside is not ssh-rsa");
    if (!take_number(&c, k->exponent, sizeof(k->exponent), &k->exponent_n))
        return key_error(e, "exponent");
    if (!take_number(&c, k->modulus, sizeof(k->modulus), &k->modulus_n))
        return key_error(e, "modulus");
    if (k->modulus_n < MODULUS_MIN)
        return key_error(e, "it has fewer than 1024 bits");
    if (!(k->modulus[k->modulus_n - 1] & 1) || !(k->exponent[k->exponent_n - 1] & 1))
        return key_error(e, "modulus or exponent is even");
    return 0;
}

int password_key_parse(const char *line, struct password_key *ret, struct err *e)
{
    _cleanup_free_ struct password_key *k = calloc(1, sizeof(*k));
    _cleanup_free_ uint8_t *blob = NULL;
    size_t type_n, text_n, n = 0;
    int r;

    if (!k)
        return err_oom(e);
    line += strspn(line, " \t\r\n");
    type_n = strcspn(line, " \t\r\n");
    if (type_n != 7 || memcmp(line, "ssh-rsa", 7) != 0) {
        char shown[64];
        _cleanup_free_ char *type = str_dup_n(line, type_n < 48 ? type_n : 48);

        return err_set(e, ENOTSUP, ERR_INVALID,
                       "a launch key of type '%s' cannot seal a password, only ssh-rsa can",
                       str_show(type ? type : "", shown, sizeof(shown)));
    }
    line += type_n + strspn(line + type_n, " \t");
    text_n = strcspn(line, " \t\r\n");
    if (text_n > KIB(8) || base64_decode(line, text_n, &blob, &n) < 0)
        return key_error(e, "its base64");
    r = blob_parse(blob, n, k, e);
    if (r == 0)
        *ret = *k;
    return r;
}

int password_seal(struct win *w, const struct password_key *key, const char *password, char **ret,
                  struct err *e)
{
    struct str s = STR_INIT(PASSWORD_KEY_MAX * 2);
    uint8_t sealed[PASSWORD_KEY_MAX];
    size_t n = strlen(password);
    int r;

    if (n + 11 > key->modulus_n) /* PKCS#1: 11 bytes of padding at least */
        return err_set(e, E2BIG, ERR_LIMIT, "a password of %zu bytes does not fit the launch key",
                       n);
    r = w->rsa_encrypt(w, key->exponent, key->exponent_n, key->modulus, key->modulus_n, password, n,
                       sealed, e);
    if (r < 0)
        return r;
    str_base64(&s, sealed, key->modulus_n);
    r = str_check(&s, "a sealed password", e);
    if (r == 0)
        *ret = str_take(&s);
    str_done(&s);
    return r;
}

static size_t policy_length(struct win *w, size_t wanted)
{
    struct err ignore = { 0 };
    unsigned min = 0;

    if (w->password_min_length(w, &min, &ignore) < 0)
        min = 0;
    if (min > wanted)
        wanted = min;
    return wanted > PASSWORD_MAX ? PASSWORD_MAX : wanted;
}

/* The -500 account, renamed to `wanted` when no account has that name. */
static int find_account(struct win *w, const char *wanted, char ret[WIN_NAME_MAX], struct err *e)
{
    _cleanup_free_ struct win_account *a = NULL;
    const struct win_account *admin = NULL;
    size_t n = 0;
    int r = w->accounts(w, &a, &n, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (wanted && *wanted && str_eq_nocase(a[i].name, wanted))
            return str_copy(ret, WIN_NAME_MAX, a[i].name);
        if (a[i].rid == 500)
            admin = &a[i];
    }
    if (!admin)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "no local account has a SID that ends in -500");
    if (wanted && *wanted) {
        r = w->account_rename(w, admin->name, wanted, e);
        if (r < 0)
            return r;
        if (str_copy(ret, WIN_NAME_MAX, wanted) < 0)
            return err_set(e, ENAMETOOLONG, ERR_INVALID, "Invalid administrator username: %s",
                           wanted);
        return 0;
    }
    return str_copy(ret, WIN_NAME_MAX, admin->name);
}

/* Windows refuses these in account names, and an empty or blank one. */
bool password_account_is_good(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= 20 && strspn(name, " .") < n && !strpbrk(name, "\"/\\[]:;|=,+*?<>@");
}

static int choose(struct win *w, const struct password_order *o, struct password_done *d,
                  struct err *e)
{
    size_t min = policy_length(w, 0),
           length = policy_length(w, o->length ? o->length : PASSWORD_LENGTH);

    d->given_refused = o->given && !password_is_good(o->given, min);
    if (o->given && !d->given_refused)
        return str_copy(d->clear, sizeof(d->clear), o->given);
    return password_generate(w, length, d->clear, e);
}

/* Windows has rules of its own (the account's name inside, a filter): what it refuses is replaced.
 */
static int set_chosen(struct win *w, const struct password_order *o, struct password_done *d,
                      struct err *e)
{
    int r = w->account_set_password(w, d->account, d->clear, e);

    if (r == 0 || !o->given || d->given_refused)
        return r;
    err_clear(e);
    d->given_refused = true;
    r = password_generate(w, policy_length(w, o->length ? o->length : PASSWORD_LENGTH), d->clear,
                          e);
    return r < 0 ? r : w->account_set_password(w, d->account, d->clear, e);
}

/* Fills in d->sealed when there is a key that can seal; otherwise says why in d->no_seal. */
static int seal_for_owner(struct win *w, struct imds *m, struct password_done *d, struct err *e)
{
    _cleanup_free_ struct password_key *key = calloc(1, sizeof(*key));
    _cleanup_free_ char *line = NULL;
    int r;

    if (!key)
        return err_oom(e);
    r = imds_get(m, LAUNCH_KEY_PATH, &line, NULL, &d->no_seal);
    if (r == 1)
        r = password_key_parse(line, key, &d->no_seal);
    else if (r == 0)
        return 0; /* launched without a key pair: nobody can read it */
    if (r == 0)
        r = password_seal(w, key, d->clear, &d->sealed, &d->no_seal);
    return r == -ENOMEM ? err_oom(e) : 0;
}

int password_apply(struct win *w, struct imds *m, const struct password_order *o,
                   struct password_done *ret, struct err *e)
{
    struct password_done d = { 0 };
    int r;

    if (o->account && *o->account && !password_account_is_good(o->account))
        return err_set(e, EINVAL, ERR_INVALID, "Invalid administrator username: %s", o->account);
    r = find_account(w, o->account, d.account, e);
    if (r == 0)
        r = choose(w, o, &d, e);
    if (r == 0)
        r = set_chosen(w, o, &d, e);
    if (r == 0)
        r = win_account_open(w, d.account, e);
    if (r == 0)
        r = seal_for_owner(w, m, &d, e);
    if (r < 0) {
        password_done_wipe(&d);
        return err_wrap(e, "set the administrator's password");
    }
    *ret = d;
    mem_wipe(d.clear, sizeof(d.clear));
    return 0;
}

void password_done_wipe(struct password_done *d)
{
    mem_wipe(d->clear, sizeof(d->clear));
    free(d->sealed);
    *d = (struct password_done){ 0 };
}

int password_scramble(struct win *w, const char *account, bool keep_inactive, struct err *e)
{
    char clear[PASSWORD_MAX + 1], name[WIN_NAME_MAX];
    int r;

    if (account && *account) {
        if (str_copy(name, sizeof(name), account) < 0)
            return err_set(e, ENAMETOOLONG, ERR_INVALID, "account '%.40s...' has too long a name",
                           account);
    } else {
        r = find_account(w, NULL, name, e);
        if (r < 0)
            return r;
    }
    r = password_generate(w, policy_length(w, 64), clear, e);
    if (r == 0)
        r = w->account_set_password(w, name, clear, e);
    mem_wipe(clear, sizeof(clear));
    if (r == 0 && !keep_inactive)
        r = w->account_set_flags(
            w, name, WIN_ACCOUNT_DISABLED | WIN_ACCOUNT_MUST_CHANGE | WIN_ACCOUNT_EXPIRES, 0, e);
    return r < 0 ? err_wrap(e, "scramble the password of '%s'", name) : 0;
}
