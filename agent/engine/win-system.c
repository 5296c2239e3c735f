/* SPDX-License-Identifier: Apache-2.0 */
/* The machine, its version of Windows, and the drivers of its disks and adapters. */
#include "win-priv.h"

/* the GUIDs themselves, not references to them */
#include <initguid.h>

#include <devguid.h>
#include <setupapi.h>
#include <limits.h>
#include <string.h>

#define SETUPAPI    L"setupapi.dll"
#define DRIVERS_CAP 128U
#define CLASS_KEY   "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class"

static const char *arch_name(WORD arch)
{
    switch (arch) {
    case PROCESSOR_ARCHITECTURE_AMD64:
        return "AMD64";
    case PROCESSOR_ARCHITECTURE_ARM64:
        return "ARM64";
    case PROCESSOR_ARCHITECTURE_INTEL:
        return "x86";
    }
    return "";
}

/* GetVersionEx tells what a program was made for; ntdll tells what runs. */
static void fill_version(struct win_system *s)
{
    typedef LONG(WINAPI * version_fn)(OSVERSIONINFOEXW *);
    version_fn fn = (version_fn)(void (*)(void))win_find(L"ntdll.dll", "RtlGetVersion");
    OSVERSIONINFOEXW v = { .dwOSVersionInfoSize = sizeof(v) };
    DWORD sku = 0;

    if (!fn || fn(&v) != 0)
        return;
    s->major = v.dwMajorVersion;
    s->minor = v.dwMinorVersion;
    s->build = v.dwBuildNumber;
    s->server = v.wProductType != VER_NT_WORKSTATION;
    if (GetProductInfo(v.dwMajorVersion, v.dwMinorVersion, v.wServicePackMajor, v.wServicePackMinor,
                       &sku))
        s->sku = sku;
}

static int system_of(struct win *w, struct win_system *ret, struct err *e)
{
    MEMORYSTATUSEX memory = { .dwLength = sizeof(memory) };
    wchar_t locale[LOCALE_NAME_MAX_LENGTH] = { 0 };
    SYSTEM_INFO si;
    struct win_system s = { 0 };

    GetNativeSystemInfo(&si);
    fill_version(&s);
    if (GlobalMemoryStatusEx(&memory))
        s.memory_bytes = memory.ullTotalPhys;
    if (GetSystemDefaultLocaleName(locale, LOCALE_NAME_MAX_LENGTH))
        win_narrow_into(locale, s.language, sizeof(s.language));
    s.processors = si.dwNumberOfProcessors;
    (void)str_copy(s.arch, sizeof(s.arch), arch_name(si.wProcessorArchitecture));
    *ret = s;
    return 0;
}

struct setup {
    __typeof__(&SetupDiGetClassDevsW) open;
    __typeof__(&SetupDiEnumDeviceInfo) next;
    __typeof__(&SetupDiGetDeviceRegistryPropertyW) get;
    __typeof__(&SetupDiDestroyDeviceInfoList) close;
};

static bool property(const struct setup *s, HDEVINFO set, SP_DEVINFO_DATA *dev, DWORD which,
                     wchar_t *out, DWORD units)
{
    memset(out, 0, units * sizeof(*out));
    return s->get(set, dev, which, NULL, (BYTE *)out, (units - 1) * (DWORD)sizeof(*out), NULL);
}

static void reg_into(struct win *w, const char *key, const char *name, char *out, size_t size)
{
    _cleanup_free_ char *text = NULL;
    struct err ignore = { 0 };

    if (win_reg_text(w, key, name, &text, &ignore) == 1)
        (void)str_copy(out, size, text);
}

static bool fill_driver(struct win *w, const struct setup *s, HDEVINFO set, SP_DEVINFO_DATA *dev,
                        struct win_driver *out)
{
    wchar_t text[256];
    char driver[128], key[256];
    struct str path = STR_INIT(sizeof(key) - 1);

    if (!property(s, set, dev, SPDRP_FRIENDLYNAME, text, 256) &&
        !property(s, set, dev, SPDRP_DEVICEDESC, text, 256))
        return false;
    win_narrow_into(text, out->name, sizeof(out->name));
    if (!property(s, set, dev, SPDRP_DRIVER, text, 256))
        return false;
    win_narrow_into(text, driver, sizeof(driver));
    str_addf(&path, CLASS_KEY "\\%s", driver);
    (void)str_copy(key, sizeof(key), str_text(&path));
    str_done(&path);
    reg_into(w, key, "DriverVersion", out->version, sizeof(out->version));
    reg_into(w, key, "ProviderName", out->provider, sizeof(out->provider));
    reg_into(w, key, "InfPath", out->inf, sizeof(out->inf));
    return true;
}

static void add_class(struct win *w, const struct setup *s, const GUID *class, bool net,
                      struct win_driver *list, size_t *n)
{
    SP_DEVINFO_DATA dev = { .cbSize = sizeof(dev) };
    HDEVINFO set = s->open(class, NULL, NULL, DIGCF_PRESENT);

    if (set == INVALID_HANDLE_VALUE)
        return;
    for (DWORD i = 0; *n < DRIVERS_CAP && s->next(set, i, &dev); i++) {
        struct win_driver d = { .net = net };

        if (fill_driver(w, s, set, &dev, &d))
            list[(*n)++] = d;
    }
    (void)s->close(set);
}

static int drivers(struct win *w, struct win_driver **ret, size_t *ret_n, struct err *e)
{
    struct setup s = { .open = DYN(SETUPAPI, SetupDiGetClassDevsW),
                       .next = DYN(SETUPAPI, SetupDiEnumDeviceInfo),
                       .get = DYN(SETUPAPI, SetupDiGetDeviceRegistryPropertyW),
                       .close = DYN(SETUPAPI, SetupDiDestroyDeviceInfoList) };
    struct win_driver *list;
    size_t n = 0;

    if (!s.open || !s.next || !s.get || !s.close)
        return err_no_function(e, "SetupDiGetClassDevs");
    list = calloc(DRIVERS_CAP, sizeof(*list));
    if (!list)
        return err_oom(e);
    add_class(w, &s, &GUID_DEVCLASS_SCSIADAPTER, false, list, &n);
    add_class(w, &s, &GUID_DEVCLASS_DISKDRIVE, false, list, &n);
    add_class(w, &s, &GUID_DEVCLASS_NET, true, list, &n);
    *ret = list;
    *ret_n = n;
    return 0;
}

static int console_text(struct win *w, const char *p, size_t n, char **ret, struct err *e)
{
    int units = n > INT_MAX / 2 ? 0 : MultiByteToWideChar(CP_OEMCP, 0, p, (int)n, NULL, 0);
    _cleanup_free_ wchar_t *wide = units > 0 ? calloc((size_t)units, sizeof(*wide)) : NULL;
    char *text;

    if (units <= 0)
        return err_win32(e, GetLastError(), "read %zu bytes of a program's output", n);
    if (!wide)
        return err_oom(e);
    (void)MultiByteToWideChar(CP_OEMCP, 0, p, (int)n, wide, units);
    text = win_narrow(wide, (size_t)units, e);
    if (!text)
        return -e->no;
    *ret = text;
    return 0;
}

void win_fill_system(struct win *w)
{
    w->console_text = console_text;
    w->system = system_of;
    w->drivers = drivers;
}
