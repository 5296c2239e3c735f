/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/disks.h"
#include "engine/fake.h"

#define TB2 2199023255552ULL

static struct win_disk *add_disk(struct fake *f, const char *serial, uint64_t size)
{
    struct win_disk *d = &f->disks[f->disks_n];

    *d = (struct win_disk){
        .number = (uint32_t)f->disks_n, .size_bytes = size, .nvme = true, .start_is_zero = true
    };
    (void)str_copy(d->serial, sizeof(d->serial), serial);
    f->disks_n++;
    return d;
}

static struct fake *start(struct imds **m)
{
    struct fake *f = fake_new();

    fake_metadata_instance(f);
    fake_metadata(f, "meta-data/block-device-mapping/", "ami\nebs1\nebs2\nephemeral0\nroot");
    fake_metadata(f, "meta-data/block-device-mapping/ebs1", "sdf");
    fake_metadata(f, "meta-data/block-device-mapping/ebs2", "xvdg");
    fake_metadata(f, "meta-data/block-device-mapping/ephemeral0", "sdb");
    *m = imds_new(&f->win, dialect_get(DIALECT_V2));
    return f;
}

static void the_list_knows_ids_devices_and_letters(void **unused)
{
    struct imds *m = NULL;
    struct fake *f = start(&m);
    struct disk_row *rows = NULL;
    struct err e = { 0 };
    size_t n = 0;
    char *text;

    (void)add_disk(f, "vol0aaaaaaaaaaaaaaaa_00000001.", MIB(8192));
    (void)add_disk(f, "vol0bbbbbbbbbbbbbbbb", MIB(1024));
    (void)add_disk(f, "AWS0123456789", MIB(4096));
    assert_int_equal(disks_list(&f->win, m, &rows, &n, &e), 0);
    assert_int_equal(n, 4);
    assert_string_equal(rows[0].volume_id, "vol-0123456789abcdef0");
    assert_string_equal(rows[0].device, "/dev/sda1");
    assert_int_equal(rows[0].volume.letter, 'C');
    assert_string_equal(rows[1].volume_id, "vol-0aaaaaaaaaaaaaaaa");
    assert_string_equal(rows[1].device, "sdf"); /* two without a name, two in the mapping */
    assert_string_equal(rows[2].device, "xvdg");
    assert_true(rows[3].instance_store);
    assert_string_equal(rows[3].device, "");
    text = disks_text(rows, n);
    assert_non_null(strstr(text, "1     vol-0aaaaaaaaaaaaaaaa  sdf          EBS"));
    free(text);
    free(rows);
    imds_free(m);
    fake_free(f);
}

static void device_names_have_several_forms(void **unused)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = { { "xvdf", "/dev/sdf", true },        { "sdf", "xvdf", true },
                 { "/dev/nvme0n1", "nvme0n1", true }, { "sda", "/dev/sda1", true },
                 { "xvdf", "xvdg", false },           { "xvdba", "/dev/sdba", true },
                 { "", "/dev/sda1", false },          { "xvdb", "xvdba", false } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(disks_same_device(rows[i].a, rows[i].b), rows[i].same);
}

static void all_empty_disks_are_set_up(void **unused) /* S-155 */
{
    struct imds *m = NULL;
    struct fake *f = start(&m);
    struct err e = { 0 };

    (void)add_disk(f, "vol0aaaaaaaaaaaaaaaa", TB2 - 512);
    (void)add_disk(f, "vol0bbbbbbbbbbbbbbbb", TB2);
    add_disk(f, "AWS0123456789", MIB(4096))->offline = true;
    fake_service(f, "ShellHWDetection", WIN_SERVICE_RUNNING);
    assert_int_equal(disks_initialise(&f->win, m, dialect_get(DIALECT_V1), true, NULL, 0, false,
                                      NULL, &e),
                     0);
    assert_int_equal(f->volumes[1].letter, 'D');
    assert_int_equal(f->disks[1].style, WIN_DISK_MBR);
    assert_int_equal(f->volumes[2].letter, 'E');
    assert_int_equal(f->disks[2].style, WIN_DISK_GPT);
    assert_int_equal(f->volumes[3].letter, 'Z');
    assert_string_equal(f->volumes[3].label, "Temporary Storage 0");
    assert_non_null(strstr(fake_file_text(f, "Z:\\Important.txt"), "temporary"));
    assert_null(fake_file_text(f, "D:\\Important.txt"));
    assert_true(fake_when(f, "service_stop Shell") < fake_when(f, "volume_format"));
    assert_int_equal(fake_find_service(f, "ShellHWDetection")->state, WIN_SERVICE_RUNNING);
    assert_true(fake_when(f, "DisableDeleteNotify 1") < fake_when(f, "volume_format"));
    assert_true(fake_called(f, "DisableDeleteNotify 0"));
    assert_false(fake_called(f, "disk 0"));
    imds_free(m);
    fake_free(f);
}

