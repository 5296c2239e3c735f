/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port and the firmware's word about it. */
#include "win-priv.h"

/* the GUID itself, not a reference to one */
#include <initguid.h>

#include <cfgmgr32.h>
#include <devguid.h>
#include <setupapi.h>
#include <stdio.h>
#include <string.h>

#define ACPI        0x41435049U
#define SETUPAPI    L"setupapi.dll"
#define CFGMGR      L"cfgmgr32.dll"
#define TABLE_MAX   KIB(64)
#define PORTS_MAX   256U
#define PARENTS_MAX 3U
#define WRITE_MS    10000U

struct win_port {
    HANDLE h;
};

static DWORD configure(HANDLE h)
{
    COMMTIMEOUTS limits = { .WriteTotalTimeoutConstant = WRITE_MS };
    DCB dcb = { .DCBlength = sizeof(dcb) };

    if (!GetCommState(h, &dcb))
        return GetLastError();
    dcb.BaudRate = CBR_115200;
    dcb.ByteSize = 8;
    dcb.Parity = NOPARITY;
    dcb.StopBits = ONESTOPBIT;
    dcb.fBinary = TRUE;
    dcb.fParity = FALSE;
    dcb.fOutxCtsFlow = FALSE; /* nobody at the other end raises lines */
    dcb.fOutxDsrFlow = FALSE;
    dcb.fOutX = FALSE;
    dcb.fInX = FALSE;
    if (!SetCommState(h, &dcb) || !SetCommTimeouts(h, &limits))
        return GetLastError();
    return 0;
}

static int port_open(struct win *w, const char *name, struct win_port **ret, struct err *e)
{
    _cleanup_free_ wchar_t *wide = NULL;
    struct str path = STR_INIT(64);
    struct win_port *p = calloc(1, sizeof(*p));
    DWORD code;

    str_addf(&path, "\\\\.\\%s", name);
    wide = p ? win_wide(str_text(&path), e) : NULL;
    str_done(&path);
    if (!p)
        return err_oom(e);
    if (!wide) {
        free(p);
        return -e->no;
    }
    p->h = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    code = p->h == INVALID_HANDLE_VALUE ? GetLastError() : configure(p->h);
    if (code) {
        if (p->h != INVALID_HANDLE_VALUE)
            CloseHandle(p->h);
        free(p);
        if (code == ERROR_ACCESS_DENIED)
            code = ERROR_BUSY; /* what an open port answers */
        return err_win32(e, code, "open %s", name);
    }
    *ret = p;
    return 0;
}

static int port_write(struct win *w, struct win_port *p, const void *data, size_t n, struct err *e)
{
    const uint8_t *at = data;

    while (n) {
        DWORD done = 0;

        if (!WriteFile(p->h, at, n > 4096 ? 4096 : (DWORD)n, &done, NULL))
            return err_win32(e, GetLastError(), "write to the serial port");
        if (done == 0)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "the serial port takes nothing in %u s",
                           WRITE_MS / 1000);
        at += done;
        n -= done;
    }
    (void)FlushFileBuffers(p->h); /* some ports cannot; the bytes are on their way */
    return 0;
}

static void port_close(struct win *w, struct win_port *p)
{
    CloseHandle(p->h);
    free(p);
}

static int firmware_table(struct win *w, const char *name, void **ret, size_t *ret_n, struct err *e)
{
    const uint8_t *c = (const uint8_t *)name;
    /* the provider is a number, the table's name is as it lies in memory */
    DWORD id = c[0] | (DWORD)c[1] << 8 | (DWORD)c[2] << 16 | (DWORD)c[3] << 24;
    UINT size = GetSystemFirmwareTable(ACPI, id, NULL, 0), got;
    uint8_t *data;

    if (size == 0 || size > TABLE_MAX)
        return 0;
    data = calloc(1, size);
    if (!data)
        return err_oom(e);
    got = GetSystemFirmwareTable(ACPI, id, data, size);
    if (got == 0 || got > size) {
        free(data);
        return 0;
    }
    *ret = data;
    *ret_n = got;
    return 1;
}

