/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The document of an inspection for people: what matters first, one fact a line, nothing that is
 * not known. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "windows.h"

#define LABEL 16 /* columns in front of a fact */

static const char *text_of(const json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));

    return t ? t : "";
}

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static uint64_t uint_of(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* Text of a disk goes to a terminal: control characters do not. */
static void add_plain(struct str *s, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        str_addc(s, *p < ' ' || *p == 0x7f ? '?' : (char)*p);
}

static void label(struct str *s, const char *name)
{
    str_addf(s, "%-*s", LABEL, name);
}

/* Facts of one line, with a comma between. */
struct line {
    struct str *s;
    const char *name;
    bool begun;
};

static void part(struct line *l, const char *text)
{
    if (!*text)
        return;
    if (!l->begun)
        label(l->s, l->name);
    else
        str_add(l->s, ", ");
    l->begun = true;
    add_plain(l->s, text);
}

static void PRINTF_LIKE(2, 3) partf(struct line *l, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    part(l, text);
}

static void end(struct line *l)
{
    if (l->begun)
        str_addc(l->s, '\n');
}

static void one(struct str *s, const char *name, const char *text)
{
    struct line l = { s, name, false };

    part(&l, text);
    end(&l);
}

static const char *bytes_text(uint64_t n, char out[24])
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    double v = (double)n;
    size_t u = 0;

    while (v >= 1024 && u + 1 < ARRAY_LEN(units)) {
        v /= 1024;
        u++;
    }
    (void)snprintf(out, 24, u ? "%.1f %s" : "%.0f %s", v, units[u]);
    return out;
}

/* ---- sections -------------------------------------------------------------------------------- */

static void show_windows(struct str *s, const json_t *doc)
{
    const json_t *w = json_object_get(doc, "windows");
    struct line l = { s, "Windows", false };

    part(&l, text_of(w, "product"));
    part(&l, text_of(w, "release"));
    end(&l);
    l = (struct line){ s, "Version", false };
    part(&l, text_of(w, "version"));
    part(&l, text_of(w, "architecture"));
    end(&l);
    l = (struct line){ s, "Edition", false };
    part(&l, text_of(w, "edition"));
    part(&l, text_of(w, "installation"));
    part(&l, text_of(w, "role"));
    end(&l);
}

static void show_setup(struct str *s, const json_t *doc)
{
    const json_t *o = json_object_get(doc, "setup"), *v = json_object_get(doc, "servicing");

    if (strcmp(text_of(o, "state"), "unknown") != 0) {
        label(s, "Sealed");
        str_addf(s, "%s: ", is_true(o, "sealed") ? "yes" : "no");
        add_plain(s, text_of(o, "reason"));
        str_addc(s, '\n');
        one(s, "Last sealed", text_of(o, "generalised_last"));
    }
    if (is_true(v, "pending"))
        one(s, "Servicing", text_of(v, "reason"));
    else if (v)
        one(s, "Servicing", "nothing pending");
}

static void show_identity(struct str *s, const json_t *doc)
{
    const json_t *o = json_object_get(doc, "identity");
    const char *host = text_of(o, "host_name"), *name = text_of(o, "computer_name");
    struct line l = { s, "Computer", false };

    part(&l, name);
    if (!str_eq_nocase(host, name))
        part(&l, host);
    end(&l);
    l = (struct line){ s, "Domain", false };
    part(&l, text_of(o, "domain"));
    if (*text_of(o, "domain_sid"))
        part(&l, text_of(o, "domain_sid"));
    end(&l);
    one(s, "Workgroup", text_of(o, "workgroup"));
    one(s, "Cloud", text_of(o, "cloud"));
    one(s, "Machine SID", text_of(o, "machine_sid"));
    one(s, "Machine GUID", text_of(o, "machine_guid"));
    one(s, "Role", text_of(o, "role_with_identity"));
    one(s, "Generalised", text_of(o, "generalised_by_kiln"));
}

