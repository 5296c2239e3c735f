/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CopyProfile without Windows: what the Administrator arranged becomes what new users begin with.
 * Secrets, caches and what names the Administrator stay behind. */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sam.h"

#define FROM      "Users/Administrator"
#define TO        "Users/Default"
#define FILES_MAX 20000
#define BYTES_MAX MIB(256)
#define FILE_MAX  MIB(64)

/* Below the profile; a directory stays behind with all in it. */
static const char *const left_behind[] = {
    "AppData/Local/Temp",
    "AppData/Local/Microsoft/Credentials",
    "AppData/Local/Microsoft/Vault",
    "AppData/Local/Microsoft/Windows/UsrClass.dat",
    "AppData/Local/Microsoft/Windows/INetCache",
    "AppData/Local/Microsoft/Windows/WebCache",
    "AppData/Local/Microsoft/Windows/Notifications",
    "AppData/Local/Packages",
    "AppData/Roaming/Microsoft/Protect",
    "AppData/Roaming/Microsoft/Credentials",
    "AppData/Roaming/Microsoft/Crypto",
    "AppData/Roaming/Microsoft/Vault",
    "AppData/Roaming/Microsoft/SystemCertificates",
    "AppData/Roaming/Microsoft/Windows/Recent",
    "Downloads",
    "NTUSER.DAT",
    "ntuser.ini",
};

/* Keys of the hive that are the Administrator's own. */
static const char *const own_keys[] = {
    "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs",
    "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RunMRU",
    "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\TypedPaths",
    "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\UserAssist",
    "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\ComDlg32",
    "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders",
    "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\SessionInfo",
    "Software\\Microsoft\\Internet Explorer\\TypedURLs",
    "Software\\Microsoft\\Terminal Server Client",
    "Software\\Microsoft\\Protected Storage System Provider",
    "Software\\Microsoft\\SystemCertificates\\MY",
    "Volatile Environment",
};

static bool stays_behind(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(left_behind); i++) {
        size_t n = strlen(left_behind[i]);

        /* NTUSER.DAT and its logs, UsrClass.dat and its logs */
        if (strncasecmp(path, left_behind[i], n) == 0 &&
            (path[n] == '\0' || path[n] == '/' || path[n] == '.' || path[n] == '{'))
            return true;
    }
    return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

struct copy {
    char **dirs, **files;
    size_t n_dirs, n_files;
    uint64_t bytes;
};

static void copy_done(struct copy *c)
{
    for (size_t i = 0; i < c->n_dirs; i++)
        free(c->dirs[i]);
    for (size_t i = 0; i < c->n_files; i++)
        free(c->files[i]);
    free(c->dirs);
    free(c->files);
}

static int note(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    struct copy *c = userdata;

    if (stays_behind(name) || st->reparse_tag || st->encrypted)
        return 0;
    if (c->n_dirs + c->n_files >= FILES_MAX || st->bytes > FILE_MAX ||
        c->bytes + st->bytes > BYTES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT,
                       "the Administrator's profile is too large for CopyProfile: more than %d "
                       "files or %llu MiB",
                       FILES_MAX, (unsigned long long)(BYTES_MAX >> 20));
    c->bytes += st->bytes;
    if (st->is_dir)
        c->dirs[c->n_dirs++] = xstrdup(name);
    else
        c->files[c->n_files++] = xstrdup(name);
    return 0;
}

static int copy_file(struct work *k, const char *name, struct err *e)
{
    _cleanup_free_ char *from = xasprintf(FROM "/%s", name), *to = xasprintf(TO "/%s", name);
    _cleanup_free_ uint8_t *data = NULL;
    size_t n;
    int r = win_tree_read(k->os, from, FILE_MAX, &data, &n, e);

    if (r < 0 && e->kind == ERR_CONFLICT) {
        win_plan_add(k->p, WIN_ROW_WARNING, "CopyProfile", from, NULL, e->msg);
        err_clear(e);
        return 0;
    }
    return r < 0 ? r : win_tree_write(k->os, to, data, n, e);
}

