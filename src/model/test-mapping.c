/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mapping edits as tables. Entries are written in the shape of the old EC2 tools:
 *     DEVICE=none                                            NoDevice
 *     DEVICE=ephemeralN                                      instance store
 *     DEVICE=SNAPSHOT:SIZE:DELETE:TYPE:IOPS:ENCRYPTED:THROUGHPUT   an EBS volume; parts may be
 * empty A '*' in front of an entry of CreateImage's result: it needs a snapshot. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "rules.h"
#include "str.h"

#define S30 "snap-00000030" /* 30 GiB */
#define S8  "snap-00000008"
#define SE  "snap-0000000e" /* 10 GiB, encrypted */

static uint64_t size_of(const char *id, bool *ret_encrypted, void *userdata)
{
    *ret_encrypted = str_eq(id, SE);
    if (str_eq(id, S30))
        return 30;
    if (str_eq(id, S8))
        return 8;
    return str_eq(id, SE) ? 10 : 0;
}

/* ---- the notation ---------------------------------------------------------------------------- */

static uint64_t number(const char *text)
{
    uint64_t n = 0;

    if (text[0])
        assert_int_equal(parse_u64(text, 0, UINT32_MAX, &n), 0);
    return n;
}

static enum tri tri(const char *text)
{
    return !text[0] ? TRI_UNSET : str_eq(text, "true") ? TRI_TRUE : TRI_FALSE;
}

static void parse_ebs(char *text, struct mapping *x)
{
    char empty[1] = "";
    char *parts[7];

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char *part = text ? strsep(&text, ":") : empty;

        parts[i] = part;
    }
    x->has_ebs = true;
    assert_int_equal(str_copy(x->snapshot_id, sizeof x->snapshot_id, parts[0]), 0);
    x->size_gib = number(parts[1]);
    x->delete_on_termination = tri(parts[2]);
    assert_int_equal(str_copy(x->volume_type, sizeof x->volume_type, parts[3]), 0);
    x->iops = (uint32_t)number(parts[4]);
    x->encrypted = tri(parts[5]);
    x->throughput = (uint32_t)number(parts[6]);
}

static struct mapping parse_entry(char *text)
{
    struct mapping x = { .delete_on_termination = TRI_UNSET, .encrypted = TRI_UNSET };
    const char *device = strsep(&text, "=");

    assert_int_equal(str_copy(x.device, sizeof x.device, device), 0);
    if (!text)
        return x; /* neither of the three */
    if (str_eq(text, "none"))
        x.no_device = true;
    else if (str_starts(text, "eph"))
        assert_int_equal(str_copy(x.virtual_name, sizeof x.virtual_name, text), 0);
    else
        parse_ebs(text, &x);
    return x;
}

static struct mapping_list parse(const char *text)
{
    _cleanup_free_ char *copy = xstrdup(text);
    struct mapping_list l = { 0 };
    char *rest = copy, *one;

    while ((one = strsep(&rest, " ")))
        if (one[0] || rest) {
            struct mapping x = parse_entry(one);

            assert_int_equal(mapping_list_add(&l, &x), 0);
        }
    return l;
}

static const char *tri_word(enum tri t)
{
    return t == TRI_UNSET ? "" : t == TRI_TRUE ? "true" : "false";
}

static char *print(const struct mapping_list *l, const bool *needs)
{
    struct str s = STR_INIT(8192);

    str_add(&s, "");
    for (size_t i = 0; i < l->n; i++) {
        const struct mapping *x = &l->v[i];

        str_addf(&s, "%s%s%s=", i ? " " : "", needs && needs[i] ? "*" : "", x->device);
        if (!x->has_ebs)
            str_add(&s, x->virtual_name);
        else
            str_addf(&s, "%s:%llu:%s:%s:%u:%s:%u", x->snapshot_id, (unsigned long long)x->size_gib,
                     tri_word(x->delete_on_termination), x->volume_type, x->iops,
                     tri_word(x->encrypted), x->throughput);
    }
    return s.p ? str_take(&s) : xstrdup("");
}

struct row {
    const char *base, *request, *type; /* type: launch only */
    const char *want;                  /* the result, or the message when no != 0 */
    int no;
};

/* ---- launch ---------------------------------------------------------------------------------- */

#define IMG   "/dev/sda1=" S30 ":30:true:gp2"
#define IMGR  "/dev/sda1=" S30 ":30:true:gp2:0:false:0" /* as the result shows it */
#define DATA  "/dev/sdf=" S8 ":8:false:gp2"
#define DATAR "/dev/sdf=" S8 ":8:false:gp2:0:false:0"

