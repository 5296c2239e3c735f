/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of the folder tools, over the recording Windows. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "sysprep/fake-sysprep.h"
#include "v2/tools.h"

static struct fake *machine(void)
{
    struct fake *f = fake_new();

    fake_metadata_instance(f);
    f->disks_n = 3;
    for (uint32_t i = 0; i < 3; i++) {
        f->disks[i] = (struct win_disk){ .number = i, .size_bytes = 1ULL << 34, .nvme = true };
        (void)str_copy(f->disks[i].model, sizeof(f->disks[i].model),
                       i < 2 ? "Amazon Elastic Block Store" : "Amazon EC2 NVMe Instance Storage");
        (void)snprintf(f->disks[i].serial, sizeof(f->disks[i].serial), "%s0123456789abcdef%u",
                       i < 2 ? "vol" : "AWS", (unsigned)i);
    }
    (void)str_copy(f->disks[0].device, sizeof(f->disks[0].device), "/dev/sda1");
    (void)str_copy(f->disks[1].device, sizeof(f->disks[1].device), "xvdf");
    return f;
}

static int ask(struct fake *f, const char *word)
{
    char *argv[] = { (char *)(uintptr_t) "ebsnvme-id.exe", (char *)(uintptr_t)word, NULL };

    fake_hush();
    return v2_ebsnvme_main(&f->win, word ? 2 : 1, argv, fake_hear, NULL);
}

static void ebs_disks_tell_volume_and_device(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    assert_int_equal(ask(f, NULL), 0);
    assert_string_equal(fake_said(),
                        "Disk Number: 0\nVolume ID: vol-0123456789abcdef0\nDevice Name: sda1\n\n"
                        "Disk Number: 1\nVolume ID: vol-0123456789abcdef1\nDevice Name: xvdf\n\n");
    assert_int_equal(ask(f, "1"), 0);
    assert_string_equal(fake_said(),
                        "Disk Number: 1\nVolume ID: vol-0123456789abcdef1\nDevice Name: xvdf\n\n");
    assert_int_equal(ask(f, "2"), 1); /* an instance store */
    assert_string_equal(fake_said(), "This is no EBS disk.\n");
    assert_int_equal(ask(f, "C:"), 2);
    fake_free(f);
}

static void the_port_of_the_console_is_told(void **unused)
{
    struct fake *f = machine();
    (void)unused;

    fake_hush();
    assert_int_equal(v2_spcr_main(&f->win, fake_hear, NULL), 0);
    assert_string_equal(fake_said(), "COM1\n");
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ebs_disks_tell_volume_and_device),
        cmocka_unit_test(the_port_of_the_console_is_told),
    };
    return test_run(tests);
}
