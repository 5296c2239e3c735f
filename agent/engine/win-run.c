/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and threads. A child gets a job of its own, so that a time limit ends all of its tree.
 */
#include "win-priv.h"

#include <tlhelp32.h>
#include <userenv.h>

#define ANCESTORS_MAX 32U
#define THREADS_MAX   MAXIMUM_WAIT_OBJECTS
#define STAGGER_MS    150U

struct child {
    wchar_t *command, *folder, *user, *password;
    HANDLE in, out, err;
    HANDLE token, profile, job;
    void *environment;
    PROCESS_INFORMATION p;
};

static HANDLE open_stream(const char *path, bool write, struct err *e)
{
    SECURITY_ATTRIBUTES inherit = { .nLength = sizeof(inherit), .bInheritHandle = TRUE };
    _cleanup_free_ wchar_t *wide = win_wide(path ? path : "NUL", e);
    HANDLE h;

    if (!wide)
        return INVALID_HANDLE_VALUE;
    h = CreateFileW(wide, write ? GENERIC_WRITE : GENERIC_READ,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &inherit,
                    write && path ? CREATE_ALWAYS : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (h == INVALID_HANDLE_VALUE)
        (void)err_win32(e, GetLastError(), "open '%s'", path ? path : "NUL");
    return h;
}

static int open_streams(const struct win_run *r, struct child *c, struct err *e)
{
    c->in = open_stream(NULL, false, e);
    if (c->in != INVALID_HANDLE_VALUE)
        c->out = open_stream(r->out_path, true, e);
    if (c->out != INVALID_HANDLE_VALUE && c->in != INVALID_HANDLE_VALUE)
        c->err = open_stream(r->err_path, true, e);
    return e->no ? -e->no : 0;
}

static int fill_texts(const struct win_run *r, struct child *c, struct err *e)
{
    c->command = win_wide(r->command, e);
    if (c->command && r->folder)
        c->folder = win_wide(r->folder, e);
    if (!e->no && r->user)
        c->user = win_wide(r->user, e);
    if (!e->no && r->user)
        c->password = win_wide(r->password ? r->password : "", e);
    return e->no ? -e->no : 0;
}

/* The user's own profile and environment; without them the script runs with ours. */
static void load_profile(struct child *c)
{
    __typeof__(&LoadUserProfileW) load = DYN(L"userenv.dll", LoadUserProfileW);
    __typeof__(&CreateEnvironmentBlock) make = DYN(L"userenv.dll", CreateEnvironmentBlock);
    PROFILEINFOW info = { .dwSize = sizeof(info), .dwFlags = PI_NOUI, .lpUserName = c->user };

    if (load && load(c->token, &info))
        c->profile = info.hProfile;
    if (make && !make(&c->environment, c->token, FALSE))
        c->environment = NULL;
}

static int log_on(struct child *c, const char *user, struct err *e)
{
    if (!LogonUserW(c->user, L".", c->password, LOGON32_LOGON_BATCH, LOGON32_PROVIDER_DEFAULT,
                    &c->token))
        return err_win32(e, GetLastError(), "log on '%s'", user);
    load_profile(c);
    return 0;
}

static int create(const struct win_run *r, struct child *c, struct err *e)
{
    STARTUPINFOW si = { .cb = sizeof(si),
                        .dwFlags = STARTF_USESTDHANDLES,
                        .hStdInput = c->in,
                        .hStdOutput = c->out,
                        .hStdError = c->err };
    wchar_t own_desktop[] = L"";
    DWORD flags = CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT |
                  (r->detach ? CREATE_NEW_PROCESS_GROUP : 0);
    BOOL ok;

    /* not our window station, which another account may not use: one of its own */
    if (c->token)
        si.lpDesktop = own_desktop;
    if (c->token)
        ok = CreateProcessAsUserW(c->token, NULL, c->command, NULL, NULL, TRUE, flags,
                                  c->environment, c->folder, &si, &c->p);
    else
        ok = CreateProcessW(NULL, c->command, NULL, NULL, TRUE, flags, NULL, c->folder, &si, &c->p);
    if (!ok)
        return err_win32(e, GetLastError(), "start '%.200s'", r->command);
    if (!r->detach) {
        c->job = CreateJobObjectW(NULL, NULL);
        if (c->job)
            (void)AssignProcessToJobObject(c->job, c->p.hProcess); /* else only itself is ended */
    }
    ResumeThread(c->p.hThread);
    return 0;
}

static int wait_end(const struct win_run *r, struct child *c, uint32_t *ret_exit, struct err *e)
{
    DWORD code = 0;

    if (WaitForSingleObject(c->p.hProcess, r->timeout_ms ? r->timeout_ms : INFINITE) ==
        WAIT_TIMEOUT) {
        if (!c->job || !TerminateJobObject(c->job, 1))
            (void)TerminateProcess(c->p.hProcess, 1); /* it may have just ended */
        return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "'%.200s' did not end in %u s", r->command,
                       r->timeout_ms / 1000);
    }
    if (!GetExitCodeProcess(c->p.hProcess, &code))
        return err_win32(e, GetLastError(), "exit code of '%.200s'", r->command);
    *ret_exit = code;
    return 0;
}