static const struct row launches[] = {
    /* C-17: what is in the image's mapping comes without asking */
    { IMG, "", "t3.medium", IMGR, 0 },
    { IMG " " DATA " xvdca=ephemeral0", "", "m3.medium", IMGR " " DATAR " xvdca=ephemeral0", 0 },
    /* members of the image that were never set get defaults; C-66: root true, others false */
    { "/dev/sda1=" S30 " /dev/sdf=" S8, "", "t3.medium", IMGR " " DATAR, 0 },
    { IMG, "/dev/sdg=:5", "t3.medium", IMGR " /dev/sdg=:5:false:gp2:0:false:0", 0 },
    { IMG, "/dev/sdg=:5:true", "t3.medium", IMGR " /dev/sdg=:5:true:gp2:0:false:0", 0 },
    { IMG, "/dev/sda1=::false", "t3.medium", "/dev/sda1=" S30 ":30:false:gp2:0:false:0", 0 },
    /* overriding replaces only what is given */
    { IMG, "/dev/sda1=:50", "t3.medium", "/dev/sda1=" S30 ":50:true:gp2:0:false:0", 0 }, /* C-47 */
    { IMG, "/dev/sda1=:::gp3", "t3.medium", "/dev/sda1=" S30 ":30:true:gp3:3000:false:125", 0 },
    { "/dev/sda1=" S30 ":30:true:io1:500", "/dev/sda1=:::gp3", "t3.medium",
      "/dev/sda1=" S30 ":30:true:gp3:3000:false:125", 0 }, /* IOPS go with their type */
    { "/dev/sda1=" S30 ":30:true:io1:500", "/dev/sda1=:40", "t3.medium",
      "/dev/sda1=" S30 ":40:true:io1:500:false:0", 0 },
    { "/dev/sda1=" S30 ":30:true:gp3:4000::200", "/dev/sda1=:::gp3::::", "t3.medium",
      "/dev/sda1=" S30 ":30:true:gp3:4000:false:200", 0 },
    { IMG " " DATA, "/dev/sdf=" S30, "t3.medium", IMGR " /dev/sdf=" S30 ":30:false:gp2:0:false:0",
      0 },
    { IMG, "/dev/sda1=" S30 ":40", "t3.medium", "/dev/sda1=" S30 ":40:true:gp2:0:false:0", 0 },
    /* removing and adding */
    { IMG " " DATA, "/dev/sdf=none", "t3.medium", IMGR, 0 },
    { IMG " xvdca=ephemeral0", "xvdca=none", "m3.medium", IMGR, 0 },
    { IMG, "/dev/sdz=none", "t3.medium", IMGR, 0 },
    { IMG, "/dev/sdg=" S8, "t3.medium", IMGR " /dev/sdg=" S8 ":8:false:gp2:0:false:0", 0 },
    { IMG, "xvdcb=ephemeral0", "m3.xlarge", IMGR " xvdcb=ephemeral0", 0 },
    { IMG " xvdca=ephemeral0", "/dev/sdb=ephemeral0", "m3.xlarge", IMGR " /dev/sdb=ephemeral0",
      0 }, /* the disk moves */
    { IMG " " DATA, "/dev/sdf=ephemeral0", "m3.xlarge", IMGR " /dev/sdf=ephemeral0", 0 },
    { IMG " xvdca=ephemeral0", "xvdca=:4", "m3.xlarge", IMGR " xvdca=:4:false:gp2:0:false:0", 0 },
    /* disks that the type does not have are ignored; C-67: those of NVMe need no entry */
    { IMG " xvdca=ephemeral0", "", "t3.medium", IMGR, 0 },
    { IMG " xvdca=ephemeral0 xvdcb=ephemeral1", "", "m3.medium", IMGR " xvdca=ephemeral0", 0 },
    { IMG " xvdca=ephemeral0", "", "m5d.large", IMGR " xvdca=ephemeral0", 0 },
    /* encryption; C-9 */
    { IMG, "/dev/sdg=" SE, "t3.medium", IMGR " /dev/sdg=" SE ":10:false:gp2:0:true:0", 0 },
    { IMG, "/dev/sdg=:5::::true", "t3.medium", IMGR " /dev/sdg=:5:false:gp2:0:true:0", 0 },
    { IMG, "/dev/sda1=:::::true", "t3.medium", "/dev/sda1=" S30 ":30:true:gp2:0:true:0", 0 },
    { IMG, "/dev/sdg=" SE, "m1.small",
      "'" SE "' is encrypted and 'm1.small' does not support encrypted volumes.", ENOTSUP },
    { IMG, "/dev/sdg=:5::::true", "t1.micro",
      "'/dev/sdg' is encrypted and 't1.micro' does not support encrypted volumes.", ENOTSUP },
    { "/dev/sda1=" SE, "", "m1.small",
      "'" SE "' is encrypted and 'm1.small' does not support encrypted volumes.", ENOTSUP },
    { IMG, "/dev/sdg=" SE ":::::false", "t3.medium",
      "Invalid block device mapping: device '/dev/sdg' is not to be encrypted, and its snapshot is",
      EDOM },
    /* the errors of ec2-api.md section 5 */
    { IMG, "/dev/sdg", "t3.medium", "The request must contain the parameter ebs", ENODATA },
    { IMG, "=:5", "t3.medium", "The request must contain the parameter deviceName", ENODATA },
    { IMG, "/dev/sdg=::true", "t3.medium",
      "The request must contain the parameter size or snapshotId", ENODATA },
    { IMG, "/dev/sda1=:1", "t3.medium",
      "Volume of size 1GB is smaller than snapshot '" S30 "', expect size >= 30GB", EDOM },
    { IMG, "/dev/sdg=" S8 ":7", "t3.medium",
      "Volume of size 7GB is smaller than snapshot '" S8 "', expect size >= 8GB", EDOM },
    { IMG, "/dev/sda1=none", "t3.medium",
      "Invalid block device mapping: device '/dev/sda1' is the root device and cannot be "
      "suppressed",
      EDOM },
    { IMG, "/dev/sda1=ephemeral0", "m3.medium",
      "Invalid block device mapping: device '/dev/sda1' is the root device and cannot be an "
      "instance store volume",
      EDOM },
    { IMG, "/dev/sda1=" S8, "t3.medium",
      "Invalid block device mapping: device '/dev/sda1' is the root device, its snapshot cannot "
      "be replaced",
      EDOM },
    { IMG, "/dev/sdg=:5 /dev/sdg=:6", "t3.medium",
      "Invalid block device mapping: device '/dev/sdg' is given twice", EDOM },
    { IMG, "/dev/sdg=:5 /dev/sdg=none", "t3.medium",
      "Invalid block device mapping: device '/dev/sdg' is given twice", EDOM },
    { IMG, "xvdca=ephemeral24", "m3.medium",
      "Invalid block device mapping: device 'xvdca' has a virtual name other than ephemeral0 to "
      "ephemeral23",
      EDOM }, /* C-66 */
    { IMG, "xvdca=ephemeral0 xvdcb=ephemeral0", "m3.medium",
      "Invalid block device mapping: device 'xvdcb' has an instance store volume that another "
      "one has",
      EDOM },
    { IMG, "/dev/nvme9=:5", "t3.medium",
      "Invalid block device mapping: device '/dev/nvme9' is not a valid device name", EDOM },
    { IMG, "/dev/sdg=snap-00000404", "t3.medium", "The snapshot 'snap-00000404' does not exist.",
      ENOENT },
    { IMG, "/dev/sdg=:17000", "t3.medium",
      "Volume of 17000GiB is invalid; gp2 volumes have 1 to 16384 GiB", EINVAL },
    { IMG, "/dev/sdg=:5::io1", "t3.medium",
      "The request must contain the parameter iops for io1 volumes", ENODATA },
    { IMG, "/dev/sdg=:5::gp2:100", "t3.medium",
      "The parameter iops is not supported for gp2 volumes.", ENOTSUP },
};

