/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

int name_from_ip(enum name_form form, const char *ip4, char ret[NAME_MAX_LEN + 1], struct err *e)
{
    const char *p = ip4;
    unsigned part[4];

    for (unsigned i = 0; i < 4; i++) {
        _cleanup_free_ char *digits = str_dup_n(p, strspn(p, "0123456789"));
        uint64_t v = 0;

        if (!digits)
            return err_oom(e);
        p += strlen(digits);
        if (parse_u64(digits, 0, 255, &v) < 0 || *p != (i < 3 ? '.' : '\0')) {
            char shown[64];

            return err_set(e, EINVAL, ERR_INVALID, "'%s' is no IPv4 address",
                           str_show(ip4, shown, sizeof(shown)));
        }
        part[i] = (unsigned)v;
        p++;
    }
    (void)snprintf(ret, NAME_MAX_LEN + 1,
                   form == NAME_FORM_IP_UPPER ? "IP-%02X%02X%02X%02X" : "ip-%02x%02x%02x%02x",
                   part[0], part[1], part[2], part[3]);
    return 0;
}

int name_from_instance(const char *instance_id, char ret[NAME_MAX_LEN + 1], struct err *e)
{
    char made[NAME_MAX_LEN + 1];
    int r;

    (void)snprintf(made, sizeof(made), "%.*s", (int)NAME_MAX_LEN, instance_id);
    r = str_starts(made, "i-") ? name_check(made, e)
                               : err_set(e, EINVAL, ERR_INVALID, "'%s' is no instance id", made);
    if (r == 0)
        memcpy(ret, made, sizeof(made));
    return r;
}

int name_check(const char *name, struct err *e)
{
    char shown[64];
    size_t n = strlen(name);
    const char *why = NULL;

    if (n == 0 || n > NAME_MAX_LEN)
        why = "it must have 1 to 15 characters";
    else if (strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != n)
        why = "only letters, digits and hyphens are allowed";
    else if (strspn(name, "0123456789") == n)
        why = "it must not be all digits";
    else if (name[0] == '-' || name[n - 1] == '-')
        why = "it must not begin or end with a hyphen";
    if (!why)
        return 0;
    return err_set(e, EINVAL, ERR_INVALID, "computer name '%s': %s",
                   str_show(name, shown, sizeof(shown)), why);
}

int name_apply(struct win *w, const char *name, struct log *log, bool *ret_changed, struct err *e)
{
    _cleanup_free_ char *now = NULL;
    int r = name_check(name, e);

    if (r == 0)
        r = w->computer_name(w, &now, e);
    if (r < 0)
        return r;
    if (str_eq_nocase(now, name)) {
        log_say(log, LOG_INFO, "Computer name is already '%s'.", now);
        *ret_changed = false;
        return 0;
    }
    r = w->computer_set_name(w, name, e);
    if (r < 0)
        return err_wrap(e, "set the computer name '%s'", name);
    log_say(log, LOG_INFO, "Computer name is changed from '%s' to '%s'.", now, name);
    *ret_changed = true;
    return 0;
}