static void a_second_run_touches_nothing(void **unused)
{
    struct imds *m = NULL;
    struct fake *f = start(&m);
    struct err e = { 0 };

    (void)add_disk(f, "vol0aaaaaaaaaaaaaaaa", MIB(1024));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(disks_initialise(&f->win, m, dialect_get(DIALECT_V2), true, NULL, 0, true,
                                          NULL, &e),
                         0);
    assert_int_equal(fake_count(f, "volume_format"), 1);
    imds_free(m);
    fake_free(f);
}

static void only_named_devices_are_set_up(void **unused)
{
    static const struct disk_wish wishes[] = {
        { .device = "xvdg", .name = "Data", .letter = 'm', .style = WIN_DISK_GPT },
        { .device = "xvdz" },
    };
    struct imds *m = NULL;
    struct fake *f = start(&m);
    struct err e = { 0 };

    (void)add_disk(f, "vol0aaaaaaaaaaaaaaaa", MIB(1024));
    (void)add_disk(f, "vol0bbbbbbbbbbbbbbbb", MIB(1024));
    assert_int_equal(disks_initialise(&f->win, m, dialect_get(DIALECT_V2), false, wishes, 2, true,
                                      NULL, &e),
                     0);
    assert_int_equal(fake_count(f, "volume_format"), 1);
    assert_int_equal(f->volumes[1].disk, 2);
    assert_int_equal(f->volumes[1].letter, 'M');
    assert_string_equal(f->volumes[1].label, "Data");
    assert_int_equal(f->disks[2].style, WIN_DISK_GPT);
    imds_free(m);
    fake_free(f);
}

/* One disk with these marks: what is planned, by whom asked. */
static void plan_says(enum dialect_id id, struct win_disk disk, bool by_name, const char *why)
{
    struct disk_row row = { .disk = disk, .device = "xvdf" };
    struct disk_wish wish = { .device = "/dev/sdf" };
    struct disk_plan plan;
    size_t n = 0;

    row.disk.number = 1;
    disks_plan(dialect_get(id), &row, 1, !by_name, &wish, by_name, "C", &plan, &n);
    assert_int_equal(n, 1);
    if (why)
        assert_string_equal(plan.why, why);
    else
        assert_null(plan.why);
    assert_int_equal(plan.act, why ? DISK_SKIP : DISK_INITIALISE);
}

static void disks_with_data_are_left_alone(void **unused)
{
    struct win_disk empty = { .start_is_zero = true };
    struct win_disk table = { .style = WIN_DISK_GPT };
    struct win_disk parts = { .style = WIN_DISK_MBR, .partitions = 1 };
    struct win_disk foreign = { .style = WIN_DISK_RAW };
    struct win_disk clustered = { .start_is_zero = true, .clustered = true };

    plan_says(DIALECT_V2, empty, true, NULL);
    plan_says(DIALECT_V2, empty, false, NULL);
    plan_says(DIALECT_V2, parts, false, "it has partitions");
    plan_says(DIALECT_V2, parts, true, "it has partitions");
    plan_says(DIALECT_V2, table, true, "it has a partition table");
    plan_says(DIALECT_V2, foreign, true, "there is data in its first 4 KB");
    plan_says(DIALECT_V2, clustered, false, "it belongs to another node of a cluster");
    plan_says(DIALECT_V1, parts, false, "it has partitions");
    plan_says(DIALECT_V1, table, false, NULL);
}

