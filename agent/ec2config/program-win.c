/* SPDX-License-Identifier: Apache-2.0 */
/* Ec2Config.exe: `-service` is how Windows starts it, all else is for people. The service does its
 * work once after the start of Windows and then waits to be stopped, as the original does. */
#include "sysprep/program.h"

#include <windows.h>

#include <string.h>

#include "ec2config/config.h"

int wmain(void);

static SERVICE_STATUS_HANDLE status_handle;
static HANDLE stopping;

static void report(DWORD state, DWORD code)
{
    SERVICE_STATUS s = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted =
            state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWin32ExitCode = code,
        .dwWaitHint = state == SERVICE_STOP_PENDING ? 30000 : 0,
    };

    SetServiceStatus(status_handle, &s);
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
    report(SERVICE_STOP_PENDING, NO_ERROR);
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
    struct err e = { 0 };

    (void)argc;
    (void)argv;
    status_handle = RegisterServiceCtrlHandlerExW(L"EC2Config", on_control, NULL);
    if (!status_handle)
        return;
    report(SERVICE_RUNNING, NO_ERROR);
    (void)config_service_run(win_real(), is_stopping, NULL, &e);
    win_real()->settle(win_real());
    WaitForSingleObject(stopping, INFINITE);
    report(SERVICE_STOPPED, NO_ERROR);
}

static int run_service(void)
{
    wchar_t name[] = L"EC2Config";
    const SERVICE_TABLE_ENTRYW table[] = { { name, service_main }, { NULL, NULL } };

    stopping = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!stopping || !StartServiceCtrlDispatcherW(table)) {
        program_say(NULL, "-service is for the service manager of Windows");
        return 1;
    }
    return 0;
}

int wmain(void)
{
    char *line = program_command_line();
    size_t n = 0;
    char **words = line ? config_words(line, &n) : NULL;

    if (!words)
        return 1;
    if (n == 1 && strcmp(words[0], "-service") == 0)
        return run_service();
    return config_main(win_real(), line, program_say, NULL);
}