/* Is this node of the device tree the PCI device at that place? */
static bool is_at(DEVINST node, const struct win_pci *at)
{
    __typeof__(&CM_Get_DevNode_Registry_PropertyW) get =
        DYN(CFGMGR, CM_Get_DevNode_Registry_PropertyW);
    wchar_t id[64], ids[1024] = { 0 };
    ULONG size = sizeof(ids) - sizeof(wchar_t), bus = 0, address = 0, type = 0;

    if (!get)
        return false;
    (void)swprintf(id, ARRAY_LEN(id), L"PCI\\VEN_%04X&DEV_%04X", at->vendor, at->device);
    if (get(node, CM_DRP_HARDWAREID, &type, ids, &size, 0) != CR_SUCCESS ||
        wcsncmp(ids, id, wcslen(id)) != 0)
        return false;
    size = sizeof(bus);
    if (get(node, CM_DRP_BUSNUMBER, &type, &bus, &size, 0) != CR_SUCCESS)
        return false;
    size = sizeof(address);
    if (get(node, CM_DRP_ADDRESS, &type, &address, &size, 0) != CR_SUCCESS)
        return false;
    return (bus & 0xff) == at->bus && (bus >> 8 & 0xffff) == at->segment &&
           address >> 16 == at->slot && (address & 0xffff) == at->function;
}

/* Itself, or what it is a function of. */
static bool node_or_parent_is_at(DEVINST node, const struct win_pci *at)
{
    __typeof__(&CM_Get_Parent) parent = DYN(CFGMGR, CM_Get_Parent);

    for (unsigned i = 0; i < PARENTS_MAX; i++) {
        if (is_at(node, at))
            return true;
        if (!parent || parent(&node, node, 0) != CR_SUCCESS)
            return false;
    }
    return false;
}

static int port_name(HDEVINFO set, SP_DEVINFO_DATA *dev, char **ret, struct err *e)
{
    __typeof__(&SetupDiOpenDevRegKey) open = DYN(SETUPAPI, SetupDiOpenDevRegKey);
    wchar_t name[64] = { 0 };
    DWORD size = sizeof(name) - sizeof(wchar_t);
    HKEY k = open ? open(set, dev, DICS_FLAG_GLOBAL, 0, DIREG_DEV, KEY_READ) : NULL;
    LONG code;

    if (!k || k == INVALID_HANDLE_VALUE)
        return 0;
    code = RegQueryValueExW(k, L"PortName", NULL, NULL, (BYTE *)name, &size);
    RegCloseKey(k);
    if (code || wcsncmp(name, L"COM", 3) != 0)
        return 0;
    *ret = win_narrow(name, SIZE_MAX, e);
    return *ret ? 1 : -e->no;
}

static int port_of_pci(struct win *w, const struct win_pci *at, char **ret, struct err *e)
{
    __typeof__(&SetupDiGetClassDevsW) open = DYN(SETUPAPI, SetupDiGetClassDevsW);
    __typeof__(&SetupDiEnumDeviceInfo) next = DYN(SETUPAPI, SetupDiEnumDeviceInfo);
    __typeof__(&SetupDiDestroyDeviceInfoList) close = DYN(SETUPAPI, SetupDiDestroyDeviceInfoList);
    SP_DEVINFO_DATA dev = { .cbSize = sizeof(dev) };
    HDEVINFO set;
    int r = 0;

    if (!open || !next || !close)
        return 0;
    set = open(&GUID_DEVCLASS_PORTS, NULL, NULL, DIGCF_PRESENT);
    if (set == INVALID_HANDLE_VALUE)
        return 0;
    for (DWORD i = 0; r == 0 && i < PORTS_MAX && next(set, i, &dev); i++)
        if (node_or_parent_is_at(dev.DevInst, at))
            r = port_name(set, &dev, ret, e);
    (void)close(set);
    return r;
}

void win_fill_port(struct win *w)
{
    w->port_open = port_open;
    w->port_write = port_write;
    w->port_close = port_close;
    w->firmware_table = firmware_table;
    w->port_of_pci = port_of_pci;
}
