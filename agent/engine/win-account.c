/* SPDX-License-Identifier: Apache-2.0 */
/* Local accounts by the Net functions; each change is read back, because a stub may answer success.
 */
#include "win-priv.h"

#include <lm.h>
#include <string.h>

#define NETAPI       L"netapi32.dll"
#define ACCOUNTS_MAX 1000U

static void free_net(void *p)
{
    __typeof__(&NetApiBufferFree) fn = DYN(NETAPI, NetApiBufferFree);

    if (fn && p)
        (void)fn(p);
}

static unsigned flags_of(const USER_INFO_3 *u)
{
    unsigned f = 0;

    if (u->usri3_flags & UF_ACCOUNTDISABLE)
        f |= WIN_ACCOUNT_DISABLED;
    if (u->usri3_flags & UF_PASSWD_NOTREQD)
        f |= WIN_ACCOUNT_PASSWORD_NOT_REQ;
    if (u->usri3_flags & UF_DONT_EXPIRE_PASSWD)
        f |= WIN_ACCOUNT_KEEPS_PASSWORD;
    if (u->usri3_acct_expires != TIMEQ_FOREVER)
        f |= WIN_ACCOUNT_EXPIRES;
    if (u->usri3_password_expired)
        f |= WIN_ACCOUNT_MUST_CHANGE;
    return f;
}

static int accounts(struct win *w, struct win_account **ret, size_t *ret_n, struct err *e)
{
    __typeof__(&NetUserEnum) fn = DYN(NETAPI, NetUserEnum);
    USER_INFO_3 *info = NULL;
    struct win_account *list;
    DWORD n = 0, total = 0, resume = 0, code;

    if (!fn)
        return err_no_function(e, "NetUserEnum");
    code = fn(NULL, 3, FILTER_NORMAL_ACCOUNT, (LPBYTE *)&info, MAX_PREFERRED_LENGTH, &n, &total,
              &resume);
    if (code != NERR_Success && code != ERROR_MORE_DATA)
        return err_win32(e, code, "list the local accounts");
    if (n > ACCOUNTS_MAX)
        n = ACCOUNTS_MAX;
    list = calloc((size_t)n + 1, sizeof(*list));
    for (DWORD i = 0; list && i < n; i++) {
        win_narrow_into(info[i].usri3_name, list[i].name, sizeof(list[i].name));
        list[i].rid = info[i].usri3_user_id;
        list[i].flags = flags_of(&info[i]);
    }
    free_net(info);
    if (!list)
        return err_oom(e);
    *ret = list;
    *ret_n = n;
    return 0;
}

/* NetUserSetInfo of one level; `what` for the message. */
static int set_info(const wchar_t *name, DWORD level, void *info, const char *what, struct err *e)
{
    __typeof__(&NetUserSetInfo) fn = DYN(NETAPI, NetUserSetInfo);
    DWORD code, parameter = 0;

    if (!fn)
        return err_no_function(e, "NetUserSetInfo");
    code = fn(NULL, name, level, info, &parameter);
    return code == NERR_Success ? 0 : err_win32(e, code, "%s", what);
}

static int account_set_password(struct win *w, const char *name, const char *password,
                                struct err *e)
{
    _cleanup_free_ wchar_t *user = win_wide(name, e);
    wchar_t *clear = user ? win_wide(password, e) : NULL;
    USER_INFO_1003 info = { .usri1003_password = clear };
    int r;

    if (!clear)
        return -e->no;
    r = set_info(user, 1003, &info, "set the password", e);
    mem_wipe(clear, wcslen(clear) * sizeof(*clear));
    free(clear);
    return r < 0 ? err_wrap(e, "account '%s'", name) : 0;
}

static int read_user(const wchar_t *user, USER_INFO_3 **ret, struct err *e)
{
    __typeof__(&NetUserGetInfo) fn = DYN(NETAPI, NetUserGetInfo);
    DWORD code;

    if (!fn)
        return err_no_function(e, "NetUserGetInfo");
    code = fn(NULL, user, 3, (LPBYTE *)ret);
    return code == NERR_Success ? 0 : err_win32(e, code, "read the account");
}

