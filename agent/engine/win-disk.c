/* SPDX-License-Identifier: Apache-2.0 */
/* Physical disks by their control codes. */
#include "win-priv.h"

#include <initguid.h>

#include <ntddscsi.h>
#include <stdio.h>
#include <string.h>
#include <winioctl.h>

#define DISKS_MAX           64U
#define PARTS_MAX           128U
#define ALIGN_BYTES         1048576ULL
#define MSR_BYTES           (16ULL << 20)
#define MBR_SECTORS         4294967295ULL
#define NVME_IDENTIFY_BYTES 4096U
#define NVME_DEVICE_AT      3072U /* vendor area of Amazon's controllers: the device's name */
#define NVME_DEVICE_SIZE    32U

/* Not in all versions of the headers. */
#define IOCTL_DISK_GET_ATTRIBUTES 0x000700f0U
#define IOCTL_DISK_SET_ATTRIBUTES 0x0007c0f4U
#define ATTRIBUTE_OFFLINE         1ULL
#define ATTRIBUTE_READONLY        2ULL

struct get_attributes {
    DWORD version, reserved;
    DWORDLONG attributes;
};

struct set_attributes {
    DWORD version;
    BYTE persist, reserved[3];
    DWORDLONG attributes, mask;
    DWORD reserved2[4];
};

/* STORAGE_PROTOCOL_SPECIFIC_DATA behind a STORAGE_PROPERTY_QUERY */
struct protocol_query {
    DWORD property, type;
    DWORD protocol, data_type, request_value, request_sub_value, data_offset, data_length;
    DWORD fixed, reserved[3];
    uint8_t data[NVME_IDENTIFY_BYTES];
};

DEFINE_GUID(our_basic_data, 0xebd0a0a2, 0xb9e5, 0x4433, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99,
            0xc7);
DEFINE_GUID(our_reserved, 0xe3c9e316, 0x0b5c, 0x4db8, 0x81, 0x7d, 0xf9, 0x2d, 0xf0, 0x02, 0x15,
            0xae);

static HANDLE open_disk(uint32_t number, DWORD access)
{
    wchar_t path[40];

    (void)swprintf(path, 40, L"\\\\.\\PhysicalDrive%u", number);
    return CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0,
                       NULL);
}

static bool control(HANDLE h, DWORD code, const void *in, size_t in_n, void *out, size_t out_n,
                    DWORD *ret_n)
{
    DWORD n = 0;
    BOOL ok =
        DeviceIoControl(h, code, (void *)(uintptr_t)in, (DWORD)in_n, out, (DWORD)out_n, &n, NULL);

    if (ret_n)
        *ret_n = n;
    return ok;
}

static void copy_text(const uint8_t *base, DWORD size, DWORD at, char *out, size_t out_size)
{
    size_t n = 0;

    while (at && at < size && base[at] == ' ')
        at++;
    while (at && at + n < size && base[at + n] && n + 1 < out_size)
        n++;
    while (n && base[at + n - 1] == ' ')
        n--;
    if (n)
        memcpy(out, base + at, n);
    out[n] = '\0';
}

static void read_identity(HANDLE h, struct win_disk *d)
{
    STORAGE_PROPERTY_QUERY q = { .PropertyId = StorageDeviceProperty,
                                 .QueryType = PropertyStandardQuery };
    uint8_t raw[1024] = { 0 };
    const STORAGE_DEVICE_DESCRIPTOR *s = (const void *)raw;
    SCSI_ADDRESS address = { .Length = sizeof(address) };
    DWORD n = 0;

    if (control(h, IOCTL_STORAGE_QUERY_PROPERTY, &q, sizeof(q), raw, sizeof(raw), &n)) {
        copy_text(raw, n, s->ProductIdOffset, d->model, sizeof(d->model));
        copy_text(raw, n, s->SerialNumberOffset, d->serial, sizeof(d->serial));
        d->nvme = s->BusType == 0x11 /* BusTypeNvme */ || strstr(d->model, "NVMe") != NULL;
    }
    if (control(h, IOCTL_SCSI_GET_ADDRESS, NULL, 0, &address, sizeof(address), NULL))
        d->scsi_target = address.TargetId;
}

