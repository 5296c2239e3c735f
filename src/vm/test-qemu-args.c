/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "qemu-args.h"
#include "str.h"

static struct vm_spec plain_spec(const struct vm_disk *disks, unsigned n)
{
    return (struct vm_spec){ .id = "i-0123456789abcdef0",
                             .dir = "/var/lib/kiln/machines/i-0123456789abcdef0",
                             .qemu = "qemu-system-x86_64",
                             .serial = "/usr/libexec/kiln/kiln-serial",
                             .vcpus = 2,
                             .memory_bytes = GIB(1),
                             .uuid = "ec2f0123-4567-89ab-cdef-0123456789ab",
                             .mac = "02:00:00:12:34:56",
                             .disks = disks,
                             .n_disks = n };
}

static void assert_vector(const struct vm_args *a, const char *const *want, size_t n_want)
{
    for (size_t i = 0; i < n_want && i < a->n; i++)
        assert_string_equal(a->v[i], want[i]);
    assert_int_equal(a->n, n_want);
    assert_null(a->v[a->n]);
}

static void a_bios_machine_has_this_vector(void **unused)
{
    static const char *const want[] = {
        "qemu-system-x86_64",
        "-name",
        "guest=i-0123456789abcdef0",
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-no-shutdown",
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-machine",
        "q35,vmport=off",
        "-global",
        "ICH9-LPC.disable_s3=1",
        "-global",
        "ICH9-LPC.disable_s4=1",
        "-smbios",
        "type=1,manufacturer=Kiln,product=Kiln,version=1,"
        "serial=ec2f0123-4567-89ab-cdef-0123456789ab,uuid=ec2f0123-4567-89ab-cdef-0123456789ab",
        "-rtc",
        "base=utc",
        "-boot",
        "menu=off,strict=on",
        "-accel",
        "tcg,thread=multi,tb-size=256",
        "-cpu",
        "max,-smap",
        "-smp",
        "cpus=2,sockets=1,cores=2,threads=1",
        "-m",
        "1048576k",
        "-chardev",
        "socket,id=qmp,fd=3,server=on,wait=off",
        "-mon",
        "chardev=qmp,mode=control",
        "-chardev",
        "socket,id=serial,fd=4,server=on,wait=off",
        "-serial",
        "chardev:serial",
        "-chardev",
        "socket,id=agent,path=/var/lib/kiln/machines/i-0123456789abcdef0/"
        "agent.sock,server=on,wait=off",
        "-device",
        "virtio-serial-pci,id=agents",
        "-device",
        "virtserialport,bus=agents.0,chardev=agent,name=org.qemu.guest_agent.0",
        "-vga",
        "std",
        "-vnc",
        "unix:/var/lib/kiln/machines/i-0123456789abcdef0/vnc.sock",
        "-device",
        "virtio-rng-pci",
        "-netdev",
        "{\"type\":\"user\",\"id\":\"net0\",\"restrict\":true}",
        "-device",
        "{\"driver\":\"e1000e\",\"netdev\":\"net0\",\"mac\":\"02:00:00:12:34:56\",\"romfile\":"
        "\"\"}",
        "-device",
        "{\"driver\":\"pcie-pci-bridge\",\"id\":\"disks0\",\"bus\":\"pcie.0\"}",
        "-device",
        "{\"driver\":\"pcie-pci-bridge\",\"id\":\"disks1\",\"bus\":\"pcie.0\"}",
        "-blockdev",
        "{\"driver\":\"raw\",\"node-name\":\"vol-0a\",\"discard\":\"unmap\",\"file\":{\"driver\":"
        "\"nbd\",\"server\":{\"type\":\"unix\",\"path\":\"/run/v/nbd.sock\"},\"export\":\"\","
        "\"reconnect-delay\":30,\"discard\":\"unmap\"}}",
        "-device",
        "{\"driver\":\"nvme\",\"id\":\"disk.vol-0a\",\"bus\":\"disks0\",\"drive\":\"vol-0a\","
        "\"serial\":\"vol0a\",\"bootindex\":0}",
        "-blockdev",
        "{\"driver\":\"raw\",\"node-name\":\"ephemeral0\",\"discard\":\"unmap\",\"file\":{"
        "\"driver\":\"file\",\"filename\":\"/run/e0\",\"discard\":\"unmap\"}}",
        "-device",
        "{\"driver\":\"nvme\",\"id\":\"disk.ephemeral0\",\"bus\":\"disks0\",\"drive\":"
        "\"ephemeral0\",\"serial\":\"ephemeral0\"}",
    };
    struct vm_disk disks[] = {
        { .id = "vol-0a", .serial = "vol0a", .nbd_socket = "/run/v/nbd.sock", .boot = true },
        { .id = "ephemeral0", .file = "/run/e0" },
    };
    struct vm_spec s = plain_spec(disks, 2);
    struct vm_args a = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(vm_spec_check(&s, &e), 0);
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_vector(&a, want, ARRAY_LEN(want));
    vm_args_done(&a);
}

