/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "disk-format.h"
#include "rand.h"

/* The server opens the file, so it gets the whole path, percent-encoded. */
static int file_url(const char *file, struct str *url, struct err *e)
{
    char path[PATH_MAX];

    if (!realpath(file, path))
        return err_errno(e, "open '%s'", file);
    str_add(url, "file://");
    str_uri(url, path, strlen(path), true);
    return str_check(url, "the file's URL", e);
}

static int add_import(struct cli *c, struct query *q, struct err *e)
{
    const char *platform = cli_opt(c, "--platform"), *format = cli_opt(c, "--format");
    _cleanup_str_ struct str url = STR_INIT(PATH_MAX * 3 + 16);
    char token[33];
    int r = file_url(c->args[0], &url, e);

    if (r >= 0 && !format)
        r = disk_format_guess(c->args[0], &format, e);
    if (r < 0)
        return r;
    query_add(q, "DiskContainer.1.Url", str_text(&url));
    query_add(q, "DiskContainer.1.Format", format);
    if (platform)
        query_add(q, "Platform", str_eq(platform, "windows") ? "Windows" : "Linux");
    query_add(q, "BootMode", cli_opt(c, "--boot-mode"));
    query_add(q, "Description", cli_opt(c, "--description"));
    query_tag(q, 1, 1, "import-image-task", "Name", cli_opt(c, "--name"));
    query_tag(q, 1, 2, "import-image-task", "kiln:tpm", cli_flag(c, "--tpm") ? "v2.0" : NULL);
    rand_hex(token, 32);
    query_add(q, "ClientToken", token);
    return 0;
}

static void warn(const json_t *import)
{
    if (rec_text(import, "warning")[0])
        (void)fprintf(stderr, "kiln: warning: %s\n", rec_text(import, "warning"));
}

/* EC2's way to say "failed" is the state 'deleted' with a message. */
static int finish(struct cli *c, const char *id, struct err *e)
{
    _cleanup_json_ json_t *import = NULL;
    _cleanup_free_ char *doing = xasprintf("import '%s'", cli_opt(c, "--name"));
    const struct wait_spec w = {
        .kind = KIND_IMPORT, .id = id, .want = "completed", .doing = doing
    };
    int r = wait_for(c, &w, &import, e);

    if (r < 0 && c->exit == CLI_INTERRUPTED) {
        err_clear(e);
        return err_set(e, EINTR, ERR_OTHER,
                       "the import goes on; 'kiln show %s' and 'kiln wait %s completed' follow it",
                       id, id);
    }
    if (r < 0)
        return r;
    warn(import);
    if (c->json)
        return out_json(json_pack("{s:O}", "import", import), e);
    (void)puts(rec_text(import, "image"));
    return out_flush(e);
}

static int run_import(struct cli *c, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_json_ json_t *import = NULL;
    const char *id;
    int r;

    query_action(&q, "ImportImage");
    r = add_import(c, &q, e);
    if (r >= 0)
        r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    id = xml_text_at(answer_root(&a), "importTaskId");
    if (!cli_flag(c, "--no-wait"))
        return finish(c, id, e);
    if (!c->json) {
        (void)puts(id);
        return out_flush(e);
    }
    r = record_get(c, KIND_IMPORT, id, &import, e);
    return r < 0 ? r : out_json(json_pack("{s:O}", "import", import), e);
}

static const struct cli_option import_options[] = {
    { .name = "--name", .value = "NAME", .required = true, .help = "Name of the new image." },
    { .name = "--platform",
      .value = "PLATFORM",
      .choices = "windows|linux",
      .help =
          "What is on the disk, instead of what its content tells; a contradiction is a warning." },
    { .name = "--format",
      .value = "FORMAT",
      .choices = DISK_FORMATS,
      .help = "Format of the file, where its name and content do not tell." },
    { .name = "--boot-mode",
      .value = "MODE",
      .choices = "legacy-bios|uefi|uefi-preferred",
      .help = "How the disk boots, instead of what its partition table tells." },
    { .name = "--tpm",
      .help = "Instances get a TPM 2.0 each, Windows ones Secure Boot as well; needs --boot-mode "
              "uefi." },
    { .name = "--description", .value = "TEXT", .help = "Description of the new image." },
    { .name = "--no-wait", .help = "Print the id of the import and do not wait for its end." },
    { 0 },
};

const struct cli_verb cli_verbs_import[] = {
    { .name = "import",
      .args = "FILE",
      .min_args = 1,
      .max_args = 1,
      .complete = "files",
      .options = import_options,
      .summary = "Makes an image of a disk file and prints its id.",
      .help = "The file is read by the daemon on its own machine: raw, qcow2, VHD, VHDX or VMDK, "
              "without backing or data files. Progress goes to standard error. ^C ends the waiting "
              "alone, the import goes on.",
      .run = run_import },
    { 0 },
};
