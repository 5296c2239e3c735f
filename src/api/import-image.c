/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ImportImage: the import, its image and its snapshot are there at once, 'pending'; the job fills
 * them from the disk file. The source is a file of this machine; the image's name is the tag Name
 * (EC2 itself has no name here), or else the task's id. */
#include "find.h"
#include "put.h"

#include <string.h>

#include "clock.h"
#include "parse.h"
#include "windows-tags.h"

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)
#define ROOT_DEVICE    "/dev/sda1"

#define WORDS(name, ...) static const char *const name[] = { __VA_ARGS__, NULL }
WORDS(architectures, "x86_64");
WORDS(platforms, "Windows", "Linux");
WORDS(boot_modes, "legacy-bios", "uefi", "uefi-preferred");
WORDS(default_key, "alias/aws/ebs");
WORDS(licenses, "AWS", "BYOL", "Auto");
WORDS(usages, "RunInstances", "RunInstances:0002");
WORDS(tagged, "import-image-task");

static const struct api_param params[] = {
    { .name = "DiskContainer.N.Url", .type = PARAM_TEXT, .max_len = 1000 },
    { .name = "DiskContainer.N.Format", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "DiskContainer.N.Description", .type = PARAM_TEXT, .max_len = 255 },
    /* The one disk is the root disk. */
    { .name = "DiskContainer.N.DeviceName", .type = PARAM_IGNORED },
    { .name = "DiskContainer.N.SnapshotId", .type = PARAM_NOT_YET },
    { .name = "DiskContainer.N.UserBucket.*", .type = PARAM_NOT_YET },
    { .name = "Description", .type = PARAM_TEXT },
    { .name = "Platform", .type = PARAM_TEXT, .words = platforms },
    { .name = "Architecture", .type = PARAM_NOT_YET, .words = architectures },
    { .name = "BootMode", .type = PARAM_TEXT, .words = boot_modes },
    { .name = "Encrypted", .type = PARAM_BOOL },
    { .name = "KmsKeyId", .type = PARAM_NOT_YET, .words = default_key },
    { .name = "LicenseSpecifications.N.*", .type = PARAM_NOT_YET },
    /* Remarks about an upload, a licence, a role, a hypervisor: nothing here depends on them. */
    { .name = "ClientData.*", .type = PARAM_IGNORED },
    { .name = "Hypervisor", .type = PARAM_IGNORED },
    { .name = "RoleName", .type = PARAM_IGNORED },
    { .name = "LicenseType", .type = PARAM_TEXT, .words = licenses },
    { .name = "UsageOperation", .type = PARAM_NOT_YET, .words = usages },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

/* ---- the source ------------------------------------------------------------------------------ */

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    if (ch >= 'a' && ch <= 'f')
        return ch - 'a' + 10;
    if (ch >= 'A' && ch <= 'F')
        return ch - 'A' + 10;
    return -1;
}

/* The path of a file URL, percent-decoded; false: it is none, or holds a NUL. */
static bool url_path(const char *url, char *out, size_t size)
{
    const char *p = url + strlen("file://");
    size_t n = 0;

    if (str_starts(p, "localhost/"))
        p += strlen("localhost");
    for (; *p && n + 1 < size; p++) {
        int high = *p == '%' ? hex_digit(p[1]) : -1;
        int low = high >= 0 ? hex_digit(p[2]) : -1;

        if (*p == '%' && (low < 0 || high * 16 + low == 0))
            return false;
        out[n++] = low >= 0 ? (char)(high * 16 + low) : *p;
        if (low >= 0)
            p += 2;
    }
    out[n] = 0;
    return !*p && out[0] == '/';
}

