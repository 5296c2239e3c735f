/* SPDX-License-Identifier: Apache-2.0 */
#include "win-priv.h"

#include <string.h>

#define WAIT_TRIES 100U
#define WAIT_MS    100U

static int open_manager(DWORD access, SC_HANDLE *ret, struct err *e)
{
    *ret = OpenSCManagerW(NULL, NULL, access);
    return *ret ? 0 : err_win32(e, GetLastError(), "open the service manager");
}

/* 1 and the service, 0 when there is none of that name. */
static int open_service(const char *name, DWORD access, SC_HANDLE *ret, struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(name, e);
    SC_HANDLE m = NULL;
    DWORD code;
    int r = wide ? open_manager(SC_MANAGER_CONNECT, &m, e) : -e->no;

    if (r < 0)
        return r;
    *ret = OpenServiceW(m, wide, access);
    code = *ret ? 0 : GetLastError();
    CloseServiceHandle(m);
    if (code == ERROR_SERVICE_DOES_NOT_EXIST || code == ERROR_INVALID_NAME)
        return 0;
    return code ? err_win32(e, code, "open service '%s'", name) : 1;
}

static int must_open(const char *name, DWORD access, SC_HANDLE *ret, struct err *e)
{
    int r = open_service(name, access, ret, e);

    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "service '%s' does not exist", name);
    return r < 0 ? r : 0;
}

static enum win_service_state state_of(DWORD state)
{
    switch (state) {
    case SERVICE_STOPPED:
        return WIN_SERVICE_STOPPED;
    case SERVICE_START_PENDING:
        return WIN_SERVICE_STARTING;
    case SERVICE_STOP_PENDING:
        return WIN_SERVICE_STOPPING;
    case SERVICE_RUNNING:
        return WIN_SERVICE_RUNNING;
    }
    return WIN_SERVICE_OTHER;
}

static int service_state(struct win *w, const char *name, enum win_service_state *ret,
                         struct err *e)
{
    SERVICE_STATUS status = { 0 };
    SC_HANDLE s = NULL;
    DWORD code;
    int r = open_service(name, SERVICE_QUERY_STATUS, &s, e);

    if (r < 0)
        return r;
    if (r == 0) {
        *ret = WIN_SERVICE_ABSENT;
        return 0;
    }
    code = QueryServiceStatus(s, &status) ? 0 : GetLastError();
    CloseServiceHandle(s);
    if (code)
        return err_win32(e, code, "ask for the state of service '%s'", name);
    *ret = state_of(status.dwCurrentState);
    return 0;
}

/* What was stopped on purpose has ended without an error; what never came up has one, or
 * ERROR_SERVICE_NEVER_STARTED. */
static int service_missed(struct win *w, const char *name, struct err *e)
{
    union {
        QUERY_SERVICE_CONFIGW c;
        uint8_t room[8192]; /* the most that Windows gives */
    } config;
    SERVICE_STATUS status = { 0 };
    SC_HANDLE s = NULL;
    DWORD code = 0, needed = 0;
    int r = open_service(name, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG, &s, e);

    if (r <= 0)
        return r;
    if (!QueryServiceStatus(s, &status) ||
        !QueryServiceConfigW(s, &config.c, sizeof(config), &needed))
        code = GetLastError();
    CloseServiceHandle(s);
    if (code)
        return err_win32(e, code, "ask how service '%s' starts", name);
    return config.c.dwStartType == SERVICE_AUTO_START && status.dwCurrentState == SERVICE_STOPPED &&
           status.dwWin32ExitCode != NO_ERROR;
}

static int service_start(struct win *w, const char *name, struct err *e)
{
    SC_HANDLE s = NULL;
    DWORD code;
    int r = must_open(name, SERVICE_START, &s, e);

    if (r < 0)
        return r;
    code = StartServiceW(s, 0, NULL) ? 0 : GetLastError();
    CloseServiceHandle(s);
    if (code && code != ERROR_SERVICE_ALREADY_RUNNING)
        return err_win32(e, code, "start service '%s'", name);
    return 0;
}

static int service_stop(struct win *w, const char *name, struct err *e)
{
    SERVICE_STATUS status = { 0 };
    SC_HANDLE s = NULL;
    DWORD code;
    int r = must_open(name, SERVICE_STOP | SERVICE_QUERY_STATUS, &s, e);

    if (r < 0)
        return r;
    code = ControlService(s, SERVICE_CONTROL_STOP, &status) ? 0 : GetLastError();
    for (unsigned i = 0; code == 0 && status.dwCurrentState != SERVICE_STOPPED; i++) {
        if (i == WAIT_TRIES) {
            code = ERROR_SERVICE_REQUEST_TIMEOUT;
            break;
        }
        Sleep(WAIT_MS);
        if (!QueryServiceStatus(s, &status))
            code = GetLastError();
    }
    CloseServiceHandle(s);
    if (code && code != ERROR_SERVICE_NOT_ACTIVE)
        return err_win32(e, code, "stop service '%s'", name);
    return 0;
}

