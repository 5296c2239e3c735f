/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduled tasks by the Task Scheduler's COM interface. */
#define COBJMACROS
#include "win-priv.h"

#include <objbase.h>
#include <oleauto.h>
#include <taskschd.h>

#define OLE32    L"ole32.dll"
#define OLEAUT32 L"oleaut32.dll"

static const GUID class_scheduler = {
    0x0f87369f, 0xa4e5, 0x4cfc, { 0xbd, 0x3e, 0x73, 0xe6, 0x15, 0x45, 0x72, 0xdd }
};
static const GUID iid_service = {
    0x2faba4c7, 0x4da9, 0x4013, { 0x96, 0x97, 0x20, 0xcc, 0x3f, 0xd4, 0x0f, 0x85 }
};

struct scheduler {
    bool com; /* CoInitialize has to be undone */
    ITaskService *service;
    ITaskFolder *root;
};

static BSTR bstr(const char *text)
{
    __typeof__(&SysAllocString) fn = DYN(OLEAUT32, SysAllocString);
    struct err ignore = { 0 };
    _cleanup_free_ wchar_t *wide = win_wide(text, &ignore);

    return fn && wide ? fn(wide) : NULL;
}

static void bstr_free(BSTR s)
{
    __typeof__(&SysFreeString) fn = DYN(OLEAUT32, SysFreeString);

    if (fn && s)
        fn(s);
}

static void scheduler_done(struct scheduler *s)
{
    __typeof__(&CoUninitialize) leave = DYN(OLE32, CoUninitialize);

    if (s->root)
        ITaskFolder_Release(s->root);
    if (s->service)
        ITaskService_Release(s->service);
    if (s->com && leave)
        leave();
}

static int scheduler_open(struct scheduler *s, struct err *e)
{
    __typeof__(&CoInitializeEx) enter = DYN(OLE32, CoInitializeEx);
    __typeof__(&CoCreateInstance) create = DYN(OLE32, CoCreateInstance);
    VARIANT none = { .vt = VT_EMPTY };
    BSTR path = bstr("\\");
    HRESULT hr;

    *s = (struct scheduler){ 0 };
    if (!enter || !create || !path) {
        bstr_free(path);
        return err_no_function(e, "CoCreateInstance");
    }
    s->com = SUCCEEDED(enter(NULL, COINIT_MULTITHREADED));
    hr = create(&class_scheduler, NULL, CLSCTX_INPROC_SERVER, &iid_service, (void **)&s->service);
    if (SUCCEEDED(hr))
        hr = ITaskService_Connect(s->service, none, none, none, none);
    if (SUCCEEDED(hr))
        hr = ITaskService_GetFolder(s->service, path, &s->root);
    bstr_free(path);
    if (FAILED(hr)) {
        scheduler_done(s);
        return err_hresult(e, hr, "open the task scheduler");
    }
    return 0;
}

static int task_install(struct win *w, const char *name, const char *xml, struct err *e)
{
    VARIANT none = { .vt = VT_EMPTY };
    IRegisteredTask *task = NULL;
    struct scheduler s;
    BSTR path, text;
    HRESULT hr;
    int r = scheduler_open(&s, e);

    if (r < 0)
        return r;
    path = bstr(name);
    text = bstr(xml);
    hr = path && text ? ITaskFolder_RegisterTask(s.root, path, text, TASK_CREATE_OR_UPDATE, none,
                                                 none, TASK_LOGON_NONE, none, &task)
                      : E_OUTOFMEMORY;
    if (task)
        IRegisteredTask_Release(task);
    bstr_free(path);
    bstr_free(text);
    scheduler_done(&s);
    return FAILED(hr) ? err_hresult(e, hr, "register task '%s'", name) : 0;
}

static bool is_absent(HRESULT hr)
{
    return hr == HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND) ||
           hr == HRESULT_FROM_WIN32(ERROR_PATH_NOT_FOUND);
}

/* 1 and the task, 0 when there is none. */
static int task_find(struct scheduler *s, const char *name, IRegisteredTask **ret, struct err *e)
{
    BSTR path = bstr(name);
    HRESULT hr = path ? ITaskFolder_GetTask(s->root, path, ret) : E_OUTOFMEMORY;

    bstr_free(path);
    if (is_absent(hr))
        return 0;
    return FAILED(hr) ? err_hresult(e, hr, "look for task '%s'", name) : 1;
}

static int task_state(struct win *w, const char *name, enum win_task_state *ret, struct err *e)
{
    VARIANT_BOOL on = VARIANT_FALSE;
    IRegisteredTask *task = NULL;
    struct scheduler s;
    HRESULT hr = S_OK;
    int r = scheduler_open(&s, e);

    if (r < 0)
        return r;
    r = task_find(&s, name, &task, e);
    if (r == 1) {
        hr = IRegisteredTask_get_Enabled(task, &on);
        IRegisteredTask_Release(task);
    }
    scheduler_done(&s);
    if (r < 0)
        return r;
    if (FAILED(hr))
        return err_hresult(e, hr, "state of task '%s'", name);
    *ret = r == 0 ? WIN_TASK_ABSENT : on ? WIN_TASK_ENABLED : WIN_TASK_DISABLED;
    return 0;
}

static int task_enable(struct win *w, const char *name, bool on, struct err *e)
{
    IRegisteredTask *task = NULL;
    struct scheduler s;
    HRESULT hr = S_OK;
    int r = scheduler_open(&s, e);

    if (r < 0)
        return r;
    r = task_find(&s, name, &task, e);
    if (r == 1) {
        hr = IRegisteredTask_put_Enabled(task, on ? VARIANT_TRUE : VARIANT_FALSE);
        IRegisteredTask_Release(task);
    }
    scheduler_done(&s);
    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "task '%s' does not exist", name);
    if (r < 0)
        return r;
    return FAILED(hr) ? err_hresult(e, hr, "switch task '%s'", name) : 0;
}

static int task_delete(struct win *w, const char *name, struct err *e)
{
    struct scheduler s;
    BSTR path;
    HRESULT hr;
    int r = scheduler_open(&s, e);

    if (r < 0)
        return r;
    path = bstr(name);
    hr = path ? ITaskFolder_DeleteTask(s.root, path, 0) : E_OUTOFMEMORY;
    bstr_free(path);
    scheduler_done(&s);
    return FAILED(hr) && !is_absent(hr) ? err_hresult(e, hr, "delete task '%s'", name) : 0;
}

void win_fill_task(struct win *w)
{
    w->task_install = task_install;
    w->task_state = task_state;
    w->task_enable = task_enable;
    w->task_delete = task_delete;
}
