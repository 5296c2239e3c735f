/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: what is mounted, letters, names, formatting. */
#include "win-priv.h"

#include <stdio.h>
#include <string.h>
#include <winioctl.h>

#define VOLUMES_MAX 128U

static void read_place(const wchar_t *path, struct win_volume *v)
{
    wchar_t device[64];
    VOLUME_DISK_EXTENTS x;
    DWORD n = 0;
    HANDLE h;

    v->disk = UINT32_MAX; /* on no disk, or on several */
    (void)swprintf(device, 64, L"%.48ls", path);
    if (*device && device[wcslen(device) - 1] == L'\\')
        device[wcslen(device) - 1] = L'\0';
    h = CreateFileW(device, 0, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return;
    if (DeviceIoControl(h, IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS, NULL, 0, &x, sizeof(x), &n,
                        NULL)) {
        v->disk = x.Extents[0].DiskNumber;
        v->offset_bytes = (uint64_t)x.Extents[0].StartingOffset.QuadPart;
        v->size_bytes = (uint64_t)x.Extents[0].ExtentLength.QuadPart;
    }
    CloseHandle(h);
}

static void read_volume(const wchar_t *path, struct win_volume *v)
{
    wchar_t text[WIN_PATH_MAX] = { 0 }, fs[16] = { 0 };
    ULARGE_INTEGER free_bytes, total;
    DWORD n = 0;

    win_narrow_into(path, v->path, sizeof(v->path));
    if (GetVolumePathNamesForVolumeNameW(path, text, WIN_PATH_MAX, &n))
        for (const wchar_t *p = text; *p; p += wcslen(p) + 1)
            if (wcslen(p) == 3 && p[1] == L':' && !v->letter)
                v->letter = (char)p[0];
    if (GetVolumeInformationW(path, text, WIN_PATH_MAX, NULL, NULL, NULL, fs, 16)) {
        win_narrow_into(text, v->label, sizeof(v->label));
        win_narrow_into(fs, v->fs, sizeof(v->fs));
    } else if (GetLastError() == ERROR_UNRECOGNIZED_VOLUME) {
        (void)str_copy(v->fs, sizeof(v->fs), "RAW");
    }
    read_place(path, v);
    if (GetDiskFreeSpaceExW(path, NULL, &total, &free_bytes)) {
        v->free_bytes = free_bytes.QuadPart;
        if (!v->size_bytes)
            v->size_bytes = total.QuadPart;
    }
}

static int volumes(struct win *w, struct win_volume **ret, size_t *ret_n, struct err *e)
{
    struct win_volume *list = calloc(VOLUMES_MAX, sizeof(*list));
    wchar_t path[64];
    size_t n = 0;
    HANDLE h;

    if (!list)
        return err_oom(e);
    h = FindFirstVolumeW(path, 64);
    if (h == INVALID_HANDLE_VALUE) {
        (void)err_win32(e, GetLastError(), "list the volumes");
        free(list);
        return -e->no;
    }
    do {
        UINT kind = GetDriveTypeW(path);

        if (kind == DRIVE_FIXED || kind == DRIVE_NO_ROOT_DIR || kind == DRIVE_UNKNOWN ||
            kind == DRIVE_CDROM) /* its letter is in use */
            read_volume(path, &list[n++]);
    } while (n < VOLUMES_MAX && FindNextVolumeW(h, path, 64));
    FindVolumeClose(h);
    *ret = list;
    *ret_n = n;
    return 0;
}

/* FormatEx of fmifs.dll, which has no header: the callback is told when it is done. */
typedef BOOLEAN(WINAPI *format_callback)(int command, DWORD action, void *data);
typedef void(WINAPI *format_fn)(wchar_t *root, DWORD media, const wchar_t *fs, const wchar_t *label,
                                BOOL quick, DWORD cluster, format_callback callback);

#define FORMAT_DONE 11
#define MEDIA_FIXED 12U

static volatile LONG format_result; /* formatting is one at a time: one thread does disks */

static BOOLEAN WINAPI on_format(int command, DWORD action, void *data)
{
    if (command == FORMAT_DONE && data)
        InterlockedExchange(&format_result, *(BOOLEAN *)data ? 1 : -1);
    return TRUE;
}

static int volume_format(struct win *w, const struct win_volume *v, const char *label,
                         struct err *e)
{
    format_fn fn = (format_fn)(void (*)(void))win_find(L"fmifs.dll", "FormatEx");
    _cleanup_free_ wchar_t *path = win_wide(v->path, e);
    _cleanup_free_ wchar_t *name = path ? win_wide(label, e) : NULL;
    wchar_t root[] = L"C:\\";
    struct win_volume now = { 0 };

    if (!name)
        return -e->no;
    if (!fn)
        return err_no_function(e, "FormatEx");
    InterlockedExchange(&format_result, 0);
    root[0] = (wchar_t)v->letter;
    fn(v->letter ? root : path, MEDIA_FIXED, L"NTFS", name, TRUE, 0, on_format);
    if (format_result != 1)
        return err_set(e, EIO, ERR_IO, "format the new volume of disk %u", v->disk);
    read_volume(path, &now);
    if (!str_eq(now.fs, "NTFS"))
        return err_set(e, EIO, ERR_IO, "the new volume of disk %u has file system '%s'", v->disk,
                       now.fs);
    return 0;
}

static int volume_set_letter(struct win *w, const struct win_volume *v, char letter, struct err *e)
{
    _cleanup_free_ wchar_t *path = win_wide(v->path, e);
    wchar_t root[] = L"C:\\", text[WIN_PATH_MAX] = { 0 };
    bool there = false;
    DWORD n = 0;

    if (!path)
        return -e->no;
    if (!GetVolumePathNamesForVolumeNameW(path, text, WIN_PATH_MAX, &n))
        text[0] = L'\0';
    for (const wchar_t *p = text; *p; p += wcslen(p) + 1) {
        if (wcslen(p) != 3 || p[1] != L':')
            continue;
        if (p[0] == (wchar_t)letter)
            there = true;
        else
            (void)DeleteVolumeMountPointW(p); /* the new one is what was asked for */
    }
    root[0] = (wchar_t)letter;
    if (there)
        return 0;
    return SetVolumeMountPointW(root, path)
               ? 0
               : err_win32(e, GetLastError(), "give letter %c to a volume of disk %u", letter,
                           v->disk);
}

static int volume_set_label(struct win *w, const struct win_volume *v, const char *label,
                            struct err *e)
{
    _cleanup_free_ wchar_t *path = win_wide(v->path, e);
    _cleanup_free_ wchar_t *name = path ? win_wide(label, e) : NULL;

    if (!name)
        return -e->no;
    return SetVolumeLabelW(path, name) ? 0
                                       : err_win32(e, GetLastError(), "name a volume '%s'", label);
}

void win_fill_volume(struct win *w)
{
    w->volumes = volumes;
    w->volume_format = volume_format;
    w->volume_set_letter = volume_set_letter;
    w->volume_set_label = volume_set_label;
}