static void show_users(struct str *s, const json_t *doc)
{
    size_t i, k;
    json_t *u, *g;

    json_array_foreach (json_object_get(doc, "users"), i, u) {
        struct line l = { s, i ? "" : "Users", false };

        part(&l, text_of(u, "name"));
        partf(&l, "RID %" PRIu64, uint_of(u, "rid"));
        part(&l, is_true(u, "enabled") ? "enabled" : "disabled");
        part(&l, is_true(u, "blank_password") ? "no password" : "");
        part(&l, is_true(u, "locked") ? "locked" : "");
        json_array_foreach (json_object_get(u, "groups"), k, g)
            part(&l, json_string_value(g));
        part(&l, text_of(u, "profile"));
        end(&l);
    }
}

static void show_settings(struct str *s, const json_t *settings)
{
    const char *key;
    json_t *v, *x;
    size_t k;

    json_object_foreach ((json_t *)json_object_get(settings, "stages"), key, v) {
        struct line l = { s, "", false };

        partf(&l, "  %s:", key);
        l.begun = true;
        json_array_foreach (v, k, x) {
            str_add(s, k ? ", " : " ");
            add_plain(s, json_string_value(x));
        }
        end(&l);
    }
    json_object_foreach ((json_t *)json_object_get(settings, "plugins"), key, v) {
        struct line l = { s, "", false };

        partf(&l, "  %s: %s", key, json_string_value(v));
        end(&l);
    }
    json_object_foreach ((json_t *)settings, key, v) {
        struct line l = { s, "", false };

        if (json_is_boolean(v))
            partf(&l, "  %s: %s", key, json_is_true(v) ? "true" : "false");
        else if (json_is_string(v))
            partf(&l, "  %s: %s", key, json_string_value(v));
        end(&l);
    }
}

static void show_agents(struct str *s, const json_t *doc)
{
    json_t *list = json_object_get(doc, "agents"), *a;
    size_t i;

    json_array_foreach (list, i, a) {
        struct line l = { s, i ? "" : "Agents", false };

        if (*text_of(a, "version"))
            partf(&l, "%s %s", text_of(a, "name"), text_of(a, "version"));
        else
            part(&l, text_of(a, "name"));
        part(&l, text_of(a, "start"));
        if (json_object_get(a, "has_run_here"))
            part(&l, is_true(a, "has_run_here") ? "has run here" : "runs at the next boot");
        end(&l);
        show_settings(s, json_object_get(a, "settings"));
    }
    if (list && json_array_size(list) == 0)
        one(s, "Agents", "none known");
}

/* "nvme (stornvme), ahci (storahci)" and what is there but would not boot. */
static void show_drivers(struct str *s, const json_t *doc)
{
    const json_t *d = json_object_get(doc, "drivers");
    json_t *row;
    struct line boots = { s, "Boots from", false }, not = { s, "", false };
    struct line net = { s, "Network", false };
    size_t i;

    json_array_foreach (json_object_get(d, "disk"), i, row)
        if (is_true(row, "boots"))
            partf(&boots, "%s (%s)", text_of(row, "model"), text_of(row, "service"));
    if (d && !boots.begun)
        part(&boots, "no disk of the models that are looked for");
    end(&boots);
    json_array_foreach (json_object_get(d, "disk"), i, row)
        if (is_true(row, "installed") && !is_true(row, "boots"))
            partf(&not, "%s%s (%s, %s%s%s)", not .begun ? "" : "not from ", text_of(row, "model"),
                  text_of(row, "service"), text_of(row, "start"),
                  is_true(row, "overridden") ? ", StartOverride" : "",
                  is_true(row, "file") ? "" : ", no file");
    end(&not );
    json_array_foreach (json_object_get(d, "network"), i, row)
        if (is_true(row, "installed"))
            partf(&net, "%s (%s)", text_of(row, "model"), text_of(row, "service"));
        else if (is_true(row, "package"))
            partf(&net, "%s (when it is found)", text_of(row, "model"));
    end(&net);
    if (d && !net.begun)
        one(s, "Network", "no driver of a known card is in use");
}