static void a_letter_is_given_to_a_full_disk_too(void **unused)
{
    struct disk_row row = { .disk = { .number = 1, .style = WIN_DISK_MBR, .partitions = 1 },
                            .device = "xvdf",
                            .has_volume = true,
                            .volume = { .letter = 'D', .fs = "NTFS" } };
    struct disk_wish wish = { .device = "xvdf", .letter = 'P' };
    struct disk_plan plan;
    size_t n = 0;

    disks_plan(dialect_get(DIALECT_V2), &row, 1, false, &wish, 1, "CD", &plan, &n);
    assert_int_equal(plan.act, DISK_LETTER_ONLY);
    assert_int_equal(plan.letter, 'P');
    disks_plan(dialect_get(DIALECT_V2), &row, 1, false, &wish, 1, "CDP", &plan, &n);
    assert_int_equal(plan.act, DISK_SKIP);
}

static void when_letters_run_out_a_disk_goes_without(void **unused)
{
    struct disk_row row = { .disk = { .number = 1, .start_is_zero = true } };
    struct disk_plan plan;
    size_t n = 0;

    disks_plan(dialect_get(DIALECT_V2), &row, 1, true, NULL, 0, "DEFGHIJKLMNOPQRSTUVWXYZ", &plan,
               &n);
    assert_int_equal(plan.act, DISK_INITIALISE);
    assert_int_equal(plan.letter, 0);
}

static void a_disk_that_fails_does_not_stop_the_others(void **unused)
{
    struct imds *m = NULL;
    struct fake *f = start(&m);
    struct err e = { 0 };

    (void)add_disk(f, "vol0aaaaaaaaaaaaaaaa", MIB(1024));
    (void)add_disk(f, "vol0bbbbbbbbbbbbbbbb", MIB(1024));
    fake_fail(f, "volume_format", EIO, 1);
    assert_int_equal(disks_initialise(&f->win, m, dialect_get(DIALECT_CONFIG), true, NULL, 0, false,
                                      NULL, &e),
                     -EIO);
    assert_string_equal(e.msg, "1 of 2 disks could not be set up; the log says why");
    assert_string_equal(f->volumes[2].fs, "NTFS");
    imds_free(m);
    fake_free(f);
}

static void letters_follow_the_mapping(void **unused) /* S-159 */
{
    static const struct disk_letter map[] = {
        { "Archive", "P:" }, { "Nowhere", "Q:" }, { "Other", "C" }, { "Other", "QQ" }
    };
    struct fake *f = fake_new();
    struct err e = { 0 };

    f->volumes[1] = (struct win_volume){
        .path = "\\\\?\\Volume{1}\\", .label = "archive", .letter = 'D', .disk = 1
    };
    f->volumes[2] = (struct win_volume){
        .path = "\\\\?\\Volume{2}\\", .label = "Other", .letter = 'E', .disk = 2
    };
    f->volumes_n = 3;
    assert_int_equal(disks_map_letters(&f->win, map, 4, NULL, &e), -EIO);
    assert_string_equal(e.msg, "3 of 4 drive letters could not be set");
    assert_int_equal(f->volumes[1].letter, 'P');
    assert_int_equal(f->volumes[2].letter, 'E'); /* a taken letter leaves it */
    fake_free(f);
}

static void the_root_volume_grows(void **unused) /* S-161 */
{
    struct fake *f = fake_new();
    struct err e = { 0 };

    assert_int_equal(disks_extend_root(&f->win, NULL, &e), 0);
    assert_true(fake_called(f, "disk_extend C"));
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_knows_ids_devices_and_letters),
        cmocka_unit_test(device_names_have_several_forms),
        cmocka_unit_test(all_empty_disks_are_set_up),
        cmocka_unit_test(a_second_run_touches_nothing),
        cmocka_unit_test(only_named_devices_are_set_up),
        cmocka_unit_test(disks_with_data_are_left_alone),
        cmocka_unit_test(a_letter_is_given_to_a_full_disk_too),
        cmocka_unit_test(when_letters_run_out_a_disk_goes_without),
        cmocka_unit_test(a_disk_that_fails_does_not_stop_the_others),
        cmocka_unit_test(letters_follow_the_mapping),
        cmocka_unit_test(the_root_volume_grows),
    };

    return test_run(tests);
}
