/* SPDX-License-Identifier: Apache-2.0 */
#include "win-priv.h"

#include <string.h>

#define VALUE_MAX MIB(1)
#define NAMES_MAX 4096U

/* "HKLM\a\b" is HKEY_LOCAL_MACHINE and "a\b". */
static int split(const char *key, HKEY *ret_root, wchar_t **ret_path, struct err *e)
{
    static const struct {
        const char *name;
        HKEY root;
    } roots[] = { { "HKLM", HKEY_LOCAL_MACHINE },
                  { "HKU", HKEY_USERS },
                  { "HKCU", HKEY_CURRENT_USER },
                  { "HKCR", HKEY_CLASSES_ROOT } };
    size_t n = strcspn(key, "\\");

    for (size_t i = 0; i < ARRAY_LEN(roots); i++)
        if (strlen(roots[i].name) == n && memcmp(key, roots[i].name, n) == 0) {
            *ret_root = roots[i].root;
            *ret_path = win_wide(key[n] ? key + n + 1 : "", e);
            return *ret_path ? 0 : -e->no;
        }
    return err_set(e, EINVAL, ERR_INVALID, "registry key '%s' has no known root", key);
}

/* 1 and the open key, 0 when it does not exist. */
static int open_key(const char *key, REGSAM access, HKEY *ret, struct err *e)
{
    _cleanup_free_ wchar_t *path = NULL;
    HKEY root = NULL;
    LONG code;
    int r = split(key, &root, &path, e);

    if (r < 0)
        return r;
    code = RegOpenKeyExW(root, path, 0, access | KEY_WOW64_64KEY, ret);
    if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND)
        return 0;
    return code ? err_win32(e, (DWORD)code, "open registry key '%s'", key) : 1;
}

static int text_value(const uint8_t *data, size_t n, bool multi, struct win_reg **ret,
                      struct err *e)
{
    const wchar_t *p = (const wchar_t *)(const void *)data;
    size_t units = n / 2, len;
    _cleanup_free_ char *text = NULL;
    struct win_reg *v;

    if (!multi) {
        for (len = 0; len < units && p[len]; len++)
            ;
    } else {
        for (len = units; len && !p[len - 1]; len--)
            ;
    }
    text = win_narrow(p, len, e);
    if (!text)
        return -e->no;
    len = 0;
    if (multi) { /* the converter stops at no NUL: count what it made */
        struct str s = STR_INIT(VALUE_MAX * 3);

        for (size_t at = 0; at < units && p[at];) {
            _cleanup_free_ char *one = win_narrow(p + at, wcsnlen(p + at, units - at), e);

            if (!one) {
                str_done(&s);
                return -e->no;
            }
            str_addf(&s, "%s\n", one);
            at += wcsnlen(p + at, units - at) + 1;
        }
        free(text);
        text = s.p ? str_take(&s) : str_dup("");
        if (!text)
            return err_oom(e);
    }
    len = strlen(text);
    v = calloc(1, sizeof(*v) + len + 1);
    if (!v)
        return err_oom(e);
    v->type = multi ? WIN_REG_MULTI : WIN_REG_TEXT;
    v->len = len;
    memcpy(v->data, text, len);
    *ret = v;
    return 1;
}

static int make_value(DWORD type, const uint8_t *data, size_t n, struct win_reg **ret,
                      struct err *e)
{
    struct win_reg *v;

    if (type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ)
        return text_value(data, n, type == REG_MULTI_SZ, ret, e);
    v = calloc(1, sizeof(*v) + n + 1);
    if (!v)
        return err_oom(e);
    v->type = type == REG_DWORD && n == 4   ? WIN_REG_U32
              : type == REG_QWORD && n == 8 ? WIN_REG_U64
                                            : WIN_REG_BYTES;
    if (v->type != WIN_REG_BYTES)
        memcpy(&v->number, data, n); /* little endian, as Windows is */
    v->len = n;
    memcpy(v->data, data, n);
    *ret = v;
    return 1;
}

static int reg_get(struct win *w, const char *key, const char *name, struct win_reg **ret,
                   struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(name, e);
    _cleanup_free_ uint8_t *data = NULL;
    HKEY k = NULL;
    DWORD type = 0, n = 0;
    LONG code;
    int r = wide ? open_key(key, KEY_QUERY_VALUE, &k, e) : -e->no;

    if (r <= 0)
        return r;
    code = RegQueryValueExW(k, wide, NULL, &type, NULL, &n);
    if (code == 0 && n > VALUE_MAX)
        code = ERROR_NOT_SUPPORTED;
    if (code == 0) {
        data = calloc(1, (size_t)n + 4);
        code = data ? RegQueryValueExW(k, wide, NULL, &type, data, &n) : ERROR_OUTOFMEMORY;
    }
    RegCloseKey(k);
    if (code == ERROR_FILE_NOT_FOUND)
        return 0;
    if (code)
        return err_win32(e, (DWORD)code, "read registry value '%s' of '%s'", name, key);
    return make_value(type, data, n, ret, e);
}