static int read_url(struct api_call *c, struct import_rec *i, struct err *e)
{
    const char *url = api_item(c, "DiskContainer", 0, "Url");

    if (!url)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter DiskContainer.1.Url");
    if (str_starts(url, "s3://") || str_starts(url, "https://") || str_starts(url, "http://"))
        return api_fail(c, e, "UnsupportedOperation",
                        "Imports from S3 or from the web ('%s') are not supported by this version "
                        "of Kiln. Name a file of the server: file:///path",
                        url);
    if (url[0] == '/') {
        COPY(i->url, url);
        return 0;
    }
    if (str_starts(url, "file://") && url_path(url, i->url, sizeof(i->url)))
        return 0;
    return api_fail(c, e, "InvalidParameterValue",
                    "Value (%s) for parameter DiskContainer.1.Url is invalid. Expected: "
                    "'file:///path', or an absolute path",
                    url);
}

static int read_format(struct api_call *c, struct import_rec *i, struct err *e)
{
    static const char *const formats[] = { "raw", "qcow2", "vhd", "vhdx", "vmdk" };
    const char *format = api_item(c, "DiskContainer", 0, "Format");

    if (!format)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter DiskContainer.1.Format");
    for (size_t k = 0; k < ARRAY_LEN(formats); k++)
        if (str_eq_nocase(format, formats[k])) {
            COPY(i->format, formats[k]);
            return 0;
        }
    return api_fail(c, e, "InvalidParameterValue",
                    "Value (%s) for parameter DiskContainer.1.Format is invalid. Expected: RAW, "
                    "QCOW2, VHD, VHDX or VMDK",
                    format);
}

static int read_disk(struct api_call *c, struct import_rec *i, struct err *e)
{
    int r;

    if (api_count(c, "DiskContainer") > 1)
        return api_fail(c, e, "UnsupportedOperation",
                        "Images of several disks are not supported by this version of Kiln");
    r = read_url(c, i, e);
    return r < 0 ? r : read_format(c, i, e);
}

/* ---- names ----------------------------------------------------------------------------------- */

static int read_name(struct api_call *c, struct import_rec *i, const struct tag_list *tags,
                     struct err *e)
{
    const char *name = i->id;
    int r;

    for (size_t k = 0; k < tags->n; k++)
        if (str_eq(tags->v[k].key, "Name") && tags->v[k].value[0])
            name = tags->v[k].value;
    r = rules_image_name(name, e);
    if (r < 0) {
        c->wire_code = "InvalidAMIName.Malformed";
        return r;
    }
    COPY(i->name, name);
    return 0;
}

static int read_request(struct api_call *c, struct import_rec *i, const struct tag_list *tags,
                        struct err *e)
{
    const char *description = api_text(c, "Description"), *boot = api_text(c, "BootMode");
    int r = description ? rules_description(description, e) : 0;

    if (r < 0)
        return r;
    r = read_disk(c, i, e);
    if (r < 0)
        return r;
    i->state = IMPORT_ACTIVE;
    i->created_ms = clock_real_ms();
    COPY(i->region, c->region);
    COPY(i->description, description ? description : "");
    /* What is not said, the disk decides when it has been read. */
    if (api_has(c, "Platform"))
        COPY(i->platform, str_eq(api_text(c, "Platform"), "Windows") ? "windows" : "linux");
    COPY(i->boot_mode, boot ? boot : "");
    COPY(i->status_message, "pending");
    r = windows_tags_import(c, tags, i->boot_mode, e);
    return r < 0 ? r : read_name(c, i, tags, e);
}

/* ---- records --------------------------------------------------------------------------------- */

static int fill_snapshot(struct api_call *c, const struct import_rec *i, struct snapshot_rec *s,
                         struct err *e)
{
    *s = (struct snapshot_rec){ .state = SNAPSHOT_PENDING, .started_ms = i->created_ms };
    COPY(s->id, i->snapshot_id);
    COPY(s->region, c->region);
    COPY(s->owner, c->account);
    COPY(s->volume_id, "vol-ffffffff"); /* EC2's word for "of no volume" */
    COPY(s->platform, str_eq(i->platform, "windows") ? "windows" : "");
    str_copy(s->description, sizeof(s->description), "Created by ImportImage");
    return api_encrypted(c, api_bool(c, "Encrypted", false), &s->encrypted, e);
}

