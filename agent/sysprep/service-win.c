/* SPDX-License-Identifier: Apache-2.0 */
/* A program as a service of Windows; one a process. */
#include "sysprep/program.h"

#include <windows.h>

static const struct program_service *service;
static SERVICE_STATUS_HANDLE status_handle;
static HANDLE stopping;

static void report(DWORD state)
{
    SERVICE_STATUS s = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted =
            state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWaitHint = state == SERVICE_STOP_PENDING ? 30000 : 0,
    };

    (void)SetServiceStatus(status_handle, &s);
}

static DWORD WINAPI on_control(DWORD control, DWORD type, void *data, void *ctx)
{
    (void)type;
    (void)data;
    (void)ctx;
    if (control == SERVICE_CONTROL_INTERROGATE)
        return NO_ERROR;
    if (control != SERVICE_CONTROL_STOP && control != SERVICE_CONTROL_SHUTDOWN)
        return ERROR_CALL_NOT_IMPLEMENTED;
    report(SERVICE_STOP_PENDING);
    SetEvent(stopping);
    return NO_ERROR;
}

static bool is_stopping(void *ctx)
{
    (void)ctx;
    return WaitForSingleObject(stopping, 0) == WAIT_OBJECT_0;
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    struct win *w = win_real();

    (void)argc;
    (void)argv;
    status_handle = RegisterServiceCtrlHandlerExW(service->name, on_control, NULL);
    if (!status_handle)
        return;
    report(SERVICE_RUNNING);
    service->run(is_stopping, NULL);
    if (service->stays) {
        w->settle(w);
        WaitForSingleObject(stopping, INFINITE);
    }
    report(SERVICE_STOPPED);
}

int program_service(const struct program_service *s)
{
    const SERVICE_TABLE_ENTRYW table[] = { { (wchar_t *)(uintptr_t)s->name, service_main },
                                           { NULL, NULL } };

    service = s;
    stopping = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (stopping && StartServiceCtrlDispatcherW(table))
        return 0;
    program_say(NULL, s->otherwise);
    return 1;
}