static void close_if(HANDLE h)
{
    if (h && h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
}

static void child_done(struct child *c)
{
    __typeof__(&UnloadUserProfile) unload =
        c->profile ? DYN(L"userenv.dll", UnloadUserProfile) : NULL;
    __typeof__(&DestroyEnvironmentBlock) destroy =
        c->environment ? DYN(L"userenv.dll", DestroyEnvironmentBlock) : NULL;

    if (unload)
        (void)unload(c->token, c->profile);
    if (destroy)
        (void)destroy(c->environment);
    close_if(c->in);
    close_if(c->out);
    close_if(c->err);
    close_if(c->token);
    close_if(c->job);
    close_if(c->p.hThread);
    close_if(c->p.hProcess);
    if (c->password)
        mem_wipe(c->password, wcslen(c->password) * sizeof(*c->password));
    free(c->command);
    free(c->folder);
    free(c->user);
    free(c->password);
}

static int run(struct win *w, const struct win_run *r, uint32_t *ret_pid, uint32_t *ret_exit,
               struct err *e)
{
    struct child c = { 0 };
    uint32_t code = 0;
    int no = fill_texts(r, &c, e);

    if (no == 0)
        no = open_streams(r, &c, e);
    if (no == 0 && c.user)
        no = log_on(&c, r->user, e);
    if (no == 0)
        no = create(r, &c, e);
    if (no == 0 && r->started)
        r->started(r->ctx, c.p.dwProcessId);
    if (no == 0 && !r->detach)
        no = wait_end(r, &c, &code, e);
    if (no == 0) {
        *ret_pid = c.p.dwProcessId;
        *ret_exit = code;
    }
    child_done(&c);
    return no;
}

struct job {
    void (*fn)(void *arg);
    void *arg;
};

static DWORD WINAPI thread_main(void *p)
{
    struct job *j = p;

    j->fn(j->arg);
    return 0;
}

/* A thread that is done at once gives its stack back before the next one starts (Wine touches a
 * megabyte of each); the last of all is our own. */
static int run_all(struct win *w, void (*fn)(void *arg), void *const *args, size_t n, struct err *e)
{
    struct job jobs[THREADS_MAX];
    HANDLE threads[THREADS_MAX];
    DWORD started = 0;
    int r = 0;

    if (n > THREADS_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "%zu things at the same time", n);
    for (size_t i = 0; r == 0 && i + 1 < n; i++) {
        jobs[i] = (struct job){ fn, args[i] };
        threads[started] = CreateThread(NULL, 0, thread_main, &jobs[i], 0, NULL);
        if (threads[started])
            (void)WaitForSingleObject(threads[started++], STAGGER_MS);
        else
            r = err_win32(e, GetLastError(), "start a thread");
    }
    if (r == 0 && n)
        fn(args[n - 1]);
    if (started)
        (void)WaitForMultipleObjects(started, threads, TRUE, INFINITE);
    for (DWORD i = 0; i < started; i++)
        CloseHandle(threads[i]);
    return r;
}

/* Row of a process in the snapshot: 1 when found. */
static bool find_process(HANDLE snap, DWORD pid, PROCESSENTRY32W *ret)
{
    ret->dwSize = sizeof(*ret);
    for (BOOL more = Process32FirstW(snap, ret); more; more = Process32NextW(snap, ret))
        if (ret->th32ProcessID == pid)
            return true;
    return false;
}

static int ancestors(struct win *w, struct win_name **ret, size_t *ret_n, struct err *e)
{
    HANDLE snap = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    struct win_name *list;
    PROCESSENTRY32W row;
    DWORD pid = GetCurrentProcessId();
    size_t n = 0;

    if (snap == INVALID_HANDLE_VALUE)
        return err_win32(e, GetLastError(), "list the processes");
    list = calloc(ANCESTORS_MAX, sizeof(*list));
    if (!list) {
        close_if(snap);
        return err_oom(e);
    }
    if (find_process(snap, pid, &row))
        while (n < ANCESTORS_MAX && row.th32ParentProcessID &&
               find_process(snap, row.th32ParentProcessID, &row))
            win_narrow_into(row.szExeFile, list[n++].name, sizeof(list[0].name));
    CloseHandle(snap);
    *ret = list;
    *ret_n = n;
    return 0;
}

static bool is_admin(struct win *w)
{
    SID_IDENTIFIER_AUTHORITY nt = { SECURITY_NT_AUTHORITY };
    PSID admins = NULL;
    BOOL member = FALSE;

    if (!AllocateAndInitializeSid(&nt, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0,
                                  0, 0, 0, 0, 0, &admins))
        return false;
    if (!CheckTokenMembership(NULL, admins, &member))
        member = FALSE;
    FreeSid(admins);
    return member;
}

void win_fill_run(struct win *w)
{
    w->run = run;
    w->run_all = run_all;
    w->ancestors = ancestors;
    w->is_admin = is_admin;
}
