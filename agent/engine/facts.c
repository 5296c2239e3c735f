/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/zone.h"
#include "lib/str.h"

#define CURRENT_VERSION "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
#define MACHINE_IMAGE   "HKLM\\SOFTWARE\\Amazon\\MachineImage"
#define SQL_SERVER      "HKLM\\SOFTWARE\\Microsoft\\Microsoft SQL Server"
#define SSM_UNINSTALL                                                                              \
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\"                              \
    "{B1A3AC35-A431-4C8C-9D21-E2CA92047F76}"

#define AWS_NVME        "AWS NVMe Driver"
#define AWS_NVME_DEVICE "HKLM\\SYSTEM\\CurrentControlSet\\Services\\AWSNVMe\\Parameters\\Device"
#define DRIVERS_MAX     64U
#define RDP_SERVICE     "TermService"
#define RDP_LISTENER                                                                               \
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp"
#define RDP_TRIES   10U
#define RDP_WAIT_MS 500U

/* Text from the registry, or NULL (which is never a failure here). */
static char *reg_text(struct win *w, const char *key, const char *name)
{
    struct err ignore = { 0 };
    char *text = NULL;

    if (win_reg_text(w, key, name, &text, &ignore) != 1)
        return NULL;
    return text;
}

static char *metadata(struct imds *m, const char *name)
{
    struct err ignore = { 0 };
    char *text = NULL;

    if (imds_value(m, name, &text, &ignore) != 1)
        return NULL;
    return text;
}

/* v1 tells on the console what it could not find out; the others only in their log. */
static void tell_lack(struct console *c, const struct dialect *d, const char *text,
                      const struct err *e)
{
    if (d->id == DIALECT_V1)
        console_say(c, "%s", text);
    if (e)
        log_err(console_log(c), text, e);
    else if (d->id != DIALECT_V1)
        log_say(console_log(c), LOG_INFO, "%s", text);
}

void facts_image(struct win *w, struct console *c, const struct dialect *d)
{
    _cleanup_free_ char *version = reg_text(w, MACHINE_IMAGE, "AMIVersion");
    _cleanup_free_ char *name = reg_text(w, MACHINE_IMAGE, "AMIName");

    if (!version && !name) {
        tell_lack(c, d, "Unable to load AMI information", NULL);
        return;
    }
    console_say(c, "AMI Origin Version: %s", version ? version : "");
    console_say(c, "AMI Origin Name: %s", name ? name : "");
}

/* What is installed of the server, by GetProductInfo's number. */
static const char *install_option(uint32_t sku)
{
    static const uint8_t core[] = { 12, 13, 14, 29, 39, 40, 41, 43, 44, 45, 46, 63, 147, 148 };

    if (sku == 0)
        return "Undefined";
    if (sku == 143 || sku == 144)
        return "Nano";
    for (size_t i = 0; i < ARRAY_LEN(core); i++)
        if (core[i] == sku)
            return "Server Core";
    return "Full";
}

static void say_version(struct win *w, struct console *c, const struct dialect *d,
                        const struct win_system *sys)
{
    _cleanup_free_ char *product = reg_text(w, CURRENT_VERSION, "ProductName");
    _cleanup_free_ char *lab = reg_text(w, CURRENT_VERSION, "BuildLabEx");
    _cleanup_free_ char *build = reg_text(w, CURRENT_VERSION, "CurrentBuild");
    _cleanup_free_ char *release = reg_text(w, CURRENT_VERSION, "ReleaseId");

    if (d->id == DIALECT_V1)
        console_say(c, "OS: Microsoft Windows NT %u.%u", sys->major, sys->minor);
    else
        console_say(c, "OS: Microsoft Windows NT %u.%u.%u", sys->major, sys->minor, sys->build);
    if (d->id == DIALECT_V1) {
        console_say(c, "OsProductName: %s", product ? product : "");
        console_say(c, "OsInstallOption: %s", install_option(sys->sku));
        console_say(c, "OsVersion: %u.%u", sys->major, sys->minor);
    } else {
        console_say(c, "OsVersion: %u.%u", sys->major, sys->minor);
        console_say(c, "OsProductName: %s", product ? product : "");
    }
    console_say(c, "OsBuildLabEx: %s", lab ? lab : "");
    console_say(c, "OsCurrentBuild: %s", build ? build : "");
    if (release)
        console_say(c, "OsReleaseId: %s", release);
}

