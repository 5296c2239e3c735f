/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of network adapters (in the registry keys of their class) and OpenSSH. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/dialect.h"
#include "v2/run.h"

#define NET_CLASS                                                                                  \
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}"
#define SSH_KEYS     "%ProgramData%\\ssh\\administrators_authorized_keys"
#define SSH_KEYS_MAX KIB(256)
#define SSH_BUILD    17763U /* Server 2019 */
#define ADD_SSH                                                                                    \
    AGENT_POWERSHELL " -NoProfile -NonInteractive -Command \"Get-WindowsCapability -Online -Name " \
                     "'OpenSSH.Server*' | Where-Object State -ne Installed | "                     \
                     "Add-WindowsCapability -Online\""

/* The class key of an adapter: 1, 0. */
static int class_key(struct win *w, const struct win_adapter *a, char ret[300], struct err *e)
{
    _cleanup_free_ struct win_name *keys = NULL;
    size_t n = 0;
    int r = w->reg_keys(w, NET_CLASS, &keys, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        _cleanup_free_ char *guid = NULL;

        (void)snprintf(ret, 300, "%s\\%.32s", NET_CLASS, keys[i].name);
        r = win_reg_text(w, ret, "NetCfgInstanceId", &guid, e);
        if (r == 1 && str_eq_nocase(guid, a->guid))
            return 1;
    }
    return r < 0 ? r : 0;
}

static int run_netsh(struct v2_job *j, const char *fmt, const char *adapter, const char *tail,
                     struct err *e)
{
    _cleanup_free_ char *name = win_quote(adapter), *out = NULL;
    _cleanup_str_ struct str command = STR_INIT(1000);
    uint32_t code = 0;
    int r;

    if (!name)
        return err_oom(e);
    str_addf(&command, "netsh.exe %s %s %s", fmt, name, tail);
    r = str_check(&command, "a command", e);
    if (r == 0)
        r = win_capture(j->run->w, command.p, &out, &code, e);
    if (r == 0 && code != 0)
        r = err_set(e, EIO, ERR_OTHER, "'%s' ended with exit code %u", command.p, (unsigned)code);
    return r;
}

/* A changed keyword counts when the adapter starts again. */
static int restart_adapter(struct v2_job *j, const struct win_adapter *a, struct err *e)
{
    int r = run_netsh(j, "interface set interface", a->name, "admin=disabled", e);

    return r < 0 ? r : run_netsh(j, "interface set interface", a->name, "admin=enabled", e);
}

static int set_keyword(struct v2_job *j, const struct win_adapter *a, const char *name,
                       const char *value, bool *ret_changed, struct err *e)
{
    struct win *w = j->run->w;
    _cleanup_free_ char *now = NULL;
    char key[300];
    int r = class_key(w, a, key, e);

    if (r == 0)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "adapter '%s' has no key of its class", a->name);
    if (r > 0)
        r = win_reg_text(w, key, name, &now, e);
    if (r < 0 || str_eq(now, value))
        return r < 0 ? r : 0;
    r = w->reg_set_text(w, key, name, value, e);
    if (r == 0)
        log_say(j->run->log, LOG_INFO, "%s: %s = %s", a->name, name, value);
    *ret_changed = *ret_changed || r == 0;
    return r;
}

static int jumbo_of(struct v2_job *j, const struct win_adapter *a, struct err *e)
{
    const char *value = strstr(a->what, "Elastic Network Adapter") ? "9015"
                        : strstr(a->what, "Intel")                 ? "9014"
                                                                   : NULL;
    bool changed = false;
    int r;

    if (!value)
        return run_netsh(j, "interface ipv4 set subinterface", a->name, "mtu=9001 store=persistent",
                         e);
    r = set_keyword(j, a, "*JumboPacket", value, &changed, e);
    return r == 0 && changed ? restart_adapter(j, a, e) : r;
}

