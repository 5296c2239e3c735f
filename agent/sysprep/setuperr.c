/* SPDX-License-Identifier: Apache-2.0 */
/* Sysprep says "A fatal error occurred" and leaves the reason in setuperr.log, one line a failure:
 *   2024-05-01 10:11:12, Error                 SYSPRP Package X was installed for a user, but ...
 *   2024-05-01 10:11:12, Error      [0x0f0082] SYSPRP ActionPlatform::LaunchModule: Failure ...
 * The first line that we know names the cause; lines after it are consequences. */
#include "sysprep/sysprep.h"

#include <string.h>

#include "lib/utf.h"

#define LINES_MAX 100000U

static const struct {
    const char *part; /* in the line, letters of either case */
    const char *cure;
} causes[] = {
    { "was installed for a user, but not provisioned for all users",
      "remove the package for that user (Remove-AppxPackage) or provision it for all "
      "(Add-AppxProvisionedPackage), then run Sysprep again" },
    { "Failed to remove apps for the current user",
      "a package of one user stands in the way; remove it for that user (Remove-AppxPackage)" },
    { "BitLocker", "switch BitLocker off for the system volume and wait until it is decrypted" },
    { "0x80310039", "switch BitLocker off for the system volume and wait until it is decrypted" },
    { "updates that require a reboot", "restart Windows, then run Sysprep again" },
    { "reboot is pending", "restart Windows, then run Sysprep again" },
    { "pending reboot", "restart Windows, then run Sysprep again" },
    { "reserved storage", "an update is still at work: let it finish, restart, then try again" },
    { "Audit mode can't be turned on if there is an active scenario",
      "an update is still at work: let it finish, restart, then try again" },
    { "0x800F0975", "an update is still at work: let it finish, restart, then try again" },
    { "CopyProfile", "remove other local accounts with their profiles, or set CopyProfile to false "
                     "in the answer file" },
    { "0xc004d307", "the number of rearms is used up; set SkipRearm to 1 or start from an image "
                    "that was generalized less often" },
    { "rearm", "the number of rearms is used up; set SkipRearm to 1 or start from an image that "
               "was generalized less often" },
    { "couldn't update the recorded state",
      "an earlier Sysprep did not end; start again from an image that was never generalized" },
    { "not in a valid state for sysprep",
      "an earlier Sysprep did not end; start again from an image that was never generalized" },
    { "upgraded", "Sysprep does not support a Windows that was upgraded from an older one" },
    { "domain controller", "demote the domain controller first" },
    { "msdtc", "reinstall the transaction coordinator (msdtc -uninstall, msdtc -install)" },
    { "wmpnetwk", "stop the service WMPNetworkSvc, then run Sysprep again" },
    { "answer file", "the answer file was refused: see the line above for the setting" },
    { "unattend", "the answer file was refused: see the line above for the setting" },
};

static bool has_part(const char *text, size_t n, const char *part)
{
    size_t len = strlen(part);

    for (size_t at = 0; at + len <= n; at++) {
        size_t i = 0;
        while (i < len && (text[at + i] | 0x20) == (part[i] | 0x20))
            i++;
        if (i == len)
            return true;
    }
    return false;
}

/* The text behind "<date> <time>, Error   [0x....] "; NULL when the line is of another level. */
static const char *error_text(const char *line, size_t n, size_t *ret_n)
{
    static const char level[] = "Error";
    const char *comma = memchr(line, ',', n), *p, *end = line + n;

    if (!comma || comma - line > 40)
        return NULL;
    for (p = comma + 1; p < end && (*p == ' ' || *p == '\t'); p++)
        ;
    if ((size_t)(end - p) < sizeof(level) - 1 || strncmp(p, level, sizeof(level) - 1) != 0)
        return NULL;
    for (p += sizeof(level) - 1; p < end && (*p == ' ' || *p == '\t'); p++)
        ;
    if (p < end && *p == '[' && memchr(p, ']', (size_t)(end - p)))
        p = (const char *)memchr(p, ']', (size_t)(end - p)) + 1;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == '\r' || end[-1] == ' '))
        end--;
    *ret_n = (size_t)(end - p);
    return end > p ? p : NULL;
}

static const char *cure_of(const char *text, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        if (has_part(text, n, causes[i].part))
            return causes[i].cure;
    return NULL;
}

static void keep(struct setuperr_cause *c, const char *text, size_t n, const char *cure)
{
    struct str line = STR_INIT(4096);

    str_add_mem(&line, text, n < 2048 ? n : 2048);
    (void)str_show(str_text(&line), c->line, sizeof(c->line));
    str_done(&line);
    (void)str_copy(c->cure, sizeof(c->cure), cure ? cure : "");
}

int setuperr_cause(const char *text, size_t n, struct setuperr_cause *ret)
{
    struct setuperr_cause first = { 0 };
    const char *p = text, *end = text + n;

    for (unsigned i = 0; p < end && i < LINES_MAX; i++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p), m = 0;
        const char *msg = error_text(p, len, &m);
        const char *cure = msg ? cure_of(msg, m) : NULL;
        if (cure) {
            keep(ret, msg, m, cure);
            return 1;
        }
        if (msg && !first.line[0])
            keep(&first, msg, m, NULL);
        p += len + (nl ? 1 : 0);
    }
    if (!first.line[0])
        return 0;
    *ret = first;
    return 1;
}