static DWORD new_flags(DWORD old, unsigned clear, unsigned set)
{
    static const struct {
        unsigned ours;
        DWORD theirs;
    } rows[] = { { WIN_ACCOUNT_DISABLED, UF_ACCOUNTDISABLE },
                 { WIN_ACCOUNT_PASSWORD_NOT_REQ, UF_PASSWD_NOTREQD },
                 { WIN_ACCOUNT_KEEPS_PASSWORD, UF_DONT_EXPIRE_PASSWD } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (clear & rows[i].ours)
            old &= ~rows[i].theirs;
        if (set & rows[i].ours)
            old |= rows[i].theirs;
    }
    return old;
}

/* Level 3 is the one that carries "must change": the account as it was read, without a password (a
 * NULL leaves it). */
static int set_must_change(const wchar_t *user, USER_INFO_3 *u, bool must, struct err *e)
{
    u->usri3_password = NULL;
    u->usri3_password_expired = must;
    return set_info(user, 3, u, "change the password's expiry", e);
}

static int change_user(const wchar_t *user, unsigned clear, unsigned set, struct err *e)
{
    USER_INFO_3 *u = NULL;
    int r = read_user(user, &u, e);

    if (r < 0)
        return r;
    USER_INFO_1008 flags = { .usri1008_flags = new_flags(u->usri3_flags, clear, set) };
    USER_INFO_1017 expires = { .usri1017_acct_expires = TIMEQ_FOREVER };

    if (flags.usri1008_flags != u->usri3_flags)
        r = set_info(user, 1008, &flags, "change the flags", e);
    u->usri3_flags = flags.usri1008_flags;
    if (r == 0 && (clear & WIN_ACCOUNT_EXPIRES) && u->usri3_acct_expires != TIMEQ_FOREVER)
        r = set_info(user, 1017, &expires, "change the expiry", e);
    u->usri3_acct_expires = clear & WIN_ACCOUNT_EXPIRES ? TIMEQ_FOREVER : u->usri3_acct_expires;
    if (r == 0 && (clear & WIN_ACCOUNT_MUST_CHANGE) && u->usri3_password_expired)
        r = set_must_change(user, u, false, e);
    else if (r == 0 && (set & WIN_ACCOUNT_MUST_CHANGE) && !u->usri3_password_expired)
        r = set_must_change(user, u, true, e);
    free_net(u);
    return r;
}

static int account_set_flags(struct win *w, const char *name, unsigned clear, unsigned set,
                             struct err *e)
{
    _cleanup_free_ wchar_t *user = win_wide(name, e);
    USER_INFO_3 *u = NULL;
    unsigned now;
    int r = user ? change_user(user, clear, set, e) : -e->no;

    if (r == 0)
        r = read_user(user, &u, e);
    if (r < 0)
        return err_wrap(e, "account '%s'", name);
    now = flags_of(u);
    free_net(u);
    /* MUST_CHANGE also tells of an aged password, which this does not renew */
    if ((now & clear & ~(unsigned)WIN_ACCOUNT_MUST_CHANGE) || (set & ~now))
        return err_set(e, EIO, ERR_OTHER, "account '%s': the change had no effect", name);
    return 0;
}

static int account_rename(struct win *w, const char *name, const char *to, struct err *e)
{
    _cleanup_free_ wchar_t *user = win_wide(name, e), *wide = user ? win_wide(to, e) : NULL;
    USER_INFO_0 info = { .usri0_name = wide };
    int r;

    if (!wide)
        return -e->no;
    r = set_info(user, 0, &info, "rename it", e);
    return r < 0 ? err_wrap(e, "account '%s' to '%s'", name, to) : 0;
}

static int password_min_length(struct win *w, unsigned *ret, struct err *e)
{
    __typeof__(&NetUserModalsGet) fn = DYN(NETAPI, NetUserModalsGet);
    USER_MODALS_INFO_0 *info = NULL;
    DWORD code;

    if (!fn)
        return err_no_function(e, "NetUserModalsGet");
    code = fn(NULL, 0, (LPBYTE *)&info);
    if (code != NERR_Success)
        return err_win32(e, code, "read the password policy");
    *ret = info->usrmod0_min_passwd_len;
    free_net(info);
    return 0;
}

void win_fill_account(struct win *w)
{
    w->accounts = accounts;
    w->account_set_password = account_set_password;
    w->account_set_flags = account_set_flags;
    w->account_rename = account_rename;
    w->password_min_length = password_min_length;
}