void facts_system(struct win *w, struct console *c, const struct dialect *d)
{
    struct win_system sys;
    struct win_zone zone;
    struct err e = { 0 };
    char offset[24];

    if (w->system(w, &sys, &e) < 0) {
        tell_lack(c, d, "Unable to load OS build information", &e);
        return;
    }
    say_version(w, c, d, &sys);
    console_say(c, "Language: %s", sys.language);
    if (w->zone(w, &zone, &e) < 0) {
        log_err(console_log(c), "Unable to load the time zone", &e);
        return;
    }
    console_say(c, "TimeZone: %s", zone.standard);
    console_say(c, "Offset: %s",
                zone_offset_text(zone.offset_minutes, d->id == DIALECT_V1, offset));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the dialect's rows, not outside text */
void facts_launch(struct console *c, const struct dialect *d)
{
    console_say(c, d->launch, AGENT_VERSION);
}
#pragma GCC diagnostic pop

void facts_instance(struct win *w, struct imds *m, struct console *c)
{
    _cleanup_free_ char *ami = metadata(m, "ami-id");
    _cleanup_free_ char *id = metadata(m, "instance-id");

    if (ami)
        console_say(c, "AMI-ID: %s", ami);
    else
        console_say(c, "Unable to load AMI ID");
    if (id)
        console_say(c, "Instance-ID: %s", id);
    else
        console_say(c, "Unable to load Instance ID");
}

void facts_type(struct imds *m, struct console *c)
{
    _cleanup_free_ char *type = metadata(m, "instance-type");

    if (type)
        console_say(c, "Instance Type: %s", type);
    else
        console_say(c, "Unable to load instance information");
}

/* "SqlServerInstall: v<patch>, <edition>" for each installed instance of the server. */
static void say_sql_instances(struct win *w, struct console *c)
{
    _cleanup_free_ struct win_name *names = NULL;
    struct err ignore = { 0 };
    size_t n = 0;

    if (w->reg_values(w, SQL_SERVER "\\Instance Names\\SQL", &names, &n, &ignore) < 0)
        return;
    for (size_t i = 0; i < n && i < 16; i++) {
        _cleanup_free_ char *at = reg_text(w, SQL_SERVER "\\Instance Names\\SQL", names[i].name);
        _cleanup_str_ struct str key = STR_INIT(KIB(1));

        if (!at)
            continue;
        str_addf(&key, SQL_SERVER "\\%s\\Setup", at);
        _cleanup_free_ char *edition = reg_text(w, str_text(&key), "EditionType");
        _cleanup_free_ char *patch = reg_text(w, str_text(&key), "PatchLevel");

        if (edition && patch)
            console_say(c, "SqlServerInstall: v%s, %s", patch, edition);
    }
}

void facts_sql(struct win *w, struct imds *m, struct console *c)
{
    static const struct {
        const char *product, *edition;
    } rows[] = { { "bp-6aa54003", "Standard" },
                 { "bp-65a5400c", "Web" },
                 { "bp-62a5400b", "Enterprise" } };
    _cleanup_free_ char *document = NULL;
    _cleanup_str_ struct str list = STR_INIT(256);
    struct err ignore = { 0 };

    if (imds_get(m, "dynamic/instance-identity/document", &document, NULL, &ignore) != 1)
        return;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strstr(document, rows[i].product))
            str_addf(&list, "%s%s", list.len ? ", " : "", rows[i].edition);
    if (!list.len)
        return;
    console_say(c, "SqlServerBilling: %s", str_text(&list));
    say_sql_instances(w, c);
}