static bool has(const struct vm_args *a, const char *option, const char *value)
{
    for (unsigned i = 0; i + 1 < a->n; i++)
        if (str_eq(a->v[i], option) && str_eq(a->v[i + 1], value))
            return true;
    return false;
}

static void a_tpm_and_secure_boot_have_their_firmware(void **unused)
{
    struct vm_spec s = plain_spec(NULL, 0);
    struct vm_args a = { 0 };
    struct err e = { 0 };

    (void)unused;
    s.tpm = true;
    assert_int_equal(vm_spec_check(&s, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "a TPM 2.0 needs UEFI"));
    err_clear(&e);
    s.firmware = VM_FIRMWARE_UEFI_SECURE;
    assert_int_equal(vm_spec_check(&s, &e), 0);
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-chardev", "socket,id=tpm,fd=5"));
    assert_true(has(&a, "-device", "tpm-crb,tpmdev=tpm0"));
    assert_true(has(&a, "-machine", "q35,vmport=off,smm=on,pflash0=kiln-code,pflash1=kiln-vars"));
    assert_true(has(&a, "-global", "driver=cfi.pflash01,property=secure,value=on"));
    vm_args_done(&a);
    s.net = VM_NET_TAP; /* has descriptor 5 */
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-chardev", "socket,id=tpm,fd=6"));
    vm_args_done(&a);
}

static void kvm_uefi_and_small_memory_change_what_they_should(void **unused)
{
    struct vm_spec s = plain_spec(NULL, 0);
    struct vm_args a = { 0 };
    struct err e = { 0 };

    (void)unused;
    s.accel = VM_ACCEL_KVM;
    s.firmware = VM_FIRMWARE_UEFI;
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-accel", "kvm"));
    assert_true(has(&a, "-cpu", "host"));
    assert_true(has(&a, "-machine", "q35,vmport=off,pflash0=kiln-code,pflash1=kiln-vars"));
    assert_true(has(&a, "-blockdev",
                    "{\"driver\":\"file\",\"node-name\":\"kiln-vars\",\"filename\":"
                    "\"/var/lib/kiln/machines/i-0123456789abcdef0/vars.fd\"}"));
    vm_args_done(&a);
    s.windows = true;
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-cpu", "host,hv-passthrough=on"));
    assert_true(has(&a, "-machine", "q35,vmport=off,hpet=off,pflash0=kiln-code,pflash1=kiln-vars"));
    vm_args_done(&a);
    s.accel = VM_ACCEL_TCG; /* has neither, and the same HPET for all */
    s.memory_bytes = MIB(512) - 1;
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-accel", "tcg,thread=multi,tb-size=64"));
    assert_true(has(&a, "-m", "524288k"));
    assert_true(has(&a, "-cpu", "max,-smap"));
    assert_true(has(&a, "-machine", "q35,vmport=off,pflash0=kiln-code,pflash1=kiln-vars"));
    vm_args_done(&a);
}