static int copy_files(struct work *k, struct err *e)
{
    _cleanup_(copy_done) struct copy c = { 0 };
    int r;

    c.dirs = xcalloc(FILES_MAX, sizeof *c.dirs);
    c.files = xcalloc(FILES_MAX, sizeof *c.files);
    r = win_tree_walk(k->os, FROM, note, &c, e);
    for (size_t i = 0; r == 0 && i < c.n_dirs; i++) {
        _cleanup_free_ char *to = xasprintf(TO "/%s", c.dirs[i]);

        r = win_tree_mkdir(k->os, to, e);
    }
    for (size_t i = 0; r == 0 && i < c.n_files; i++)
        r = copy_file(k, c.files[i], e);
    if (r == 0)
        win_plan_addf(k->p, WIN_ROW_DONE, "CopyProfile", TO, FROM, "%zu files, %llu KiB", c.n_files,
                      (unsigned long long)(c.bytes >> 10));
    return r;
}

/* ---- the hive -------------------------------------------------------------------------------- */

/* Every key gets the access list that the template's root had: SYSTEM, Administrators, Everyone to
 * read; Windows gives each new user his own. */
static int same_security(struct regf *h, uint32_t key, const uint8_t *sd, size_t n, unsigned depth,
                         struct err *e)
{
    _cleanup_free_ uint32_t *keys = NULL;
    size_t count = 0;
    int r = regf_set_security(h, key, sd, n, e);

    if (r == 0 && depth < REGF_DEPTH_MAX)
        r = regf_children(h, key, &keys, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = same_security(h, keys[i], sd, n, depth + 1, e);
    return r;
}

static int make_template(struct regf *h, const struct regf *like, struct err *e)
{
    const uint8_t *sd;
    size_t n;
    int r = regf_security(like, regf_root(like), &sd, &n, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(own_keys); i++)
        r = regf_key_delete_path(h, 0, own_keys[i], e);
    if (r >= 0)
        r = same_security(h, regf_root(h), sd, n, 0, e);
    if (r == 0)
        r = regf_verify(h, NULL, e);
    return r < 0 ? r : regf_seal(h, e);
}

static int copy_hive(struct work *k, struct err *e)
{
    _cleanup_regf_ struct regf *copy = NULL;
    struct regf_source src;
    struct hive *from, *to;
    const void *bytes;
    size_t n;
    int r = hives_get_path(k->h, FROM "/NTUSER.DAT", &from, e);

    if (r == 0)
        r = hives_get(k->h, HIVE_NEW_USER, &to, e);
    if (r < 0)
        return r;
    if (!from->regf || !to->regf)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "NTUSER.DAT is not in both profiles");
    r = regf_seal(from->regf, e); /* a log may have been taken in */
    if (r < 0)
        return r;
    bytes = regf_bytes(from->regf, &n);
    src = regf_source_mem(bytes, n);
    r = regf_open(&src, NULL, NULL, 0, &copy, e);
    if (r == 0)
        r = make_template(copy, to->regf, e);
    if (r < 0)
        return err_wrap(e, "make the template hive");
    regf_free(to->regf); /* later settings are for the new one */
    to->regf = TAKE_PTR(copy);
    to->replaced = true;
    win_plan_add(k->p, WIN_ROW_DONE, "CopyProfile", TO "/NTUSER.DAT", FROM "/NTUSER.DAT",
                 "settings, without what names the Administrator");
    return 0;
}

int copy_profile(struct work *k, struct err *e)
{
    int r = win_tree_exists(k->os, FROM "/NTUSER.DAT", e);

    if (r < 0)
        return r;
    if (r == 0) {
        win_plan_add(k->p, WIN_ROW_CANNOT, "CopyProfile", FROM, NULL,
                     "the Administrator has no profile to copy");
        return 0;
    }
    r = copy_files(k, e);
    if (r == 0)
        r = copy_hive(k, e);
    return r < 0 ? err_wrap(e, "CopyProfile") : 0;
}
