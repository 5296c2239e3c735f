/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of the settings over the engine's actions: one row a task. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/activation.h"
#include "engine/disks.h"
#include "engine/dns.h"
#include "engine/name.h"
#include "engine/routes.h"
#include "engine/userdata-run.h"
#include "lib/utf.h"
#include "v2/run.h"

/* The texts of a list (or a single text) into an array of V2_LIST_MAX. */
static size_t texts_of(const struct tree_node *n, const char **ret)
{
    size_t count = 0;

    if (!n || n->type == TREE_NULL)
        return 0;
    if (n->type != TREE_LIST) {
        ret[0] = n->text;
        return 1;
    }
    for (const struct tree_node *c = n->first; c && count < V2_LIST_MAX; c = c->next)
        ret[count++] = c->text;
    return count;
}

static struct imds *imds_or_none(struct v2_job *j)
{
    return j->run->has_imds ? j->run->imds : NULL;
}

static int activate_windows(struct v2_job *j, struct err *e)
{
    struct activation a = { .ask = true };

    return activation_apply(j->run->w, imds_or_none(j), &a, j->run->log, NULL, e);
}

static int extend_root(struct v2_job *j, struct err *e)
{
    return disks_extend_root(j->run->w, j->run->log, e);
}

static enum win_disk_style style_of(const char *word)
{
    return str_eq(word, "mbr") ? WIN_DISK_MBR : str_eq(word, "gpt") ? WIN_DISK_GPT : WIN_DISK_RAW;
}

static int initialize_volume(struct v2_job *j, struct err *e)
{
    const struct tree_node *devices = tree_get(j->inputs, "devices");
    bool all = str_eq(v2_text(j->inputs, "initialize"), "all");
    struct disk_wish wishes[V2_LIST_MAX];
    size_t n = 0;

    for (const struct tree_node *d = !all && devices ? devices->first : NULL; d && n < V2_LIST_MAX;
         d = d->next) {
        const char *letter = v2_text(d, "letter");

        wishes[n++] = (struct disk_wish){
            .device = v2_text(d, "device"),
            .name = v2_text(d, "name"),
            .letter = letter ? (char)(letter[0] & ~32) : 0,
            .style = style_of(v2_text(d, "partition")),
        };
    }
    return disks_initialise(j->run->w, imds_or_none(j), j->run->d, all, wishes, n, false,
                            j->run->log, e);
}

static int set_dns_suffix(struct v2_job *j, struct err *e)
{
    _cleanup_free_ char *region = NULL, *zone = NULL;
    const char *suffixes[V2_LIST_MAX];
    size_t n = texts_of(tree_get(j->inputs, "suffixes"), suffixes);
    struct err ignored = { 0 };
    bool changed;

    if (j->run->has_imds && imds_region(j->run->imds, &region, &ignored) < 0)
        err_clear(&ignored);
    if (j->run->has_imds)
        (void)imds_value(j->run->imds, "placement/availability-zone", &zone, &ignored);
    return dns_suffixes_apply(j->run->w, suffixes, n, region, zone, j->run->log, &changed, e);
}

/* Without a name in the settings: ip- and the private address in hexadecimal. */
static int host_name(struct v2_job *j, char ret[NAME_MAX_LEN + 1], struct err *e)
{
    const char *given = v2_text(j->inputs, "hostName");
    _cleanup_free_ char *ip = NULL;
    int r;

    if (given && *given) {
        (void)str_copy(ret, NAME_MAX_LEN + 1, given);
        return 0;
    }
    r = routes_private_ip(j->run->w, imds_or_none(j), &ip, e);
    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "the instance has no private IPv4 address");
    return r < 0 ? r : name_from_ip(j->run->d->name_form, ip, ret, e);
}

static int set_host_name(struct v2_job *j, struct err *e)
{
    char name[NAME_MAX_LEN + 1];
    bool changed = false;
    int r = host_name(j, name, e);

    if (r == 0)
        r = name_apply(j->run->w, name, j->run->log, &changed, e);
    j->restart = r == 0 && changed && v2_flag(j->inputs, "reboot", false);
    return r;
}

static int start_ssm(struct v2_job *j, struct err *e)
{
    static const char service[] = "AmazonSSMAgent";
    struct win *w = j->run->w;
    enum win_service_state state;
    int r;

    log_say(j->run->log, LOG_INFO, "Run StartSsm task.");
    r = w->service_state(w, service, &state, e);
    if (r < 0)
        return r;
    if (state == WIN_SERVICE_ABSENT) {
        log_say(j->run->log, LOG_INFO, "%s is not installed.", service);
        return 0;
    }
    r = w->service_set_start(w, service, WIN_START_AUTO, e);
    if (r == 0 && state != WIN_SERVICE_RUNNING)
        r = w->service_start(w, service, e);
    if (r == 0)
        log_say(j->run->log, LOG_INFO, "%s is running now.", service);
    return r;
}

