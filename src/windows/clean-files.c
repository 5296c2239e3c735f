/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that belong to one machine's past: temporary ones, caches, logs, keys of services. */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "evtx.h"

#define LOGS_DIR  "Windows/System32/winevt/Logs"
#define NAMES_MAX 200000
#define RDP_KEY   "f686aace6942fb7f7ceb231212eef4a4_" /* the self-signed one of RDP */
#define RSA_KEYS  "ProgramData/Microsoft/Crypto/RSA/MachineKeys"
#define SHADOW    "{3808876b-c176-4e48-b7ae-04046e6cc752}"

enum how {
    ITSELF,  /* the file, or the directory with all below it */
    CONTENT, /* all below it */
    SECRET,  /* files, and all below a directory: overwritten first */
    FILES    /* the files below it: its directories have access lists that services need */
};

struct file_row {
    const char *path, *what;
    enum how how;
};

static const struct file_row rows[] = {
    { "pagefile.sys", "paging file", ITSELF },
    { "swapfile.sys", "paging file", ITSELF },
    { "hiberfil.sys", "hibernation file", ITSELF },
    { "$Recycle.Bin", "recycle bin", CONTENT },
    { "Windows.old", "former Windows", ITSELF },
    { "$WINDOWS.~BT", "upgrade files", ITSELF },
    { "$Windows.~WS", "upgrade files", ITSELF },
    { "$WinREAgent", "upgrade files", ITSELF },
    { "$GetCurrent", "upgrade files", ITSELF },
    { "Windows/Temp", "temporary files", CONTENT },
    { "Windows/System32/config/systemprofile/AppData/Local/Temp", "temporary files", CONTENT },
    { "Windows/ServiceProfiles/LocalService/AppData/Local/Temp", "temporary files", CONTENT },
    { "Windows/ServiceProfiles/NetworkService/AppData/Local/Temp", "temporary files", CONTENT },
    { "Windows/Prefetch", "prefetch traces", CONTENT },
    { "Windows/appcompat/Programs", "list of started programs", FILES },
    { "Windows/ServiceProfiles/LocalService/AppData/Local/FontCache", "font cache", FILES },
    { "Windows/Minidump", "crash dumps", CONTENT },
    { "Windows/MEMORY.DMP", "crash dumps", ITSELF },
    { "Windows/LiveKernelReports", "crash dumps", FILES },
    { "ProgramData/Microsoft/Windows/WER/ReportQueue", "error reports", CONTENT },
    { "ProgramData/Microsoft/Windows/WER/ReportArchive", "error reports", CONTENT },
    { "ProgramData/Microsoft/Windows/WER/Temp", "error reports", CONTENT },
    { "Windows/Panther", "logs of Setup, answer files", SECRET },
    { "Windows/System32/Sysprep/Panther", "logs of Sysprep", SECRET },
    { "Windows/System32/Sysprep/unattend.xml", "answer file", SECRET },
    { "Windows/System32/Sysprep/autounattend.xml", "answer file", SECRET },
    { "unattend.xml", "answer file", SECRET },
    { "autounattend.xml", "answer file", SECRET },
    { "Windows/Logs", "logs", FILES },
    { "Windows/System32/LogFiles", "logs", FILES },
    { "Windows/debug", "logs", FILES },
    { "Windows/INF/setupapi.dev.log", "logs", ITSELF },
    { "Windows/INF/setupapi.setup.log", "logs", ITSELF },
    { "Windows/INF/setupapi.offline.log", "logs", ITSELF },
    { "Windows/WindowsUpdate.log", "logs", ITSELF },
    { "inetpub/logs", "logs", FILES },
    { "Windows/SoftwareDistribution/Download", "update cache", CONTENT },
    { "Windows/SoftwareDistribution/DataStore", "update cache", CONTENT },
    { "Windows/CbsTemp", "update cache", CONTENT },
    { "ProgramData/Microsoft/Search/Data/Applications/Windows", "search index", FILES },
    { "ProgramData/Microsoft/Windows Defender/Scans/History", "scan history", FILES },
    { "ProgramData/Microsoft/Diagnosis", "telemetry", FILES },
};

static void told(struct work *k, const char *what, const char *path, uint64_t files, uint64_t bytes)
{
    if (files)
        win_plan_addf(k->p, WIN_ROW_DONE, what, path, NULL, "%llu files, %llu KiB deleted",
                      (unsigned long long)files, (unsigned long long)(bytes >> 10));
}

typedef int (*delete_fn)(struct win_tree *t, const char *path, uint64_t *files, uint64_t *bytes,
                         struct err *e);

static int drop_files_below(struct work *k, const char *path, delete_fn delete, uint64_t *files,
                            uint64_t *bytes, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    int r = win_tree_names(k->os, path, true, &x, e);

    for (size_t i = 0; r == 0 && i < x.n; i++) {
        _cleanup_free_ char *file = xasprintf("%s/%s", path, x.v[i].name);

        if (!x.v[i].st.is_dir)
            r = delete (k->os, file, files, bytes, e);
    }
    return r;
}

/* A directory stays, with its access list. */
static int drop_secret(struct work *k, const char *path, uint64_t *files, uint64_t *bytes,
                       struct err *e)
{
    struct err inner = { 0 };
    struct win_stat st;
    int r = win_tree_stat(k->os, path, &st, &inner);