static void hostile_bytes_in_paths_stay_inside_their_value(void **unused)
{
    struct vm_disk d = { .id = "vol-1",
                         .nbd_socket = "/a,b=\"c\"\\,server=on\n{}'$(x)",
                         .serial = "vol1" };
    struct vm_spec s = plain_spec(&d, 1);
    struct vm_args a = { 0 };
    struct err e = { 0 };

    (void)unused;
    s.dir = "/tmp/a,b,,c=d \"q\"";
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-vnc", "unix:/tmp/a,,b,,,,c=d \"q\"/vnc.sock"));
    assert_true(
        has(&a, "-blockdev",
            "{\"driver\":\"raw\",\"node-name\":\"vol-1\",\"discard\":\"unmap\",\"file\":{"
            "\"driver\":\"nbd\",\"server\":{\"type\":\"unix\",\"path\":\"/a,b=\\\"c\\\"\\\\,"
            "server=on\\n{}'$(x)\"},\"export\":\"\",\"reconnect-delay\":30,\"discard\":"
            "\"unmap\"}}"));
    vm_args_done(&a);
}

static void a_path_that_is_not_utf8_is_refused(void **unused)
{
    struct vm_disk d = { .id = "vol-1", .nbd_socket = "/a\xff" };
    struct vm_spec s = plain_spec(&d, 1);
    struct vm_args a = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(vm_args_build(&s, &a, &e), -EINVAL);
    assert_int_equal(e.kind, ERR_INVALID);
    assert_string_equal(e.msg, "a path of 'i-0123456789abcdef0' is not UTF-8");
    assert_int_equal(a.n, 0);
}

static void a_spec_that_cannot_be_is_refused_by_name(void **unused)
{
    static const char long_dir[] =
        "/0123456789012345678901234567890123456789012345678901234567890123"
        "456789012345678901234567890123456789";
    struct vm_disk two[] = { { .id = "vol-1", .file = "/x" }, { .id = "vol-1", .file = "/y" } };
    struct vm_disk boots[] = { { .id = "vol-1", .file = "/x", .boot = true },
                               { .id = "vol-2", .file = "/y", .boot = true } };
    struct vm_disk comma = { .id = "vol,1", .file = "/x" };
    struct vm_disk serial = { .id = "vol-1", .file = "/x", .serial = "a,b" };
    struct vm_disk long_serial = { .id = "vol-1", .file = "/x", .serial = "vol0123456789abcdef01" };
    struct vm_disk none = { .id = "vol-1" };
    struct vm_disk relative = { .id = "vol-1", .file = "x" };
    struct vm_spec base = plain_spec(NULL, 0), s[14];
    static const char *const why[] = {
        "instance id 'i,x' cannot be used",
        "directory 'relative' cannot be used",
        "is too long for sockets in it",
        "0 processors, 1 to 255 are possible",
        "less than 1 MiB of memory",
        "UUID 'ec2' cannot be used",
        "MAC address '02:00:00:12:34:5,' cannot be used",
        "disk 'vol-1' is given twice",
        "2 boot disks, one at most",
        "disk id 'vol,1' cannot be used",
        "disk serial number 'a,b' cannot be used",
        "disk 'vol-1' needs a server or a file, not both",
        "disk path 'x' cannot be used",
        "serial line program '(none)' cannot be used",
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(s); i++)
        s[i] = base;
    s[0].id = "i,x";
    s[1].dir = "relative";
    s[2].dir = long_dir;
    s[3].vcpus = 0;
    s[4].memory_bytes = 5;
    (void)str_copy(s[5].uuid, sizeof s[5].uuid, "ec2");
    (void)str_copy(s[6].mac, sizeof s[6].mac, "02:00:00:12:34:5,");
    s[7].disks = two, s[7].n_disks = 2;
    s[8].disks = boots, s[8].n_disks = 2;
    s[9].disks = &comma, s[9].n_disks = 1;
    s[10].disks = &serial, s[10].n_disks = 1;
    s[11].disks = &none, s[11].n_disks = 1;
    s[12].disks = &relative, s[12].n_disks = 1;
    s[13].serial = NULL;
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        struct err e = { 0 };

        assert_true(vm_spec_check(&s[i], &e) < 0);
        assert_non_null(strstr(e.msg, why[i]));
    }
    struct err e = { 0 };
    assert_true(vm_disk_check(&long_serial, &e) < 0);
}