static void launch(const struct row *row)
{
    _cleanup_(mapping_list_done) struct mapping_list base = parse(row->base);
    _cleanup_(mapping_list_done) struct mapping_list request = parse(row->request);
    _cleanup_(mapping_list_done) struct mapping_list ret = { 0 };
    _cleanup_free_ char *got = NULL;
    struct err e = { 0 };
    int r = rules_mapping_launch(&base, "/dev/sda1", &request, instance_type_find(row->type),
                                 size_of, NULL, &ret, &e);

    got = r < 0 ? xstrdup(e.msg) : print(&ret, NULL);
    if (e.no != row->no || r != -row->no || !str_eq(got, row->want))
        fail_msg("'%s' + '%s' on %s\n  gave %d '%s'\n  not  %d '%s'", row->base, row->request,
                 row->type, e.no, got, row->no, row->want);
    if (r < 0)
        assert_null(ret.v); /* outputs untouched on failure */
}

static void a_launch_merges_the_request_into_the_image(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(launches); i++)
        launch(&launches[i]);
}

/* ---- create image ---------------------------------------------------------------------------- */

#define NOW   "/dev/sda1=:30:true:gp2::false /dev/sdf=:8:false:gp2::false xvdca=ephemeral0"
#define ROOTR "*/dev/sda1=:30:true:gp2:0:false:0"
#define SDFR  "*/dev/sdf=:8:false:gp2:0:false:0"
#define EPHR  "xvdca=ephemeral0"