    if (r < 0 && inner.kind == ERR_NOT_FOUND)
        return 0;
    if (r < 0) {
        *e = inner;
        return r;
    }
    if (!st.is_dir)
        return win_tree_shred(k->os, path, files, bytes, e);
    r = drop_files_below(k, path, win_tree_shred, files, bytes, e);
    return r < 0 ? r : win_tree_empty(k->os, path, files, bytes, e);
}

static int drop(struct work *k, const char *path, const char *what, enum how how, struct err *e)
{
    uint64_t files = 0, bytes = 0;
    int r = how == ITSELF    ? win_tree_delete(k->os, path, &files, &bytes, e)
            : how == CONTENT ? win_tree_empty(k->os, path, &files, &bytes, e)
            : how == SECRET  ? drop_secret(k, path, &files, &bytes, e)
                             : drop_files_below(k, path, win_tree_delete, &files, &bytes, e);

    if (r < 0)
        return err_wrap(e, "delete '%s'", path);
    told(k, what, path, files, bytes);
    return 0;
}

/* Of a directory, the names that begin and end so; keys are among them. */
static int drop_matching(struct work *k, const char *dir, const char *begins, const char *ends,
                         const char *what, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    uint64_t files = 0, bytes = 0;
    int r = win_tree_names(k->os, dir, false, &x, e);

    for (size_t i = 0; r == 0 && i < x.n; i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", dir, x.v[i].name);
        size_t n = strlen(x.v[i].name), m = strlen(ends);

        if (strncasecmp(x.v[i].name, begins, strlen(begins)) == 0 && n >= m &&
            strcasecmp(x.v[i].name + n - m, ends) == 0)
            r = win_tree_shred(k->os, path, &files, &bytes, e);
    }
    if (r == 0)
        told(k, what, dir, files, bytes);
    return r;
}

static int drop_users_temp(struct work *k, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    int r = win_tree_names(k->os, "Users", false, &x, e);

    for (size_t i = 0; r == 0 && i < x.n; i++) {
        _cleanup_free_ char *temp = xasprintf("Users/%s/AppData/Local/Temp", x.v[i].name);

        if (x.v[i].st.is_dir && !x.v[i].st.reparse_tag)
            r = drop(k, temp, "temporary files", CONTENT, e);
    }
    return r;
}

static int report_shadows(struct work *k, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    size_t n = 0;
    int r = win_tree_names(k->os, "System Volume Information", false, &x, e);

    for (size_t i = 0; r == 0 && i < x.n; i++)
        n += strcasestr(x.v[i].name, SHADOW) != NULL;
    if (r == 0 && n)
        win_plan_addf(k->p, WIN_ROW_CANNOT, "restore points", "System Volume Information", NULL,
                      "%zu shadow copies are no longer valid after an offline change: run "
                      "'vssadmin delete shadows /all' at the first boot",
                      n);
    return r;
}

int clean_files(struct work *k, struct err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(rows); i++)
        r = drop(k, rows[i].path, rows[i].what, rows[i].how, e);
    if (r == 0)
        r = drop_users_temp(k, e);
    if (r == 0)
        r = drop_matching(k, RSA_KEYS, RDP_KEY, "", "RDP key", e);
    if (r == 0)
        r = drop_matching(k, "ProgramData/ssh", "ssh_host_", "_key", "SSH host keys", e);
    if (r == 0)
        r = drop_matching(k, "ProgramData/ssh", "ssh_host_", "_key.pub", "SSH host keys", e);
    if (r == 0)
        r = drop_matching(k, "ProgramData/Microsoft/Network/Downloader", "qmgr", "", "BITS queue",
                          e);
    if (r == 0)
        r = drop_matching(k, "ProgramData/Microsoft/Network/Downloader", "edb", "", "BITS queue",
                          e);
    if (r == 0)
        r = drop_matching(k, "Windows/appcompat/Programs", "", ".hve", "list of programs", e);
    if (r == 0)
        r = report_shadows(k, e);
    return r;
}

/* ---- event logs ------------------------------------------------------------------------------ */

/* The version that this Windows writes: 3.2 since build 19041. */
int clean_logs(struct work *k, struct err *e)
{
    _cleanup_free_ uint8_t *empty = malloc(EVTX_EMPTY_BYTES);
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    uint64_t n = 0, bytes = 0;
    int r;

    if (!empty)
        return err_oom(e);
    evtx_make_empty(fact_build(&k->i) >= 19041 ? 2 : 1, empty);
    r = win_tree_names(k->os, LOGS_DIR, false, &x, e);
    for (size_t i = 0; r == 0 && i < x.n; i++) {
        _cleanup_free_ char *path = xasprintf(LOGS_DIR "/%s", x.v[i].name);
        size_t len = strlen(x.v[i].name);

        if (x.v[i].st.is_dir)
            continue;
        bytes += x.v[i].st.bytes;
        if (len > 5 && strcasecmp(x.v[i].name + len - 5, ".evtx") == 0) {
            r = win_tree_write(k->os, path, empty, EVTX_EMPTY_BYTES, e);
            n++;
        } else {
            r = win_tree_delete(k->os, path, NULL, NULL, e);
        }
    }
    if (r < 0)
        return err_wrap(e, "empty the event logs");
    if (n)
        win_plan_addf(k->p, WIN_ROW_DONE, "event logs", LOGS_DIR, NULL,
                      "%llu emptied, valid and without events; %llu KiB before",
                      (unsigned long long)n, (unsigned long long)(bytes >> 10));
    return 0;
}