static int write_file(struct v2_job *j, struct err *e)
{
    struct win *w = j->run->w;
    const char *content = v2_text(j->inputs, "content");
    _cleanup_free_ char *path = win_expand(w, v2_text(j->inputs, "destination"), e);

    return path ? w->file_write(w, path, content, strlen(content), e) : -e->no;
}

static int put_off_sysprep(struct v2_job *j, struct err *e)
{
    j->run->sysprep = true;
    j->run->sysprep_wish.clean = v2_flag(j->inputs, "clean", false);
    j->run->sysprep_wish.shutdown = v2_flag(j->inputs, "shutdown", true);
    log_say(j->run->log, LOG_INFO, "Sysprep runs when all other tasks have ended.");
    return 0;
}

/* The administrator, whose password only the run that set it knows; later runs use LocalSystem. */
static void run_as(struct v2_job *j, struct script *s)
{
    if (!str_eq(v2_text(j->inputs, "runAs"), "admin"))
        return;
    if (j->run->has_admin) {
        s->account = j->run->admin.account;
        s->password = j->run->admin.clear;
    } else {
        log_say(j->run->log, LOG_INFO,
                "The administrator's password is not known to this run; running as localSystem.");
    }
}

/* All of it: log_say() would cut a long one. */
static void tell_output(struct log *log, const char *what, const char *text)
{
    struct str s = STR_INIT(USERDATA_OUTPUT_MAX + KIB(1));

    if (!text || !*text)
        return;
    str_addf(&s, "%s: ", what);
    str_add(&s, text);
    log_text(log, LOG_INFO, str_text(&s));
    str_wipe(&s);
}

static int run_script(struct v2_job *j, struct script *s, struct err *e)
{
    struct script_result result = { 0 };
    int r;

    run_as(j, s);
    r = script_run(j->run->w, j->run->d, s, j->run->log, &result, e);
    if (r < 0)
        return r;
    tell_output(j->run->log, "Output", result.out);
    tell_output(j->run->log, "Errors", result.err);
    j->exit_code = s->detach ? 0 : result.exit_code;
    script_result_done(&result);
    if (j->exit_code != 0 && j->exit_code != USERDATA_REBOOT)
        return err_set(e, EIO, ERR_OTHER, "failed to run %s: exit status %u",
                       s->kind == SCRIPT_PROGRAM ? "program" : "script", (unsigned)j->exit_code);
    return 0;
}

static int execute_script(struct v2_job *j, struct err *e)
{
    const char *arguments[V2_LIST_MAX];
    const char *content = v2_text(j->inputs, "content");
    struct script s = {
        .kind = str_eq(v2_text(j->inputs, "type"), "batch") ? SCRIPT_BATCH : SCRIPT_POWERSHELL,
        .content = content,
        .content_n = strlen(content),
        .args = arguments,
        .args_n = texts_of(tree_get(j->inputs, "arguments"), arguments),
        .detach = v2_flag(j->inputs, "detach", false),
    };

    return run_script(j, &s, e);
}

static int execute_program(struct v2_job *j, struct err *e)
{
    const char *arguments[V2_LIST_MAX];
    _cleanup_free_ char *path = win_expand(j->run->w, v2_text(j->inputs, "path"), e);
    struct script s = {
        .kind = SCRIPT_PROGRAM,
        .program = path,
        .args = arguments,
        .args_n = texts_of(tree_get(j->inputs, "arguments"), arguments),
    };

    return path ? run_script(j, &s, e) : -e->no;
}

int v2_task_run(struct v2_job *j, struct err *e)
{
    static int (*const rows[V2_TASK_MAX])(struct v2_job *, struct err *) = {
        [V2_ACTIVATE_WINDOWS] = activate_windows,
        [V2_ENABLE_JUMBO_FRAMES] = v2_enable_jumbo_frames,
        [V2_ENABLE_OPENSSH] = v2_enable_open_ssh,
        [V2_EXECUTE_PROGRAM] = execute_program,
        [V2_EXECUTE_SCRIPT] = execute_script,
        [V2_EXTEND_ROOT] = extend_root,
        [V2_INITIALIZE_VOLUME] = initialize_volume,
        [V2_OPTIMIZE_ENA] = v2_optimize_ena,
        [V2_SET_ADMIN_ACCOUNT] = v2_set_admin_account,
        [V2_SET_DNS_SUFFIX] = set_dns_suffix,
        [V2_SET_HOST_NAME] = set_host_name,
        [V2_SET_WALLPAPER] = v2_set_wallpaper,
        [V2_START_SSM] = start_ssm,
        [V2_SYSPREP] = put_off_sysprep,
        [V2_WRITE_FILE] = write_file,
    };

    return rows[j->schema->id](j, e);
}