/* Amazon's NVMe controllers tell "sdf" or "/dev/sdf" in their identity; others have zeros there. */
static void read_device(HANDLE h, struct win_disk *d)
{
    struct protocol_query *q = calloc(1, sizeof(*q));
    DWORD n = 0;

    if (!q)
        return;
    q->property = 49;     /* StorageAdapterProtocolSpecificProperty */
    q->protocol = 3;      /* ProtocolTypeNvme */
    q->data_type = 1;     /* NVMeDataTypeIdentify */
    q->request_value = 1; /* of the controller */
    q->data_offset = 40;
    q->data_length = NVME_IDENTIFY_BYTES;
    if (d->nvme && control(h, IOCTL_STORAGE_QUERY_PROPERTY, q, sizeof(*q), q, sizeof(*q), &n) &&
        n >= sizeof(*q)) {
        const uint8_t *at = q->data + NVME_DEVICE_AT;
        size_t len = 0;

        while (len < NVME_DEVICE_SIZE - 1 && at[len] > ' ' && at[len] < 0x7f)
            len++;
        memcpy(d->device, at, len);
        d->device[len] = '\0';
    }
    free(q);
}

/* n bytes of room; NULL when there is none or the disk has no layout. */
static DRIVE_LAYOUT_INFORMATION_EX *read_layout(HANDLE h)
{
    size_t n = sizeof(DRIVE_LAYOUT_INFORMATION_EX) + PARTS_MAX * sizeof(PARTITION_INFORMATION_EX);
    DRIVE_LAYOUT_INFORMATION_EX *l = calloc(1, n);

    if (l && !control(h, IOCTL_DISK_GET_DRIVE_LAYOUT_EX, NULL, 0, l, n, NULL)) {
        free(l);
        l = NULL;
    }
    return l;
}

static bool in_use(const DRIVE_LAYOUT_INFORMATION_EX *l, DWORD i)
{
    const PARTITION_INFORMATION_EX *p = &l->PartitionEntry[i];

    if (p->PartitionLength.QuadPart == 0)
        return false;
    return l->PartitionStyle == PARTITION_STYLE_MBR
               ? p->Mbr.PartitionType != 0
               : memcmp(&p->Gpt.PartitionType, &our_reserved, sizeof(GUID)) != 0;
}

static void read_style(HANDLE h, struct win_disk *d)
{
    DRIVE_LAYOUT_INFORMATION_EX *l = read_layout(h);

    d->style = !l                                         ? WIN_DISK_RAW
               : l->PartitionStyle == PARTITION_STYLE_MBR ? WIN_DISK_MBR
               : l->PartitionStyle == PARTITION_STYLE_GPT ? WIN_DISK_GPT
                                                          : WIN_DISK_RAW;
    if (d->style != WIN_DISK_RAW)
        for (DWORD i = 0; i < l->PartitionCount && i < PARTS_MAX; i++)
            d->partitions += in_use(l, i);
    free(l);
}

static void read_state(HANDLE h, struct win_disk *d)
{
    struct get_attributes a = { 0 };
    uint8_t *start = VirtualAlloc(NULL, 4096, MEM_COMMIT, PAGE_READWRITE); /* aligned */
    DWORD n = 0;

    if (control(h, IOCTL_DISK_GET_ATTRIBUTES, NULL, 0, &a, sizeof(a), NULL)) {
        d->offline = (a.attributes & ATTRIBUTE_OFFLINE) != 0;
        d->readonly = (a.attributes & ATTRIBUTE_READONLY) != 0;
    }
    if (!start)
        return;
    if (ReadFile(h, start, 4096, &n, NULL) && n == 4096) {
        d->start_is_zero = true;
        for (DWORD i = 0; i < n; i++)
            d->start_is_zero = d->start_is_zero && start[i] == 0;
    } else {
        /* another node of a cluster holds it, or it cannot be read: hands off */
        d->clustered = true;
    }
    (void)VirtualFree(start, 0, MEM_RELEASE);
}

static bool read_size(HANDLE h, uint64_t *ret)
{
    GET_LENGTH_INFORMATION length;
    DISK_GEOMETRY_EX g;

    if (control(h, IOCTL_DISK_GET_LENGTH_INFO, NULL, 0, &length, sizeof(length), NULL))
        *ret = (uint64_t)length.Length.QuadPart;
    else if (control(h, IOCTL_DISK_GET_DRIVE_GEOMETRY_EX, NULL, 0, &g, sizeof(g), NULL))
        *ret = (uint64_t)g.DiskSize.QuadPart;
    else
        return false;
    return true;
}

