/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows-journal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "file.h"
#include "str.h"

#define TEXT_MAX  4096
#define SHOWN_MAX 80 /* of the identity */

static const char *const identities[] = { "dm/uuid", "loop/backing_file", "wwid", "device/wwid",
                                          "serial",  "device/serial" };

/* A line of sysfs without its end; NULL: it is not there, or empty. */
static char *line_of(const char *dir, const char *name)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name), *text = NULL;
    struct err ignored = { 0 };
    size_t n, at = 0;

    if (file_read(path, TEXT_MAX, &text, &n, &ignored) < 0)
        return NULL;
    while (n && strchr(" \n", text[n - 1]))
        text[--n] = '\0';
    while (text[at] == ' ')
        at++;
    return text[at] ? xstrdup(text + at) : NULL;
}

/* "file: identity", with the partition's number; NULL: the device has none. */
static char *identity_of(const char *dir)
{
    _cleanup_free_ char *number = line_of(dir, "partition");

    for (size_t i = 0; i < ARRAY_LEN(identities); i++) {
        _cleanup_free_ char *name = xasprintf("%s%s", number ? "../" : "", identities[i]);
        _cleanup_free_ char *text = line_of(dir, name);

        if (text)
            return xasprintf("%s%s%s", text, number ? "-part" : "", number ? number : "");
    }
    return NULL;
}

/* A file's name: readable, and another one for another identity. */
static char *file_name(const char *identity)
{
    char shown[SHOWN_MAX + 1];
    uint64_t h = 14695981039346656037ULL;
    size_t n = 0;

    for (const char *p = identity; *p; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                     (*p >= 'A' && *p <= 'Z') || *p == '-' || *p == '_';

        h = (h ^ (uint8_t)*p) * 1099511628211ULL;
        if (n < SHOWN_MAX)
            shown[n++] = (char)(plain ? *p : '.');
    }
    shown[n] = '\0';
    return xasprintf("disk-%s-%016llx.kiln-journal", shown, (unsigned long long)h);
}

int windows_journal_path(const char *home, const char *device, const char *sysfs, char **ret,
                         struct err *e)
{
    _cleanup_free_ char *dir = NULL, *identity = NULL, *name = NULL;
    struct stat st;

    if (stat(device, &st) < 0)
        return err_errno(e, "open '%s'", device);
    dir = xasprintf("%s/dev/block/%u:%u", sysfs, major(st.st_rdev), minor(st.st_rdev));
    identity = identity_of(dir);
    if (!identity)
        identity = realpath(device, NULL);
    if (!identity)
        return err_errno(e, "find '%s'", device);
    name = file_name(identity);
    *ret = xasprintf("%s/journals/%s", home, name);
    return 0;
}