static void say_driver(struct console *c, const struct dialect *d, const char *name,
                       const char *version)
{
    console_say(c, "Driver: %s v%s%s", name, version, d->id == DIALECT_V1 ? " " : "");
}

static bool is_ours(const struct win_driver *r)
{
    static const char *const makers[] = { "Intel", "Citrix", "Amazon", "Red Hat" };

    for (size_t i = 0; i < ARRAY_LEN(makers); i++)
        if (strstr(r->provider, makers[i]) || strstr(r->name, makers[i]))
            return true;
    return false;
}

/* The names that stand in the console: storage by what it is, network by its own name. */
static const char *driver_name(const struct win_driver *r)
{
    if (r->net)
        return is_ours(r) ? r->name : NULL;
    if (strstr(r->name, "AWS NVMe Elastic Block Storage"))
        return AWS_NVME;
    if (str_eq_nocase(r->inf, "stornvme.inf"))
        return "Inbox NVMe Driver";
    return NULL;
}

/* AWS' driver tells one setting of its own beneath its line. */
static void say_nvme(struct win *w, struct console *c, const char *version)
{
    struct err ignore = { 0 };
    uint32_t on = 0;

    if (win_reg_u32(w, AWS_NVME_DEVICE, "EnableSCSIPersistentReservations", &on, &ignore) != 1)
        on = 0;
    console_say(c, "SubComponent: %s; EnableSCSIPersistentReservations: %u", version, on);
}

/* Those of storage, or those of the network, each name and version once. */
static void say_drivers(struct win *w, struct console *c, const struct dialect *d,
                        const struct win_driver *list, size_t n, bool net)
{
    for (size_t i = 0; i < n && i < DRIVERS_MAX; i++) {
        const char *name = list[i].net == net ? driver_name(&list[i]) : NULL;
        bool said = false;

        for (size_t k = 0; k < i && !said; k++)
            said = str_eq(list[k].name, list[i].name) && str_eq(list[k].version, list[i].version);
        if (!name || said)
            continue;
        say_driver(c, d, name, list[i].version);
        if (d->id == DIALECT_V2 && str_eq(name, AWS_NVME))
            say_nvme(w, c, list[i].version);
    }
}

void facts_drivers(struct win *w, struct console *c, const struct dialect *d)
{
    static const char *const packages[][2] = {
        { "HKLM\\SOFTWARE\\Amazon\\PVDriver", "AWS PV Driver Package" },
        { "HKLM\\SOFTWARE\\Amazon\\AwsNitroEnclaves", "AWS Nitro Enclaves" },
    };
    _cleanup_free_ struct win_driver *list = NULL;
    struct err e = { 0 };
    size_t n = 0;

    if (w->drivers(w, &list, &n, &e) < 0) {
        tell_lack(c, d, "Unable to load driver information", &e);
        n = 0;
    }
    say_drivers(w, c, d, list, n, false);
    for (size_t i = 0; i < ARRAY_LEN(packages); i++) {
        _cleanup_free_ char *version = reg_text(w, packages[i][0], "Version");

        if (version)
            say_driver(c, d, packages[i][1], version);
    }
    say_drivers(w, c, d, list, n, true);
}

/* "Version" of AwsVssComponents' manifest, a small JSON file: its one member of that name. */
static char *vss_version(struct win *w)
{
    struct err ignore = { 0 };
    _cleanup_free_ char *path =
        win_expand(w, "%ProgramFiles%\\Amazon\\AwsVssComponents\\deployment-manifest.json",
                   &ignore);
    _cleanup_free_ char *text = NULL;
    size_t n = 0;
    const char *p;

    if (!path || w->file_read(w, path, KIB(64), &text, &n, &ignore) < 0)
        return NULL;
    p = strstr(text, "\"Version\"");
    if (!p)
        return NULL;
    p += strlen("\"Version\"");
    p += strspn(p, " \t\r\n:");
    if (*p != '"')
        return NULL;
    p++;
    return str_dup_n(p, strcspn(p, "\"\r\n"));
}