static int disks(struct win *w, struct win_disk **ret, size_t *ret_n, struct err *e)
{
    struct win_disk *list = calloc(DISKS_MAX, sizeof(*list));
    size_t n = 0;

    if (!list)
        return err_oom(e);
    for (uint32_t i = 0; i < DISKS_MAX; i++) {
        HANDLE h = open_disk(i, GENERIC_READ);
        struct win_disk d = { .number = i };

        if (h == INVALID_HANDLE_VALUE)
            continue;
        if (read_size(h, &d.size_bytes) && d.size_bytes) {
            read_identity(h, &d);
            read_device(h, &d);
            read_style(h, &d);
            read_state(h, &d);
            list[n++] = d;
        }
        CloseHandle(h);
    }
    *ret = list;
    *ret_n = n;
    return 0;
}

static int disk_online(struct win *w, uint32_t disk, struct err *e)
{
    struct set_attributes a = { .version = sizeof(a),
                                .mask = ATTRIBUTE_OFFLINE | ATTRIBUTE_READONLY };
    HANDLE h = open_disk(disk, GENERIC_READ | GENERIC_WRITE);
    DWORD code = h == INVALID_HANDLE_VALUE ? GetLastError() : 0;

    if (!code && !control(h, IOCTL_DISK_SET_ATTRIBUTES, &a, sizeof(a), NULL, 0, NULL))
        code = GetLastError();
    if (!code)
        (void)control(h, IOCTL_DISK_UPDATE_PROPERTIES, NULL, 0, NULL, 0, NULL);
    if (h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
    return code ? err_win32(e, code, "bring disk %u online", disk) : 0;
}

static void fill_mbr(DRIVE_LAYOUT_INFORMATION_EX *l, uint64_t size)
{
    PARTITION_INFORMATION_EX *p = l->PartitionEntry;
    uint64_t length = size / ALIGN_BYTES * ALIGN_BYTES - 2 * ALIGN_BYTES;

    if (length / 512 + ALIGN_BYTES / 512 > MBR_SECTORS)
        length = (MBR_SECTORS * 512 / ALIGN_BYTES - 2) * ALIGN_BYTES;
    l->PartitionStyle = PARTITION_STYLE_MBR;
    l->PartitionCount = 4;
    for (unsigned i = 0; i < 4; i++) {
        p[i].PartitionStyle = PARTITION_STYLE_MBR;
        p[i].RewritePartition = TRUE;
    }
    p[0].StartingOffset.QuadPart = (LONGLONG)ALIGN_BYTES;
    p[0].PartitionLength.QuadPart = (LONGLONG)length;
    p[0].PartitionNumber = 1;
    p[0].Mbr.PartitionType = PARTITION_IFS;
    p[0].Mbr.RecognizedPartition = TRUE;
}

static void fill_gpt(DRIVE_LAYOUT_INFORMATION_EX *l, uint64_t size, const GUID ids[3])
{
    PARTITION_INFORMATION_EX *p = l->PartitionEntry;
    uint64_t end = size / ALIGN_BYTES * ALIGN_BYTES - ALIGN_BYTES;

    l->PartitionStyle = PARTITION_STYLE_GPT;
    l->PartitionCount = 2;
    l->Gpt.DiskId = ids[0];
    l->Gpt.StartingUsableOffset.QuadPart = 34 * 512;
    l->Gpt.UsableLength.QuadPart = (LONGLONG)(size - 67ULL * 512);
    l->Gpt.MaxPartitionCount = PARTS_MAX;
    for (DWORD i = 0; i < 2; i++) {
        p[i].PartitionStyle = PARTITION_STYLE_GPT;
        p[i].PartitionNumber = i + 1;
        p[i].RewritePartition = TRUE;
        p[i].Gpt.PartitionType = i ? our_basic_data : our_reserved;
        p[i].Gpt.PartitionId = ids[i + 1];
        (void)wcscpy(p[i].Gpt.Name, i ? L"Basic data partition" : L"Microsoft reserved partition");
    }
    p[0].StartingOffset.QuadPart = (LONGLONG)ALIGN_BYTES;
    p[0].PartitionLength.QuadPart = (LONGLONG)MSR_BYTES;
    p[1].StartingOffset.QuadPart = (LONGLONG)(ALIGN_BYTES + MSR_BYTES);
    p[1].PartitionLength.QuadPart = (LONGLONG)(end - ALIGN_BYTES - MSR_BYTES);
}

static DWORD write_layout(HANDLE h, enum win_disk_style style, uint64_t size, const GUID ids[3])
{
    size_t n = sizeof(DRIVE_LAYOUT_INFORMATION_EX) + 4 * sizeof(PARTITION_INFORMATION_EX);
    DRIVE_LAYOUT_INFORMATION_EX *l = calloc(1, n);
    CREATE_DISK c = { .PartitionStyle =
                          style == WIN_DISK_GPT ? PARTITION_STYLE_GPT : PARTITION_STYLE_MBR };
    DWORD code = 0;

    if (!l)
        return ERROR_OUTOFMEMORY;
    if (style == WIN_DISK_GPT) {
        c.Gpt.DiskId = ids[0];
        c.Gpt.MaxPartitionCount = PARTS_MAX;
        fill_gpt(l, size, ids);
    } else {
        c.Mbr.Signature = ids[0].Data1;
        l->Mbr.Signature = ids[0].Data1;
        fill_mbr(l, size);
    }
    if (!control(h, IOCTL_DISK_CREATE_DISK, &c, sizeof(c), NULL, 0, NULL) ||
        !control(h, IOCTL_DISK_UPDATE_PROPERTIES, NULL, 0, NULL, 0, NULL) ||
        !control(h, IOCTL_DISK_SET_DRIVE_LAYOUT_EX, l, n, NULL, 0, NULL) ||
        !control(h, IOCTL_DISK_UPDATE_PROPERTIES, NULL, 0, NULL, 0, NULL))
        code = GetLastError();
    free(l);
    return code;
}

static int disk_partition(struct win *w, uint32_t disk, enum win_disk_style style, struct err *e)
{
    HANDLE h = INVALID_HANDLE_VALUE;
    uint64_t size = 0;
    GUID ids[3];
    DWORD code = 0;
    int r = w->random(w, ids, sizeof(ids), e);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < 3; i++) { /* version 4 */
        ids[i].Data3 = (unsigned short)((ids[i].Data3 & 0x0fff) | 0x4000);
        ids[i].Data4[0] = (unsigned char)((ids[i].Data4[0] & 0x3f) | 0x80);
    }
    h = open_disk(disk, GENERIC_READ | GENERIC_WRITE);
    if (h == INVALID_HANDLE_VALUE)
        return err_win32(e, GetLastError(), "open disk %u", disk);
    if (!read_size(h, &size))
        code = GetLastError();
    else if (size < 64 * ALIGN_BYTES)
        r = err_set(e, ENOSPC, ERR_LIMIT, "disk %u is too small (%llu bytes)", disk,
                    (unsigned long long)size);
    else
        code = write_layout(h, style, size, ids);
    CloseHandle(h);
    if (r < 0)
        return r;
    return code ? err_win32(e, code, "partition disk %u", disk) : 0;
}

