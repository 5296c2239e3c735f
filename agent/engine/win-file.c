/* SPDX-License-Identifier: Apache-2.0 */
#include "win-priv.h"

#include <aclapi.h>
#include <sddl.h>
#include <string.h>

#define LIST_MAX  100000U
#define DEPTH_MAX 64U
#define PARTS_MAX 64U

static int file_read(struct win *w, const char *path, size_t max, char **ret, size_t *ret_n,
                     struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(path, e);
    HANDLE h = INVALID_HANDLE_VALUE;
    char *data = NULL;
    LARGE_INTEGER size;
    size_t n = 0;
    int r = 0;

    if (!wide)
        return -e->no;
    h = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return err_win32(e, GetLastError(), "open '%s'", path);
    if (!GetFileSizeEx(h, &size))
        r = err_win32(e, GetLastError(), "size of '%s'", path);
    else if ((uint64_t)size.QuadPart > max)
        r = err_set(e, EFBIG, ERR_LIMIT, "'%s' is larger than %zu bytes", path, max);
    if (r == 0)
        data = malloc((size_t)size.QuadPart + 1);
    if (r == 0 && !data)
        r = err_oom(e);
    while (r == 0 && n < (size_t)size.QuadPart) {
        DWORD got = 0, want = (DWORD)((size_t)size.QuadPart - n);

        if (!ReadFile(h, data + n, want, &got, NULL))
            r = err_win32(e, GetLastError(), "read '%s'", path);
        else if (got == 0)
            break; /* it shrank */
        n += got;
    }
    CloseHandle(h);
    if (r < 0) {
        free(data);
        return r;
    }
    data[n] = '\0';
    *ret = data;
    *ret_n = n;
    return 0;
}

static DWORD write_all(HANDLE h, const void *p, size_t n)
{
    const uint8_t *at = p;

    while (n) {
        DWORD done = 0, part = n > MIB(16) ? (DWORD)MIB(16) : (DWORD)n;

        if (!WriteFile(h, at, part, &done, NULL))
            return GetLastError();
        at += done;
        n -= done;
    }
    return 0;
}

static bool is_folder(const wchar_t *path)
{
    DWORD a = GetFileAttributesW(path);

    return a != INVALID_FILE_ATTRIBUTES && (a & FILE_ATTRIBUTE_DIRECTORY);
}

/* Makes the folder and its parents; n units of path. */
static DWORD make_folders(wchar_t *path, size_t n)
{
    size_t ends[PARTS_MAX], count = 0;

    path[n] = L'\0';
    for (size_t i = n; i > 3 && count < PARTS_MAX; i--)
        if (i == n || path[i] == L'\\')
            ends[count++] = i;
    while (count--) {
        wchar_t old = path[ends[count]];
        DWORD code;

        path[ends[count]] = L'\0';
        code = is_folder(path) || CreateDirectoryW(path, NULL) ? 0 : GetLastError();
        path[ends[count]] = old;
        if (code && code != ERROR_ALREADY_EXISTS)
            return code;
    }
    return 0;
}

static int dir_make(struct win *w, const char *path, struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(path, e);
    DWORD code;

    if (!wide)
        return -e->no;
    if (is_folder(wide))
        return 0;
    code = make_folders(wide, wcslen(wide));
    return code ? err_win32(e, code, "make folder '%s'", path) : 0;
}

static void make_parent(const char *path)
{
    const char *last = strrchr(path, '\\');
    struct err ignore = { 0 };
    _cleanup_free_ char *folder = last ? str_dup_n(path, (size_t)(last - path)) : NULL;

    if (folder)
        (void)dir_make(NULL, folder, &ignore); /* opening the file tells better */
}

/* The access list of a file, when somebody gave it one of its own; NULL: none, or only what its
 * folder hands down. LocalFree it. */
static PSECURITY_DESCRIPTOR own_access(const wchar_t *path)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    PACL list = NULL;

    if (GetNamedSecurityInfoW((wchar_t *)(uintptr_t)path, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION,
                              NULL, NULL, &list, NULL, &sd) != ERROR_SUCCESS)
        return NULL;
    for (DWORD i = 0; list && i < list->AceCount; i++) {
        ACE_HEADER *ace = NULL;

        if (GetAce(list, i, (void **)&ace) && !(ace->AceFlags & INHERITED_ACE))
            return sd;
    }
    LocalFree(sd);
    return NULL;
}

/* The new content beside the old, flushed, then renamed over it: a crash leaves one of them whole.
 * Who may read the old one may read the new, from its first byte on: passwords are inside. */