static int set_value(const char *key, const char *name, DWORD type, const void *p, DWORD n,
                     struct err *e)
{
    _cleanup_free_ wchar_t *path = NULL, *wide = win_wide(name, e);
    HKEY root = NULL, k = NULL;
    LONG code;
    int r = wide ? split(key, &root, &path, e) : -e->no;

    if (r < 0)
        return r;
    code = RegCreateKeyExW(root, path, 0, NULL, 0, KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, &k, NULL);
    if (code == 0) {
        code = RegSetValueExW(k, wide, 0, type, p, n);
        RegCloseKey(k);
    }
    if (code)
        return err_win32(e, (DWORD)code, "set registry value '%s' of '%s'", name, key);
    return 0;
}

static int reg_set_text(struct win *w, const char *key, const char *name, const char *text,
                        struct err *e)
{
    _cleanup_free_ wchar_t *wide = win_wide(text, e);

    if (!wide)
        return -e->no;
    return set_value(key, name, REG_SZ, wide, (DWORD)((wcslen(wide) + 1) * 2), e);
}

static int reg_set_u32(struct win *w, const char *key, const char *name, uint32_t v, struct err *e)
{
    return set_value(key, name, REG_DWORD, &v, 4, e);
}

static int delete_key(const char *key, struct err *e)
{
    _cleanup_free_ wchar_t *path = NULL;
    HKEY root = NULL;
    LONG code;
    int r = split(key, &root, &path, e);

    if (r < 0)
        return r;
    if (!*path)
        return err_set(e, EINVAL, ERR_INVALID, "a whole registry root is not deleted");
    code = RegDeleteTreeW(root, path);
    return code && code != ERROR_FILE_NOT_FOUND
               ? err_win32(e, (DWORD)code, "delete registry key '%s'", key)
               : 0;
}

static int reg_delete(struct win *w, const char *key, const char *name, struct err *e)
{
    _cleanup_free_ wchar_t *wide = NULL;
    HKEY k = NULL;
    LONG code;
    int r;

    if (!name)
        return delete_key(key, e);
    wide = win_wide(name, e);
    r = wide ? open_key(key, KEY_SET_VALUE, &k, e) : -e->no;
    if (r <= 0)
        return r;
    code = RegDeleteValueW(k, wide);
    RegCloseKey(k);
    return code && code != ERROR_FILE_NOT_FOUND
               ? err_win32(e, (DWORD)code, "delete registry value '%s' of '%s'", name, key)
               : 0;
}

static int reg_has_key(struct win *w, const char *key, struct err *e)
{
    HKEY k = NULL;
    int r = open_key(key, KEY_QUERY_VALUE, &k, e);

    if (r == 1)
        RegCloseKey(k);
    return r;
}

static int list(const char *key, bool values, struct win_name **ret, size_t *ret_n, struct err *e)
{
    struct win_name *names = NULL;
    DWORD count = 0, n = 0;
    HKEY k = NULL;
    LONG code;
    int r = open_key(key, KEY_READ, &k, e);

    if (r < 0)
        return r;
    if (r == 1)
        (void)RegQueryInfoKeyW(k, NULL, NULL, NULL, values ? NULL : &count, NULL, NULL,
                               values ? &count : NULL, NULL, NULL, NULL, NULL);
    if (count > NAMES_MAX)
        count = NAMES_MAX;
    names = calloc((size_t)count + 1, sizeof(*names));
    if (!names) {
        if (k)
            RegCloseKey(k);
        return err_oom(e);
    }
    for (DWORD i = 0; i < count; i++) {
        wchar_t name[WIN_KEY_MAX];
        DWORD len = WIN_KEY_MAX;

        code = values ? RegEnumValueW(k, i, name, &len, NULL, NULL, NULL, NULL)
                      : RegEnumKeyExW(k, i, name, &len, NULL, NULL, NULL, NULL);
        if (code == ERROR_NO_MORE_ITEMS)
            break;
        if (code)
            continue; /* a name longer than ours is none that an agent looks for */
        win_narrow_into(name, names[n].name, sizeof(names[n].name));
        names[n++].is_dir = !values;
    }
    if (k)
        RegCloseKey(k);
    *ret = names;
    *ret_n = n;
    return 0;
}

static int reg_keys(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                    struct err *e)
{
    return list(key, false, ret, ret_n, e);
}

static int reg_values(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                      struct err *e)
{
    return list(key, true, ret, ret_n, e);
}

void win_fill_reg(struct win *w)
{
    w->reg_get = reg_get;
    w->reg_set_text = reg_set_text;
    w->reg_set_u32 = reg_set_u32;
    w->reg_delete = reg_delete;
    w->reg_has_key = reg_has_key;
    w->reg_keys = reg_keys;
    w->reg_values = reg_values;
}