void facts_agents(struct win *w, struct console *c, const struct dialect *d)
{
    _cleanup_free_ char *vss = vss_version(w);
    _cleanup_free_ char *ssm =
        reg_text(w, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\AmazonSSMAgent", "Version");

    if (!ssm)
        ssm = reg_text(w, SSM_UNINSTALL, "DisplayVersion");
    if (vss && d->id == DIALECT_V1)
        console_say(c, "AWS VSS Version: %s", vss);
    if (ssm)
        console_say(c, "SSM: Amazon SSM Agent v%s", ssm);
    if (vss && d->id != DIALECT_V1)
        console_say(c, "AWS VSS Version: %s", vss);
}

/* Remote Desktop makes its certificate when it starts, which may be after us. */
static int certificate_when_ready(struct win *w, struct win_cert *ret, struct err *e)
{
    enum win_service_state state = WIN_SERVICE_ABSENT;
    struct err ignore = { 0 };
    int r = w->certificate(w, ret, e);

    if (r != 0 || w->reg_has_key(w, RDP_LISTENER, &ignore) != 1 ||
        w->service_state(w, RDP_SERVICE, &state, &ignore) < 0 || state == WIN_SERVICE_ABSENT)
        return r;
    if (state == WIN_SERVICE_STOPPED)
        (void)w->service_start(w, RDP_SERVICE, &ignore); /* without it there is no line */
    for (unsigned i = 0; r == 0 && i < RDP_TRIES; i++) {
        w->sleep_ms(w, RDP_WAIT_MS);
        r = w->certificate(w, ret, e);
    }
    return r;
}

void facts_certificate(struct win *w, struct console *c, bool host_name)
{
    _cleanup_free_ char *name = NULL;
    struct win_cert cert;
    struct err e = { 0 };
    int r;

    if (host_name && w->env(w, "COMPUTERNAME", &name, &e) == 1)
        console_say(c, "HOSTNAME: %s", name);
    err_clear(&e);
    r = certificate_when_ready(w, &cert, &e);
    if (r < 0)
        log_err(console_log(c), "Unable to read the Remote Desktop certificate", &e);
    if (r != 1)
        return;
    console_say(c, "RDPCERTIFICATE-SUBJECTNAME: %s", cert.subject);
    console_say(c, "RDPCERTIFICATE-THUMBPRINT: %s", cert.thumbprint);
}

int facts_hibernation(struct win *w, struct imds *m, struct console *c, const struct dialect *d)
{
    _cleanup_free_ char *wanted = metadata(m, "hibernation/configured");
    struct err e = { 0 };

    if (!wanted || !str_eq_nocase(wanted, "true")) {
        console_say(c, "HibernationEnabled: false");
        return 0;
    }
    if (w->hibernation(w, true, &e) == 0) {
        console_say(c, "HibernationEnabled: true");
        return 0;
    }
    log_err(console_log(c), "Hibernation", &e);
    console_say(c, "HibernationEnabled: failed");
    if (d->id == DIALECT_V1)
        console_say(c, "Message: Failed to enable hibernation, see instance logs for more details");
    return -EIO;
}

void facts_all(struct win *w, struct imds *m, struct console *c, const struct dialect *d)
{
    facts_image(w, c, d);
    facts_system(w, c, d);
    if (!d->launch_after_ids)
        facts_launch(c, d);
    facts_instance(w, m, c);
    if (d->id != DIALECT_CONFIG)
        facts_type(m, c);
    facts_sql(w, m, c);
    facts_drivers(w, c, d);
    if (d->launch_after_ids) {
        facts_launch(c, d);
        facts_agents(w, c, d);
        facts_certificate(w, c, false);
    } else if (d->id == DIALECT_V2) {
        facts_certificate(w, c, true);
        facts_agents(w, c, d);
    }
}