/* The partition at `offset` and how many bytes are free behind it. */
static bool find_room(const DRIVE_LAYOUT_INFORMATION_EX *l, uint64_t size, uint64_t offset,
                      DWORD *ret_number, uint64_t *ret_free)
{
    uint64_t end = size / ALIGN_BYTES * ALIGN_BYTES - ALIGN_BYTES, mine = 0;

    if (l->PartitionStyle == PARTITION_STYLE_MBR && end > MBR_SECTORS * 512)
        end = MBR_SECTORS * 512;
    for (DWORD i = 0; i < l->PartitionCount && i < PARTS_MAX; i++) {
        const PARTITION_INFORMATION_EX *p = &l->PartitionEntry[i];
        uint64_t start = (uint64_t)p->StartingOffset.QuadPart;

        if (p->PartitionLength.QuadPart == 0)
            continue;
        if (start == offset) {
            mine = start + (uint64_t)p->PartitionLength.QuadPart;
            *ret_number = p->PartitionNumber;
        } else if (start > offset && start < end) {
            end = start;
        }
    }
    *ret_free = mine && end > mine ? (end - mine) / ALIGN_BYTES * ALIGN_BYTES : 0;
    return mine != 0;
}

/* The file system takes what the partition has gained. */
static DWORD extend_volume(char letter)
{
    wchar_t path[] = L"\\\\.\\C:";
    PARTITION_INFORMATION_EX p;
    NTFS_VOLUME_DATA_BUFFER ntfs;
    LONGLONG sectors = 0;
    DWORD code = 0;
    HANDLE v;

    path[4] = (wchar_t)letter;
    v = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                    OPEN_EXISTING, 0, NULL);
    if (v == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!control(v, IOCTL_DISK_GET_PARTITION_INFO_EX, NULL, 0, &p, sizeof(p), NULL) ||
        !control(v, FSCTL_GET_NTFS_VOLUME_DATA, NULL, 0, &ntfs, sizeof(ntfs), NULL))
        code = GetLastError();
    if (!code) {
        sectors = p.PartitionLength.QuadPart / ntfs.BytesPerSector;
        if (!control(v, FSCTL_EXTEND_VOLUME, &sectors, sizeof(sectors), NULL, 0, NULL))
            code = GetLastError();
    }
    CloseHandle(v);
    return code;
}

