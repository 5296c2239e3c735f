/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "libexec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "log.h"
#include "str.h"

#define PROGRAM_MAX MIB(256)

static const char *const helpers[] = { "kiln-worker", "kiln-volume.so", "kiln-imds-relay",
                                       "kiln-serial", "kiln-freeze" };

static bool may_enter(const char *dir, uid_t uid, gid_t gid)
{
    struct stat st;

    if (stat(dir, &st) < 0)
        return false;
    if (st.st_uid == uid)
        return st.st_mode & S_IXUSR;
    if (st.st_gid == gid)
        return st.st_mode & S_IXGRP;
    return st.st_mode & S_IXOTH;
}

static bool may_reach(const char *dir, uid_t uid, gid_t gid)
{
    _cleanup_free_ char *path = realpath(dir, NULL);

    if (!path)
        return true; /* the start of a helper will say what is wrong */
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        bool may;

        *slash = '\0';
        may = may_enter(path, uid, gid);
        *slash = '/';
        if (!may)
            return false;
    }
    return may_enter(path, uid, gid);
}

/* The umask is strict: the group is what lets the user in. */
static int give(const char *path, gid_t gid, struct err *e)
{
    if (chown(path, (uid_t)-1, gid) < 0 || chmod(path, 0750) < 0)
        return err_errno(e, "give '%s' to the group %u", path, (unsigned)gid);
    return 0;
}

static int copy_helper(const char *from, const char *to, const char *name, gid_t gid, struct err *e)
{
    _cleanup_free_ char *source = xasprintf("%s/%s", from, name);
    _cleanup_free_ char *target = xasprintf("%s/%s", to, name);
    _cleanup_free_ char *text = NULL;
    size_t n;
    int r = file_read(source, PROGRAM_MAX, &text, &n, e);

    if (r == 0)
        r = file_replace(target, text, n, 0750, e);
    return r < 0 ? r : give(target, gid, e);
}

int libexec_for(const char *dir, const char *user, const char *home, char **ret, struct err *e)
{
    _cleanup_free_ char *copies = xasprintf("%s/libexec", home);
    uid_t uid = 0;
    gid_t gid = 0;
    int r = child_user_find(user, &uid, &gid, e);

    if (r < 0)
        return r;
    if (r == 0 || may_reach(dir, uid, gid)) {
        *ret = xstrdup(dir);
        return 0;
    }
    log_notice("daemon", "the user '%s' cannot enter '%s': helpers are run from copies in '%s'",
               user, dir, copies);
    r = dir_make(copies, 0750, e);
    if (r == 0)
        r = give(copies, gid, e);
    for (size_t i = 0; i < ARRAY_LEN(helpers) && r == 0; i++)
        r = copy_helper(dir, copies, helpers[i], gid, e);
    if (r < 0)
        return err_wrap(e, "copy the helpers");
    *ret = TAKE_PTR(copies);
    return 0;
}