static int fill_image(struct api_call *c, const struct import_rec *i, const struct snapshot_rec *s,
                      const struct tag_list *tags, struct image_rec *ret, struct err *e)
{
    bool windows = str_eq(i->platform, "windows");
    struct mapping root = {
        .has_ebs = true,
        .volume_type = "gp2",
        .delete_on_termination = TRI_TRUE,
        .encrypted = s->encrypted ? TRI_TRUE : TRI_FALSE,
    };

    COPY(root.device, ROOT_DEVICE);
    COPY(root.snapshot_id, i->snapshot_id);
    ret->state = IMAGE_PENDING;
    ret->created_ms = i->created_ms;
    ret->ena_support = true;
    COPY(ret->id, i->image_id);
    COPY(ret->region, c->region);
    COPY(ret->owner, c->account);
    COPY(ret->name, i->name);
    COPY(ret->description, i->description);
    COPY(ret->platform, windows ? "windows" : "");
    COPY(ret->platform_details, windows ? "Windows" : "Linux/UNIX");
    COPY(ret->usage_operation, windows ? "RunInstances:0002" : "RunInstances");
    COPY(ret->architecture, "x86_64");
    COPY(ret->root_device_name, ROOT_DEVICE);
    COPY(ret->root_device_type, "ebs");
    COPY(ret->virtualization_type, "hvm");
    COPY(ret->boot_mode, i->boot_mode);
    for (size_t k = 0; k < tags->n; k++)
        if (str_eq(tags->v[k].key, "kiln:tpm")) /* checked */
            COPY(ret->tpm_support, tags->v[k].value);
    return mapping_list_add(&ret->mapping, &root) < 0 ? err_oom(e) : 0;
}

static int insert(struct api_call *c, const struct import_rec *i, const struct tag_list *tags,
                  struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec image = { 0 };
    struct snapshot_rec s;
    int r = fill_snapshot(c, i, &s, e);

    if (r >= 0)
        r = fill_image(c, i, &s, tags, &image, e);
    if (r < 0)
        return r;
    api_about(c, "snapshot");
    r = model_snapshot_insert(c->model, &s, e);
    if (r < 0)
        return r;
    api_about(c, "image");
    r = model_image_insert(c->model, &image, e);
    if (r < 0)
        return r;
    api_about(c, "import");
    return model_import_insert(c->model, i, e);
}

/* The task has the tags, and the image and its snapshot get them too: there is no other way to
 * give them any. */
static int tag_all(struct api_call *c, const struct import_rec *i, const struct tag_list *tags,
                   struct err *e)
{
    int r = api_tag(c, i->id, tags, e);

    if (r >= 0)
        r = api_tag(c, i->image_id, tags, e);
    if (r >= 0)
        r = api_tag(c, i->snapshot_id, tags, e);
    return r;
}

static int import_image(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct import_rec i = { 0 };
    int r = api_tag_specs(c, "import-image-task", tagged, &tags, e);

    if (r < 0)
        return r;
    model_new_id("import-ami", i.id);
    model_new_id("ami", i.image_id);
    model_new_id("snap", i.snapshot_id);
    r = read_request(c, &i, &tags, e);
    if (r < 0)
        return r;
    r = insert(c, &i, &tags, e);
    if (r < 0)
        return r;
    r = tag_all(c, &i, &tags, e);
    if (r < 0)
        return r;
    r = jobs_import(c->jobs, i.id, e);
    if (r < 0)
        return r;
    COPY(c->resource_id, i.id);
    return api_put_import(c, &i, e);
}

static int replay(struct api_call *c, const char *resource_id, struct err *e)
{
    struct import_rec i;
    int r = api_find_import(c, resource_id, &i, e);

    return r < 0 ? r : api_put_import(c, &i, e);
}

const struct api_action api_import_image = {
    .name = "ImportImage",
    .resource = "import",
    .flags = API_WRITES | API_TOKEN,
    .params = params,
    .handle = import_image,
    .replay = replay,
    .summary = "Makes an image of a disk file of the server.",
};