static DWORD volume_place(char letter, DWORD *ret_disk, uint64_t *ret_offset)
{
    wchar_t path[] = L"\\\\.\\C:";
    VOLUME_DISK_EXTENTS x;
    HANDLE v;
    DWORD code = 0;

    path[4] = (wchar_t)letter;
    v = CreateFileW(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    if (v == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!control(v, IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS, NULL, 0, &x, sizeof(x), NULL))
        code = GetLastError(); /* ERROR_MORE_DATA: it lies on several disks */
    CloseHandle(v);
    if (!code) {
        *ret_disk = x.Extents[0].DiskNumber;
        *ret_offset = (uint64_t)x.Extents[0].StartingOffset.QuadPart;
    }
    return code;
}

static DWORD grow(HANDLE h, char letter, uint64_t offset, uint64_t *ret_grown)
{
    DISK_GROW_PARTITION g = { 0 };
    DRIVE_LAYOUT_INFORMATION_EX *l;
    uint64_t size = 0, room = 0;
    DWORD number = 0;
    bool found;

    (void)control(h, IOCTL_DISK_UPDATE_DRIVE_SIZE, NULL, 0, NULL, 0, NULL);
    (void)control(h, IOCTL_DISK_UPDATE_PROPERTIES, NULL, 0, NULL, 0, NULL);
    l = read_size(h, &size) ? read_layout(h) : NULL;
    if (!l)
        return GetLastError();
    found = find_room(l, size, offset, &number, &room);
    free(l);
    if (!found)
        return ERROR_NOT_FOUND;
    *ret_grown = room;
    if (room < ALIGN_BYTES) {
        *ret_grown = 0;
        return 0;
    }
    g.PartitionNumber = number;
    g.BytesToGrow.QuadPart = (LONGLONG)room;
    if (!control(h, IOCTL_DISK_GROW_PARTITION, &g, sizeof(g), NULL, 0, NULL))
        return GetLastError();
    (void)control(h, IOCTL_DISK_UPDATE_PROPERTIES, NULL, 0, NULL, 0, NULL);
    return extend_volume(letter);
}

static int disk_extend(struct win *w, char letter, uint64_t *ret_grown_bytes, struct err *e)
{
    DWORD disk = 0, code;
    uint64_t offset = 0, grown = 0;
    HANDLE h = INVALID_HANDLE_VALUE;

    code = volume_place(letter, &disk, &offset);
    if (!code) {
        h = open_disk(disk, GENERIC_READ | GENERIC_WRITE);
        code = h == INVALID_HANDLE_VALUE ? GetLastError() : grow(h, letter, offset, &grown);
    }
    if (h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
    if (code)
        return err_win32(e, code, "extend volume %c:", letter);
    *ret_grown_bytes = grown;
    return 0;
}

void win_fill_disk(struct win *w)
{
    w->disks = disks;
    w->disk_online = disk_online;
    w->disk_partition = disk_partition;
    w->disk_extend = disk_extend;
}