static int file_write(struct win *w, const char *path, const void *p, size_t n, struct err *e)
{
    struct str tmp_name = STR_INIT(WIN_PATH_MAX * 4);
    _cleanup_free_ wchar_t *wide = win_wide(path, e), *tmp = NULL;
    SECURITY_ATTRIBUTES access = { .nLength = sizeof(access) };
    HANDLE h;
    DWORD code;

    str_addf(&tmp_name, "%s.%lu.new", path, GetCurrentThreadId());
    tmp = wide ? win_wide(str_text(&tmp_name), e) : NULL;
    str_done(&tmp_name);
    if (!tmp)
        return -e->no;
    make_parent(path);
    (void)DeleteFileW(tmp); /* of a run that was killed, with an access list of its own */
    access.lpSecurityDescriptor = own_access(wide);
    h = CreateFileW(tmp, GENERIC_WRITE, 0, access.lpSecurityDescriptor ? &access : NULL, CREATE_NEW,
                    FILE_ATTRIBUTE_NORMAL, NULL);
    code = h == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    LocalFree(access.lpSecurityDescriptor);
    if (code)
        return err_win32(e, code, "create '%s.new'", path);
    code = write_all(h, p, n);
    if (!code && !FlushFileBuffers(h))
        code = GetLastError();
    CloseHandle(h);
    if (!code && !MoveFileExW(tmp, wide, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        code = GetLastError();
    if (code) {
        (void)DeleteFileW(tmp); /* the error is told already */
        return err_win32(e, code, "write '%s'", path);
    }
    return 0;
}

static int file_append(struct win *w, const char *path, const void *p, size_t n, struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(path, e);
    HANDLE h;
    DWORD code;

    if (!wide)
        return -e->no;
    h = CreateFileW(wide, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return err_win32(e, GetLastError(), "open '%s'", path);
    code = write_all(h, p, n);
    CloseHandle(h);
    return code ? err_win32(e, code, "append to '%s'", path) : 0;
}

static bool is_absent(DWORD code)
{
    return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
}

/* A junction or a link to a folder: only the link goes. */
static bool is_folder_link(const wchar_t *path)
{
    DWORD a = GetFileAttributesW(path);

    return a != INVALID_FILE_ATTRIBUTES && (a & FILE_ATTRIBUTE_DIRECTORY) &&
           (a & FILE_ATTRIBUTE_REPARSE_POINT);
}

static int file_delete(struct win *w, const char *path, struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(path, e);
    DWORD code;

    if (!wide)
        return -e->no;
    code = DeleteFileW(wide) ? 0 : GetLastError();
    if (code == ERROR_ACCESS_DENIED && is_folder_link(wide))
        code = RemoveDirectoryW(wide) ? 0 : GetLastError();
    return code && !is_absent(code) ? err_win32(e, code, "delete '%s'", path) : 0;
}

static int file_rename(struct win *w, const char *from, const char *to, struct err *e)
{
    _cleanup_free_ wchar_t *a = win_wide(from, e), *b = a ? win_wide(to, e) : NULL;

    if (!b)
        return -e->no;
    return MoveFileExW(a, b, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
               ? 0
               : err_win32(e, GetLastError(), "rename '%s' to '%s'", from, to);
}

static int file_stat(struct win *w, const char *path, struct win_name *ret, struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(path, e);
    WIN32_FILE_ATTRIBUTE_DATA a;
    const char *last = strrchr(path, '\\');

    if (!wide)
        return -e->no;
    if (!GetFileAttributesExW(wide, GetFileExInfoStandard, &a)) {
        DWORD code = GetLastError();

        return is_absent(code) ? 0 : err_win32(e, code, "look at '%s'", path);
    }
    *ret = (struct win_name){ .is_dir = (a.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0,
                              .size_bytes = (uint64_t)a.nFileSizeHigh << 32 | a.nFileSizeLow,
                              .modified_ms = win_unix_ms(a.ftLastWriteTime) };
    (void)str_copy(ret->name, sizeof(ret->name), last ? last + 1 : path);
    return 1;
}

/* A protected list: SYSTEM and Administrators full, with READ also Users read and execute. What is
 * below inherits it at once. */
static int file_protect(struct win *w, const char *path, enum win_protect how, struct err *e)
{
    const wchar_t *text = how == WIN_PROTECT_READ
                              ? L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
                              : L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
    _cleanup_free_ wchar_t *wide = win_wide(path, e);
    PSECURITY_DESCRIPTOR sd = NULL;
    BOOL present = FALSE, defaulted = FALSE;
    PACL list = NULL;
    DWORD code = 0;

    if (!wide)
        return -e->no;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &sd, NULL))
        return err_win32(e, GetLastError(), "make a security descriptor");
    if (!GetSecurityDescriptorDacl(sd, &present, &list, &defaulted))
        code = GetLastError();
    else
        code =
            SetNamedSecurityInfoW(wide, SE_FILE_OBJECT,
                                  DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                  NULL, NULL, list, NULL);
    LocalFree(sd);
    return code ? err_win32(e, code, "protect '%s'", path) : 0;
}

static int dir_list(struct win *w, const char *path, struct win_name **ret, size_t *ret_n,
                    struct err *e)
{
    struct str pattern = STR_INIT(WIN_PATH_MAX * 4);
    _cleanup_free_ wchar_t *wide = NULL;
    struct win_name *list = calloc(1, sizeof(*list));
    size_t n = 0, cap = 1;
    WIN32_FIND_DATAW f;
    HANDLE h = INVALID_HANDLE_VALUE;

    str_addf(&pattern, "%s\\*", path);
    wide = list ? win_wide(str_text(&pattern), e) : NULL;
    str_done(&pattern);
    if (!list)
        return err_oom(e);
    if (!wide) {
        free(list);
        return -e->no;
    }
    h = FindFirstFileW(wide, &f);
    if (h == INVALID_HANDLE_VALUE && !is_absent(GetLastError())) {
        (void)err_win32(e, GetLastError(), "list '%s'", path);
        free(list);
        return -e->no;
    }
    while (h != INVALID_HANDLE_VALUE && n < LIST_MAX) {
        if (wcscmp(f.cFileName, L".") != 0 && wcscmp(f.cFileName, L"..") != 0) {
            if (n == cap) {
                struct win_name *more = realloc(list, cap * 4 * sizeof(*list));

                if (!more) {
                    FindClose(h);
                    free(list);
                    return err_oom(e);
                }
                list = more;
                cap *= 4;
            }
            list[n] =
                (struct win_name){ .is_dir = (f.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0 &&
                                             !(f.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT),
                                   .size_bytes = (uint64_t)f.nFileSizeHigh << 32 | f.nFileSizeLow,
                                   .modified_ms = win_unix_ms(f.ftLastWriteTime) };
            win_narrow_into(f.cFileName, list[n].name, sizeof(list[n].name));
            n++;
        }
        if (!FindNextFileW(h, &f))
            break;
    }
    if (h != INVALID_HANDLE_VALUE)
        FindClose(h);
    *ret = list;
    *ret_n = n;
    return 0;
}

/* Links are removed, never followed. */
static int delete_below(const char *path, unsigned depth, struct err *e)
{
    _cleanup_free_ struct win_name *list = NULL;
    _cleanup_free_ wchar_t *wide = NULL;
    size_t n = 0;
    DWORD code;
    int r = dir_list(NULL, path, &list, &n, e);

    if (r == 0 && depth == DEPTH_MAX)
        r = err_set(e, ELOOP, ERR_LIMIT, "'%s' is too deep", path);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct str child = STR_INIT(WIN_PATH_MAX * 4);

        str_addf(&child, "%s\\%s", path, list[i].name);
        r = str_check(&child, "a path", e);
        if (r == 0)
            r = list[i].is_dir ? delete_below(str_text(&child), depth + 1, e)
                               : file_delete(NULL, str_text(&child), e);
        str_done(&child);
    }
    if (r < 0)
        return r;
    wide = win_wide(path, e);
    if (!wide)
        return -e->no;
    code = RemoveDirectoryW(wide) ? 0 : GetLastError();
    return code && !is_absent(code) ? err_win32(e, code, "remove folder '%s'", path) : 0;
}

static int dir_delete(struct win *w, const char *path, struct err *e)
{
    return delete_below(path, 0, e);
}

static int env(struct win *w, const char *name, char **ret, struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(name, e);
    _cleanup_free_ wchar_t *value = NULL;
    DWORD n;

    if (!wide)
        return -e->no;
    n = GetEnvironmentVariableW(wide, NULL, 0);
    if (n == 0)
        return 0;
    value = calloc((size_t)n + 1, sizeof(*value));
    if (!value)
        return err_oom(e);
    if (GetEnvironmentVariableW(wide, value, n) >= n)
        return 0; /* it grew meanwhile: somebody plays */
    *ret = win_narrow(value, SIZE_MAX, e);
    return *ret ? 1 : -e->no;
}

static int program_path(struct win *w, char **ret, struct err *e)
{
    wchar_t path[WIN_PATH_MAX];
    DWORD n = GetModuleFileNameW(NULL, path, WIN_PATH_MAX);

    if (n == 0 || n >= WIN_PATH_MAX)
        return err_win32(e, GetLastError(), "path of this program");
    *ret = win_narrow(path, n, e);
    return *ret ? 0 : -e->no;
}

void win_fill_file(struct win *w)
{
    w->file_read = file_read;
    w->file_write = file_write;
    w->file_append = file_append;
    w->file_delete = file_delete;
    w->file_rename = file_rename;
    w->file_stat = file_stat;
    w->file_protect = file_protect;
    w->dir_make = dir_make;
    w->dir_list = dir_list;
    w->dir_delete = dir_delete;
    w->env = env;
    w->program_path = program_path;
}