static void the_longest_volume_serial_fits(void **unused)
{
    struct vm_disk d = { .id = "vol-0123456789abcdef0",
                         .serial = "vol0123456789abcdef0",
                         .nbd_socket = "/x" };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(vm_disk_check(&d, &e), 0);
}

static void disks_over_31_go_to_the_second_bus(void **unused)
{
    struct vm_disk disks[VM_DISKS_MAX] = { 0 };
    struct vm_spec s = plain_spec(disks, VM_DISKS_MAX);
    struct vm_args a = { 0 };
    struct err e = { 0 };

    (void)unused;
    for (unsigned i = 0; i < VM_DISKS_MAX; i++) {
        _cleanup_free_ char *id = xasprintf("vol-%u", i);

        (void)str_copy(disks[i].id, sizeof disks[i].id, id);
        disks[i].file = "/x";
    }
    assert_int_equal(vm_spec_check(&s, &e), 0);
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-device",
                    "{\"driver\":\"nvme\",\"id\":\"disk.vol-30\",\"bus\":\"disks0\",\"drive\":"
                    "\"vol-30\",\"serial\":\"vol-30\"}"));
    assert_true(has(&a, "-device",
                    "{\"driver\":\"nvme\",\"id\":\"disk.vol-31\",\"bus\":\"disks1\",\"drive\":"
                    "\"vol-31\",\"serial\":\"vol-31\"}"));
    vm_args_done(&a);
}

static void each_network_has_its_netdev(void **unused)
{
    struct vm_spec s = plain_spec(NULL, 0);
    struct vm_args a = { 0 };
    struct err e = { 0 };

    (void)unused;
    s.net = VM_NET_TAP;
    s.nic = VM_NIC_VIRTIO;
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-netdev", "{\"type\":\"tap\",\"id\":\"net0\",\"fd\":\"5\"}"));
    assert_true(has(&a, "-device",
                    "{\"driver\":\"virtio-net-pci\",\"netdev\":\"net0\",\"mac\":"
                    "\"02:00:00:12:34:56\",\"romfile\":\"\"}"));
    vm_args_done(&a);
    s.net = VM_NET_USER;
    s.relay = "/usr/libexec/it's";
    s.relay_socket = "/x/imds.sock";
    assert_int_equal(vm_args_build(&s, &a, &e), 0);
    assert_true(has(&a, "-netdev",
                    "{\"type\":\"user\",\"id\":\"net0\",\"net\":\"160.0.0.0/4\",\"host\":"
                    "\"172.31.0.1\",\"dns\":\"172.31.0.2\",\"dhcpstart\":\"172.31.0.10\","
                    "\"guestfwd\":[{\"str\":\"tcp:169.254.169.254:80-cmd:"
                    "'/usr/libexec/it'\\\\''s' '/x/imds.sock'\"}]}"));
    vm_args_done(&a);
}

static void device_ids_name_their_disk(void **unused)
{
    _cleanup_free_ char *id = vm_disk_device_id("vol-1");

    (void)unused;
    assert_string_equal(id, "disk.vol-1");
    assert_string_equal(vm_device_disk_id(id), "vol-1");
    assert_null(vm_device_disk_id("disks0"));
    assert_null(vm_device_disk_id("net0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bios_machine_has_this_vector),
        cmocka_unit_test(a_tpm_and_secure_boot_have_their_firmware),
        cmocka_unit_test(kvm_uefi_and_small_memory_change_what_they_should),
        cmocka_unit_test(hostile_bytes_in_paths_stay_inside_their_value),
        cmocka_unit_test(a_path_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_spec_that_cannot_be_is_refused_by_name),
        cmocka_unit_test(the_longest_volume_serial_fits),
        cmocka_unit_test(disks_over_31_go_to_the_second_bus),
        cmocka_unit_test(each_network_has_its_netdev),
        cmocka_unit_test(device_ids_name_their_disk),
    };

    return test_run(tests);
}