static DWORD start_type(enum win_service_start how)
{
    return how == WIN_START_AUTO       ? SERVICE_AUTO_START
           : how == WIN_START_DISABLED ? SERVICE_DISABLED
                                       : SERVICE_DEMAND_START;
}

static int service_set_start(struct win *w, const char *name, enum win_service_start how,
                             struct err *e)
{
    SC_HANDLE s = NULL;
    DWORD code;
    int r = must_open(name, SERVICE_CHANGE_CONFIG, &s, e);

    if (r < 0)
        return r;
    code = ChangeServiceConfigW(s, SERVICE_NO_CHANGE, start_type(how), SERVICE_NO_CHANGE, NULL,
                                NULL, NULL, NULL, NULL, NULL, NULL)
               ? 0
               : GetLastError();
    CloseServiceHandle(s);
    return code ? err_win32(e, code, "change the start of service '%s'", name) : 0;
}

/* Description and restart after a failure; a refusal of one is told. */
static DWORD set_details(SC_HANDLE s, const struct win_service *spec, wchar_t *description)
{
    SC_ACTION restart[] = { { SC_ACTION_RESTART, 5000 },
                            { SC_ACTION_RESTART, 30000 },
                            { SC_ACTION_NONE, 0 } };
    SERVICE_DESCRIPTIONW d = { .lpDescription = description };
    SERVICE_FAILURE_ACTIONSW f = { .dwResetPeriod = 86400, .cActions = 3, .lpsaActions = restart };

    if (description && !ChangeServiceConfig2W(s, SERVICE_CONFIG_DESCRIPTION, &d))
        return GetLastError();
    if (spec->restart_on_failure && !ChangeServiceConfig2W(s, SERVICE_CONFIG_FAILURE_ACTIONS, &f))
        return GetLastError();
    return 0;
}

static DWORD create_or_change(SC_HANDLE m, const struct win_service *spec, const wchar_t *name,
                              const wchar_t *display, const wchar_t *command,
                              const wchar_t *depends, SC_HANDLE *ret)
{
    DWORD type = SERVICE_WIN32_OWN_PROCESS, access = SERVICE_ALL_ACCESS;

    *ret = CreateServiceW(m, name, display, access, type, start_type(spec->start),
                          SERVICE_ERROR_NORMAL, command, NULL, NULL, depends, NULL, NULL);
    if (*ret)
        return 0;
    if (GetLastError() != ERROR_SERVICE_EXISTS)
        return GetLastError();
    *ret = OpenServiceW(m, name, access);
    if (!*ret)
        return GetLastError();
    return ChangeServiceConfigW(*ret, type, start_type(spec->start), SERVICE_ERROR_NORMAL, command,
                                NULL, NULL, depends, NULL, NULL, display)
               ? 0
               : GetLastError();
}

static int service_install(struct win *w, const struct win_service *spec, struct err *e)
{
    _cleanup_free_ wchar_t *name = win_wide(spec->name, e);
    _cleanup_free_ wchar_t *display = name ? win_wide(spec->display, e) : NULL;
    _cleanup_free_ wchar_t *command = display ? win_wide(spec->command, e) : NULL;
    _cleanup_free_ wchar_t *about =
        command ? win_wide(spec->description ? spec->description : "", e) : NULL;
    _cleanup_free_ wchar_t *one =
        about ? win_wide(spec->depends_on ? spec->depends_on : "", e) : NULL;
    wchar_t depends[WIN_NAME_MAX] = { 0 }; /* a list of one, ended by an empty one */
    SC_HANDLE m = NULL, s = NULL;
    DWORD code;
    int r = one ? open_manager(SC_MANAGER_CREATE_SERVICE | SC_MANAGER_CONNECT, &m, e) : -e->no;

    if (r < 0)
        return r;
    if (wcslen(one) < WIN_NAME_MAX - 2)
        memcpy(depends, one, wcslen(one) * sizeof(*one));
    code = create_or_change(m, spec, name, display, command, *depends ? depends : NULL, &s);
    if (code == 0)
        code = set_details(s, spec, *about ? about : NULL);
    if (s)
        CloseServiceHandle(s);
    CloseServiceHandle(m);
    return code ? err_win32(e, code, "install service '%s'", spec->name) : 0;
}

static int service_delete(struct win *w, const char *name, struct err *e)
{
    SC_HANDLE s = NULL;
    DWORD code;
    int r = open_service(name, DELETE, &s, e);

    if (r <= 0)
        return r;
    code = DeleteService(s) ? 0 : GetLastError();
    CloseServiceHandle(s);
    if (code && code != ERROR_SERVICE_MARKED_FOR_DELETE)
        return err_win32(e, code, "delete service '%s'", name);
    return 0;
}

void win_fill_service(struct win *w)
{
    w->service_state = service_state;
    w->service_missed = service_missed;
    w->service_start = service_start;
    w->service_stop = service_stop;
    w->service_set_start = service_set_start;
    w->service_install = service_install;
    w->service_delete = service_delete;
}