static const struct row images[] = {
    /* C-7, C-16: root and every attached volume get a snapshot, instance store is listed */
    { NOW, "", NULL, ROOTR " " SDFR " " EPHR, 0 },
    { "/dev/sda1=" S30 ":30:true:gp2::true", "", NULL, "*/dev/sda1=:30:true:gp2:0:true:0", 0 },
    /* C-46, C-47: sizes grow */
    { NOW, "/dev/sda1=:50", NULL, "*/dev/sda1=:50:true:gp2:0:false:0 " SDFR " " EPHR, 0 },
    { NOW, "/dev/sda1=:30", NULL, ROOTR " " SDFR " " EPHR, 0 },
    { NOW, "/dev/sda1=:29", NULL,
      "Volume of size 29GB is smaller than snapshot of '/dev/sda1', expect size >= 30GB", EDOM },
    { NOW, "/dev/sdf=:9:true:gp3", NULL, ROOTR " */dev/sdf=:9:true:gp3:3000:false:125 " EPHR, 0 },
    { NOW, "/dev/sda1=::false", NULL, "*/dev/sda1=:30:false:gp2:0:false:0 " SDFR " " EPHR, 0 },
    /* C-48, C-52: an EBS or instance store volume of the original is left out */
    { NOW, "/dev/sdf=none", NULL, ROOTR " " EPHR, 0 },
    { NOW, "xvdca=none", NULL, ROOTR " " SDFR, 0 },
    { NOW, "/dev/sdf=none xvdca=none", NULL, ROOTR, 0 },
    { NOW, "/dev/sda1=none", NULL,
      "Invalid block device mapping: device '/dev/sda1' is the root device and cannot be "
      "suppressed",
      EDOM },
    /* C-49, C-50: an empty volume; C-51: one from a snapshot */
    { NOW, "/dev/sdg=:20", NULL, ROOTR " " SDFR " " EPHR " /dev/sdg=:20:false:gp2:0:false:0", 0 },
    { NOW, "/dev/sdg=:20::::true", NULL, ROOTR " " SDFR " " EPHR " /dev/sdg=:20:false:gp2:0:true:0",
      0 },
    { NOW, "/dev/sdg=" S8, NULL, ROOTR " " SDFR " " EPHR " /dev/sdg=" S8 ":8:false:gp2:0:false:0",
      0 },
    { NOW, "/dev/sdg=" SE ":12", NULL,
      ROOTR " " SDFR " " EPHR " /dev/sdg=" SE ":12:false:gp2:0:true:0", 0 },
    { NOW, "/dev/sdg=" S8 ":7", NULL,
      "Volume of size 7GB is smaller than snapshot '" S8 "', expect size >= 8GB", EDOM },
    { NOW, "/dev/sdg=snap-00000404", NULL, "The snapshot 'snap-00000404' does not exist.", ENOENT },
    { NOW, "/dev/sdg=::true", NULL, "The request must contain the parameter size or snapshotId",
      ENODATA },
    /* C-53, C-55: an instance store volume is added, or moves */
    { NOW, "xvdcb=ephemeral1", NULL, ROOTR " " SDFR " " EPHR " xvdcb=ephemeral1", 0 },
    { NOW, "xvdcb=ephemeral0", NULL, ROOTR " " SDFR " xvdcb=ephemeral0", 0 },
    { NOW, "/dev/sdf=ephemeral1", NULL, ROOTR " " EPHR " /dev/sdf=ephemeral1", 0 },
    { NOW, "xvdca=:4", NULL, ROOTR " " SDFR " xvdca=:4:false:gp2:0:false:0", 0 },
    { NOW, "/dev/sda1=ephemeral1", NULL,
      "Invalid block device mapping: device '/dev/sda1' is the root device and cannot be an "
      "instance store volume",
      EDOM },
    /* C-65: encryption cannot be changed */
    { NOW, "/dev/sda1=:::::true", NULL,
      "Invalid block device mapping: device '/dev/sda1' is a volume whose encryption cannot be "
      "changed here; copy the image instead",
      EDOM },
    { NOW, "/dev/sdf=:::::false", NULL,
      "Invalid block device mapping: device '/dev/sdf' is a volume whose encryption cannot be "
      "changed here; copy the image instead",
      EDOM },
    { NOW, "/dev/sdg=" S8 ":::::true", NULL,
      "Invalid block device mapping: device '/dev/sdg' is to be encrypted, and its snapshot is "
      "not; copy the image instead",
      EDOM },
    { NOW, "/dev/sdf=" S8, NULL,
      "Invalid block device mapping: device '/dev/sdf' is a volume that gets its own snapshot, "
      "snapshotId cannot be given",
      EDOM },
    { NOW, "/dev/sdf", NULL, "The request must contain the parameter ebs", ENODATA },
    { NOW, "/dev/sdf=:9 /dev/sdf=none", NULL,
      "Invalid block device mapping: device '/dev/sdf' is given twice", EDOM },
};