/* fn on each Ethernet adapter that is up; goes on behind one that fails. */
static int each_adapter(struct v2_job *j,
                        int (*fn)(struct v2_job *, const struct win_adapter *, struct err *),
                        struct err *e)
{
    struct win *w = j->run->w;
    _cleanup_free_ struct win_adapter *a = NULL;
    size_t n = 0;
    int r = w->adapters(w, &a, &n, e);

    for (size_t i = 0; r == 0 && i < n; i++) {
        struct err own = { 0 };

        if (!a[i].up || !a[i].ethernet || fn(j, &a[i], &own) == 0)
            continue;
        if (e->no == 0)
            *e = own;
        else
            log_err(j->run->log, a[i].name, &own);
    }
    return e->no ? -e->no : r;
}

int v2_enable_jumbo_frames(struct v2_job *j, struct err *e)
{
    return each_adapter(j, jumbo_of, e);
}

/* Receive-side scaling on, and as many receive buffers as the driver has. */
static int optimize_of(struct v2_job *j, const struct win_adapter *a, struct err *e)
{
    bool changed = false;
    int r;

    if (!strstr(a->what, "Elastic Network Adapter")) {
        log_say(j->run->log, LOG_INFO, "%s is no ENA adapter, left as it is.", a->name);
        return 0;
    }
    r = set_keyword(j, a, "*RSS", "1", &changed, e);
    if (r == 0)
        r = set_keyword(j, a, "*ReceiveBuffers", "8192", &changed, e);
    return r == 0 && changed ? restart_adapter(j, a, e) : r;
}

int v2_optimize_ena(struct v2_job *j, struct err *e)
{
    return each_adapter(j, optimize_of, e);
}

/* Adds the launch key's line to the file of keys, unless it is there. */
static int let_key_in(struct v2_job *j, const char *line, struct err *e)
{
    struct win *w = j->run->w;
    _cleanup_free_ char *path = win_expand(w, SSH_KEYS, e), *old = NULL;
    _cleanup_str_ struct str text = STR_INIT(SSH_KEYS_MAX * 2);
    size_t n = 0;
    int r;

    if (!path)
        return -e->no;
    r = w->file_read(w, path, SSH_KEYS_MAX, &old, &n, e);
    if (r == -ENOENT)
        err_clear(e);
    else if (r < 0)
        return r;
    if (old && strstr(old, line))
        return 0;
    str_add(&text, old ? old : "");
    if (text.len && text.p[text.len - 1] != '\n')
        str_add(&text, "\r\n");
    str_addf(&text, "%s\r\n", line);
    r = str_check(&text, "the file of keys", e);
    if (r == 0)
        r = w->file_write(w, path, text.p, text.len, e);
    return r == 0 ? w->file_protect(w, path, WIN_PROTECT_ADMINS, e) : r;
}

int v2_enable_open_ssh(struct v2_job *j, struct err *e)
{
    struct win *w = j->run->w;
    _cleanup_free_ char *key = NULL, *out = NULL, *command = NULL;
    struct win_system s = { 0 };
    uint32_t code = 0;
    int r = w->system(w, &s, e);

    if (r == 0 && s.build < SSH_BUILD)
        return err_set(e, ENOTSUP, ERR_INVALID,
                       "OpenSSH Server needs Windows Server 2019 or later");
    command = r == 0 ? win_expand(w, ADD_SSH, e) : NULL;
    if (!command)
        return -e->no;
    r = win_capture(w, command, &out, &code, e);
    if (r == 0 && code != 0)
        r = err_set(e, EIO, ERR_OTHER, "add OpenSSH Server: exit code %u: %.200s", (unsigned)code,
                    out);
    if (r == 0)
        r = w->service_set_start(w, "sshd", WIN_START_AUTO, e);
    if (r == 0)
        r = w->service_start(w, "sshd", e);
    if (r < 0 || !j->run->has_imds)
        return r;
    r = imds_value(j->run->imds, "public-keys/0/openssh-key", &key, e);
    return r == 1 ? let_key_in(j, key, e) : r;
}
