/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/host-win.h"

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
