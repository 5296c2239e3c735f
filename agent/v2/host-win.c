/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/host-win.h"

#include <string.h>

#include "lib/utf.h"

void host_print(bool to_stderr, const char *text)
{
    HANDLE h = GetStdHandle(to_stderr ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
    DWORD mode, done;

    if (!h || h == INVALID_HANDLE_VALUE || !*text)
        return;
    if (GetConsoleMode(h, &mode)) {
        _cleanup_free_ uint16_t *w = utf16_from_utf8(text);

        if (w)
            (void)WriteConsoleW(h, w, (DWORD)utf16_len(w), &done, NULL);
        return;
    }
    (void)WriteFile(h, text, (DWORD)strlen(text), &done, NULL);
}

/* ---- the lock ---- */

bool host_lock(void *lock)
{
    struct host_lock *l = lock;

    l->mutex = CreateMutexW(NULL, TRUE, l->name);
    if (l->mutex && GetLastError() == ERROR_ALREADY_EXISTS) {
        CloseHandle(l->mutex);
        l->mutex = NULL;
        return false;
    }
    return true; /* a machine that has no mutex for us still runs */
}

bool host_locked(void *lock)
{
    struct host_lock *l = lock;
    HANDLE h = OpenMutexW(SYNCHRONIZE, FALSE, l->name);

    if (!h)
        return false;
    CloseHandle(h);
    return true;
}

void host_unlock(void *lock)
{
    struct host_lock *l = lock;

    if (l->mutex) {
        (void)ReleaseMutex(l->mutex);
        CloseHandle(l->mutex);
    }
    l->mutex = NULL;
}

/* ---- the service; one a process ---- */

static const struct host_service *service;
static SERVICE_STATUS_HANDLE status_handle;
static volatile LONG stopping;

static void tell(DWORD state, DWORD code)
{
    SERVICE_STATUS s = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted =
            state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWin32ExitCode = code ? ERROR_SERVICE_SPECIFIC_ERROR : NO_ERROR,
        .dwServiceSpecificExitCode = code,
        .dwWaitHint = state == SERVICE_STOP_PENDING ? 30000 : 0,
    };

    (void)SetServiceStatus(status_handle, &s);
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *ctx)
{
    switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        (void)InterlockedExchange(&stopping, 1);
        tell(SERVICE_STOP_PENDING, 0);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static bool is_stopping(void *ctx)
{
    return stopping != 0;
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    int code;

    status_handle = RegisterServiceCtrlHandlerExW(service->name, control, NULL);
    if (!status_handle)
        return;
    tell(SERVICE_RUNNING, 0);
    code = service->run(is_stopping, NULL);
    tell(SERVICE_STOPPED, (DWORD)code);
}

int host_service(const struct host_service *s)
{
    const SERVICE_TABLE_ENTRYW table[] = { { (wchar_t *)s->name, service_main }, { NULL, NULL } };

    service = s;
    if (StartServiceCtrlDispatcherW(table))
        return 0;
    host_print(true, "This program is a service: start it with \"net start\" or at a start of "
                     "Windows.\r\n");
    return 1;
}