static void create(const struct row *row)
{
    _cleanup_(mapping_list_done) struct mapping_list base = parse(row->base);
    _cleanup_(mapping_list_done) struct mapping_list request = parse(row->request);
    _cleanup_(mapping_list_done) struct mapping_list ret = { 0 };
    _cleanup_free_ bool *needs = NULL;
    _cleanup_free_ char *got = NULL;
    struct err e = { 0 };
    int r = rules_mapping_image(&base, "/dev/sda1", &request, size_of, NULL, &ret, &needs, &e);

    got = r < 0 ? xstrdup(e.msg) : print(&ret, needs);
    if (e.no != row->no || r != -row->no || !str_eq(got, row->want))
        fail_msg("'%s' + '%s'\n  gave %d '%s'\n  not  %d '%s'", row->base, row->request, e.no, got,
                 row->no, row->want);
    if (r < 0)
        assert_true(!ret.v && !needs);
}

static void an_image_takes_the_instance_and_the_edits(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(images); i++)
        create(&images[i]);
}

static void no_device_with_a_volume_is_invalid(void **unused)
{
    struct mapping x = { .no_device = true, .has_ebs = true, .size_gib = 1 };
    struct mapping y = { .has_ebs = true, .size_gib = 1 };
    struct mapping_list base = { 0 }, request = { &x, 1 }, ret = { 0 };
    struct err e = { 0 }, e2 = { 0 };

    (void)unused;
    assert_int_equal(str_copy(x.device, sizeof x.device, "/dev/sdg"), 0);
    assert_int_equal(rules_mapping_launch(&base, "/dev/sda1", &request,
                                          instance_type_find("t3.medium"), size_of, NULL, &ret, &e),
                     -EBADMSG);
    assert_string_equal(e.msg, "The request received was invalid");

    assert_int_equal(str_copy(y.device, sizeof y.device, "/dev/sdg"), 0);
    assert_int_equal(str_copy(y.virtual_name, sizeof y.virtual_name, "ephemeral0"), 0);
    request.v = &y;
    assert_int_equal(rules_mapping_launch(&base, "/dev/sda1", &request,
                                          instance_type_find("t3.medium"), size_of, NULL, &ret,
                                          &e2),
                     -EDOM);
}

static void a_request_without_end_is_refused(void **unused)
{
    _cleanup_(mapping_list_done) struct mapping_list request = { 0 };
    struct mapping_list base = { 0 }, ret = { 0 };
    struct mapping x = { .no_device = true };
    struct err e = { 0 };

    (void)unused;
    for (int i = 0; i < 129; i++) {
        (void)snprintf(x.device, sizeof x.device, "d%d", i);
        assert_int_equal(mapping_list_add(&request, &x), 0);
    }
    assert_int_equal(rules_mapping_launch(&base, "/dev/sda1", &request,
                                          instance_type_find("t3.medium"), size_of, NULL, &ret, &e),
                     -EDOM);
    assert_string_equal(e.msg, "129 block device mappings, at most 128 are allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_launch_merges_the_request_into_the_image),
        cmocka_unit_test(an_image_takes_the_instance_and_the_edits),
        cmocka_unit_test(no_device_with_a_volume_is_invalid),
        cmocka_unit_test(a_request_without_end_is_refused),
    };
    return test_run(tests);
}