static void show_state(struct str *s, const json_t *doc)
{
    const json_t *h = json_object_get(doc, "hibernation"), *r = json_object_get(doc, "rearm");
    const json_t *b = json_object_get(doc, "bitlocker");
    struct line l = { s, "Hibernation", false };

    if (h) {
        part(&l, is_true(h, "active") ? "hibernated"
                 : is_true(h, "file") ? "file, not in use"
                                      : "none");
        if (json_object_get(h, "fast_startup"))
            part(&l, is_true(h, "fast_startup") ? "fast startup on" : "fast startup off");
    }
    end(&l);
    if (b)
        one(s, "BitLocker", is_true(b, "encrypted") ? "encrypted partitions" : "none");
    if (uint_of(r, "limit")) {
        l = (struct line){ s, "Rearm", false };
        partf(&l, "limit %" PRIu64, uint_of(r, "limit"));
        part(&l, is_true(r, "skip_rearm") ? "SkipRearm is set" : "");
        part(&l, "count unknown offline");
        end(&l);
    }
}

static void show_storage(struct str *s, const json_t *doc)
{
    const json_t *src = json_object_get(doc, "source"), *v = json_object_get(src, "volume");
    const json_t *logs = json_object_get(doc, "event_logs");
    char a[24], b[24];
    struct line l = { s, "Volume", false };

    part(&l, text_of(v, "format"));
    part(&l, text_of(v, "label"));
    if (uint_of(v, "bytes"))
        partf(&l, "%s free of %s", bytes_text(uint_of(v, "free_bytes"), a),
              bytes_text(uint_of(v, "bytes"), b));
    part(&l, text_of(v, "state"));
    end(&l);
    l = (struct line){ s, "Disk", false };
    part(&l, text_of(src, "firmware"));
    part(&l, text_of(src, "partition_table"));
    if (json_object_get(src, "partitions"))
        partf(&l, "%zu partitions", json_array_size(json_object_get(src, "partitions")));
    if (uint_of(src, "bytes"))
        part(&l, bytes_text(uint_of(src, "bytes"), a));
    end(&l);
    if (!logs)
        return;
    l = (struct line){ s, "Event logs", false };
    partf(&l, "%" PRIu64 " files", uint_of(logs, "files"));
    part(&l, bytes_text(uint_of(logs, "bytes"), a));
    partf(&l, "%" PRIu64 " events in their time", uint_of(logs, "events_ever"));
    if (uint_of(logs, "damaged"))
        partf(&l, "%" PRIu64 " damaged", uint_of(logs, "damaged"));
    end(&l);
}

static void show_regional(struct str *s, const json_t *doc)
{
    const json_t *w = json_object_get(doc, "windows");
    struct line l = { s, "Languages", false };
    size_t i;
    json_t *x;

    json_array_foreach (json_object_get(w, "languages"), i, x)
        part(&l, json_string_value(x));
    end(&l);
    l = (struct line){ s, "Time zone", false };
    part(&l, text_of(w, "time_zone"));
    if (l.begun)
        part(&l, is_true(w, "hardware_clock_utc") ? "hardware clock in UTC"
                                                  : "hardware clock in local time");
    end(&l);
    l = (struct line){ s, "Owner", false };
    part(&l, text_of(w, "owner"));
    part(&l, text_of(w, "organisation"));
    end(&l);
    one(s, "Installed", text_of(w, "installed"));
}

static void show_can(struct str *s, const json_t *doc)
{
    const char *action;
    json_t *v;
    bool first = true;

    json_object_foreach ((json_t *)json_object_get(doc, "actions"), action, v) {
        label(s, first ? "Can" : "");
        first = false;
        if (is_true(v, "possible")) {
            str_addf(s, "%s\n", action);
        } else {
            str_addf(s, "not %s: ", action);
            add_plain(s, text_of(v, "reason"));
            str_addc(s, '\n');
        }
    }
}

static void show_notes(struct str *s, const json_t *doc)
{
    size_t i;
    json_t *n;

    json_array_foreach (json_object_get(doc, "notes"), i, n)
        one(s, i ? "" : "Note", json_string_value(n));
}

void windows_inspect_text(struct str *s, const json_t *doc)
{
    show_windows(s, doc);
    show_identity(s, doc);
    show_setup(s, doc);
    show_can(s, doc);
    show_users(s, doc);
    show_agents(s, doc);
    show_drivers(s, doc);
    show_regional(s, doc);
    show_state(s, doc);
    show_storage(s, doc);
    show_notes(s, doc);
}
