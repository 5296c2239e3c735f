/* SPDX-License-Identifier: Apache-2.0 */
/* Disks, time, event log, power, processes, serial port, secrets and the machine of the fake. */
#include "engine/fake.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

static int disks(struct win *w, struct win_disk **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "disks", e);

    if (r < 0)
        return r;
    *ret = calloc(f->disks_n + 1, sizeof(**ret));
    memcpy(*ret, f->disks, f->disks_n * sizeof(**ret));
    *ret_n = f->disks_n;
    return 0;
}

static int volumes(struct win *w, struct win_volume **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "volumes", e);

    if (r < 0)
        return r;
    *ret = calloc(f->volumes_n + 1, sizeof(**ret));
    memcpy(*ret, f->volumes, f->volumes_n * sizeof(**ret));
    *ret_n = f->volumes_n;
    return 0;
}

static struct win_disk *disk_of(struct fake *f, uint32_t number)
{
    for (size_t i = 0; i < f->disks_n; i++)
        if (f->disks[i].number == number)
            return &f->disks[i];
    assert(!"no such disk");
    return NULL;
}

static struct win_volume *volume_of(struct fake *f, const char *path)
{
    for (size_t i = 0; i < f->volumes_n; i++)
        if (str_eq(f->volumes[i].path, path))
            return &f->volumes[i];
    assert(!"no such volume");
    return NULL;
}

static int disk_online(struct win *w, uint32_t disk, struct err *e)
{
    struct win_disk *d = disk_of(fake_of(w), disk);
    int r = fake_fails(fake_of(w), "disk_online", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "disk_online %u", disk);
    d->offline = d->readonly = false;
    return 0;
}

static int disk_partition(struct win *w, uint32_t disk, enum win_disk_style style, struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_disk *d = disk_of(f, disk);
    struct win_volume *v;
    int r = fake_fails(f, "disk_partition", e);

    if (r < 0)
        return r;
    fake_record(f, "disk_partition %u %s", disk, style == WIN_DISK_GPT ? "gpt" : "mbr");
    assert(!d->offline && !d->readonly && f->volumes_n < 16);
    d->style = style;
    d->partitions = 1;
    d->start_is_zero = false;
    v = &f->volumes[f->volumes_n++];
    *v = (struct win_volume){
        .disk = disk, .offset_bytes = MIB(1), .size_bytes = d->size_bytes - MIB(2), .fs = "RAW"
    };
    memcpy(v->path, "\\\\?\\Volume{0}\\", 14);
    v->path[11] = (char)('0' + disk);
    return 0;
}

static int disk_extend(struct win *w, char letter, uint64_t *ret_grown_bytes, struct err *e)
{
    fake_record(fake_of(w), "disk_extend %c", letter);
    *ret_grown_bytes = MIB(1024);
    return fake_fails(fake_of(w), "disk_extend", e);
}

static int volume_format(struct win *w, const struct win_volume *v, const char *label,
                         struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_volume *at = volume_of(f, v->path);
    int r = fake_fails(f, "volume_format", e);

    if (r < 0)
        return r;
    fake_record(f, "volume_format disk %u label '%s'", v->disk, label);
    (void)str_copy(at->fs, sizeof(at->fs), "NTFS");
    (void)str_copy(at->label, sizeof(at->label), label);
    return 0;
}

static int volume_set_letter(struct win *w, const struct win_volume *v, char letter, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "volume_set_letter", e);

    if (r < 0)
        return r;
    fake_record(f, "volume_set_letter disk %u %c", v->disk, letter);
    volume_of(f, v->path)->letter = letter;
    return 0;
}

static int volume_set_label(struct win *w, const struct win_volume *v, const char *label,
                            struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_volume *at = volume_of(f, v->path);

    fake_record(f, "volume_set_label disk %u '%s'", v->disk, label);
    (void)str_copy(at->label, sizeof(at->label), label);
    return fake_fails(f, "volume_set_label", e);
}

static uint64_t now_ms(struct win *w)
{
    return fake_of(w)->now_ms + fake_of(w)->tick_ms;
}

static uint64_t tick_ms(struct win *w)
{
    return fake_of(w)->tick_ms;
}

static void sleep_ms(struct win *w, uint32_t ms)
{
    fake_of(w)->tick_ms += ms;
}

static int zone(struct win *w, struct win_zone *ret, struct err *e)
{
    *ret = fake_of(w)->zone;
    return fake_fails(fake_of(w), "zone", e);
}

static int zone_set(struct win *w, const char *key, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "zone_set", e);

    if (r < 0)
        return r;
    fake_record(f, "zone_set %s", key);
    return str_copy(f->zone.key, sizeof(f->zone.key), key);
}

static int event_write(struct win *w, const char *log, const char *source, uint32_t id,
                       enum win_event_level level, const char *text, struct err *e)
{
    fake_record(fake_of(w), "event_write %s %s %u %d %s", log, source, id, (int)level, text);
    return fake_fails(fake_of(w), "event_write", e);
}

static int events(struct win *w, const char *log, const char *source, enum win_event_level level,
                  size_t max, struct win_event **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_event *list;
    size_t first = 0, n = 0;
    int r = fake_fails(f, "events", e);

    if (r < 0)
        return r;
    list = calloc(f->events_n + 1, sizeof(*list));
    for (size_t i = 0; i < f->events_n; i++)
        if ((!source || str_eq_nocase(source, f->events[i].source)) &&
            (level == WIN_EVENT_ANY || level == f->events[i].level))
            list[n++] = f->events[i];
    if (n > max)
        first = n - max;
    memmove(list, list + first, (n - first) * sizeof(*list));
    *ret = list;
    *ret_n = n - first;
    return 0;
}

static void settle(struct win *w)
{
    fake_record(fake_of(w), "settle");
}

static int power_off(struct win *w, bool restart, const char *why, struct err *e)
{
    fake_record(fake_of(w), "power_off %s: %s", restart ? "restart" : "off", why);
    return fake_fails(fake_of(w), "power_off", e);
}

static int monitor_always_on(struct win *w, struct err *e)
{
    fake_record(fake_of(w), "monitor_always_on");
    return fake_fails(fake_of(w), "monitor_always_on", e);
}

static int hibernation(struct win *w, bool on, struct err *e)
{
    fake_record(fake_of(w), "hibernation %s", on ? "on" : "off");
    return fake_fails(fake_of(w), "hibernation", e);
}

void fake_command(struct fake *f, const char *starts, uint32_t code, const char *out,
                  const char *err, void (*effect)(struct win *w, const struct win_run *r))
{
    struct fake_run *r = calloc(1, sizeof(*r));

    assert(r);
    r->starts = str_dup(starts);
    r->exit_code = code;
    r->out = str_dup(out ? out : "");
    r->err = str_dup(err ? err : "");
    r->effect = effect;
    r->next = f->runs; /* the newest wins */
    f->runs = r;
}

static bool starts_nocase(const char *text, const char *start)
{
    char *head = strlen(text) >= strlen(start) ? str_dup_n(text, strlen(start)) : NULL;
    bool yes = head && str_eq_nocase(head, start);

    free(head);
    return yes;
}

static int run(struct win *w, const struct win_run *r, uint32_t *ret_pid, uint32_t *ret_exit,
               struct err *e)
{
    struct fake *f = fake_of(w);
    const struct fake_run *row = NULL;
    int no = fake_fails(f, "run", e);

    if (no < 0)
        return no;
    fake_record(f, "run%s%s%s %s", r->detach ? " detached" : "", r->user ? " as " : "",
                r->user ? r->user : "", r->command);
    for (row = f->runs; row && !starts_nocase(r->command, row->starts); row = row->next)
        ;
    if (r->out_path)
        fake_file(f, r->out_path, row ? row->out : "");
    if (r->err_path)
        fake_file(f, r->err_path, row ? row->err : "");
    if (r->started)
        r->started(r->ctx, 4242);
    if (row && row->effect)
        row->effect(w, r);
    *ret_pid = 4242;
    *ret_exit = row && !r->detach ? row->exit_code : 0;
    return 0;
}

/* One after the other: threads are the real table's business. */
static int run_all(struct win *w, void (*fn)(void *arg), void *const *args, size_t n, struct err *e)
{
    int r = fake_fails(fake_of(w), "run_all", e);

    for (size_t i = 0; r == 0 && i < n; i++)
        fn(args[i]);
    return r;
}

static int ancestors(struct win *w, struct win_name **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);

    *ret = calloc(f->ancestors_n + 1, sizeof(**ret));
    memcpy(*ret, f->ancestors, f->ancestors_n * sizeof(**ret));
    *ret_n = f->ancestors_n;
    return 0;
}

static bool is_admin(struct win *w)
{
    return !fake_of(w)->not_admin;
}

static int port_open(struct win *w, const char *name, struct win_port **ret, struct err *e)
{
    struct fake *f = fake_of(w);

    if (f->port_busy) {
        f->port_busy--;
        return err_set(e, EBUSY, ERR_CONFLICT, "open %s: in use", name);
    }
    if (f->port_absent || !str_eq_nocase(name, f->port ? f->port : "COM1"))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "open %s: it does not exist", name);
    assert(!f->port_is_open);
    fake_record(f, "port_open %s", name);
    f->port_is_open = true;
    *ret = (struct win_port *)f;
    return 0;
}

static int port_write(struct win *w, struct win_port *p, const void *data, size_t n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "port_write", e);

    if (r < 0)
        return r;
    assert(f->port_is_open);
    str_add_mem(&f->serial, data, n);
    fake_record(f, "port_write %.*s", (int)n, (const char *)data);
    return 0;
}

static void port_close(struct win *w, struct win_port *p)
{
    fake_record(fake_of(w), "port_close");
    fake_of(w)->port_is_open = false;
}

static int firmware_table(struct win *w, const char *name, void **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);

    if (!f->spcr || !str_eq(name, "SPCR"))
        return 0;
    *ret = str_dup_n(f->spcr, f->spcr_n);
    *ret_n = f->spcr_n;
    return 1;
}

static int port_of_pci(struct win *w, const struct win_pci *at, char **ret, struct err *e)
{
    if (!fake_of(w)->pci_port)
        return 0;
    *ret = str_dup(fake_of(w)->pci_port);
    return 1;
}

static int random_bytes(struct win *w, void *p, size_t n, struct err *e)
{
    struct fake *f = fake_of(w);
    uint8_t *out = p;

    for (size_t i = 0; i < n; i++) { /* xorshift64: repeatable */
        f->random_state ^= f->random_state << 13;
        f->random_state ^= f->random_state >> 7;
        f->random_state ^= f->random_state << 17;
        out[i] = (uint8_t)(f->random_state >> 32);
    }
    return fake_fails(f, "random", e);
}

static EVP_PKEY *public_key(const void *exponent, size_t exponent_n, const void *modulus,
                            size_t modulus_n)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_n, NULL);
    BIGNUM *x = BN_bin2bn(exponent, (int)exponent_n, NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params;

    (void)OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
    (void)OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, x);
    params = OSSL_PARAM_BLD_to_param(b);
    (void)EVP_PKEY_fromdata_init(ctx);
    (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    BN_free(x);
    return key;
}

static int rsa_encrypt(struct win *w, const void *exponent, size_t exponent_n, const void *modulus,
                       size_t modulus_n, const void *p, size_t n, void *ret, struct err *e)
{
    struct fake *f = fake_of(w);
    EVP_PKEY *key = public_key(exponent, exponent_n, modulus, modulus_n);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t out_n = modulus_n;
    int r = fake_fails(f, "rsa_encrypt", e);

    assert(n < sizeof(f->sealed_clear));
    memcpy(f->sealed_clear, p, n);
    f->sealed_clear[n] = 0;
    if (r == 0 && (!ctx || EVP_PKEY_encrypt_init(ctx) != 1 ||
                   EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
                   EVP_PKEY_encrypt(ctx, ret, &out_n, p, n) != 1))
        r = err_set(e, EIO, ERR_OTHER, "encrypt with the launch key");
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return r;
}

static int protect(struct win *w, const void *p, size_t n, void **ret, size_t *ret_n, struct err *e)
{
    uint8_t *out = (uint8_t *)str_dup_n(p, n);

    for (size_t i = 0; i < n; i++)
        out[i] ^= 0x5a;
    *ret = out;
    *ret_n = n;
    return 0;
}

static int certificate(struct win *w, struct win_cert *ret, struct err *e)
{
    int r = fake_fails(fake_of(w), "certificate", e);

    if (r < 0 || !fake_of(w)->cert.thumbprint[0])
        return r;
    *ret = fake_of(w)->cert;
    return 1;
}

static int certificate_make(struct win *w, const char *subject, struct win_cert *ret, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "certificate_make", e);

    if (r < 0)
        return r;
    fake_record(f, "certificate_make %s", subject);
    (void)str_copy(f->cert.subject, sizeof(f->cert.subject), subject);
    memset(f->cert.thumbprint, 'A', 40);
    *ret = f->cert;
    return 0;
}

static int system_of(struct win *w, struct win_system *ret, struct err *e)
{
    *ret = fake_of(w)->sys;
    return fake_fails(fake_of(w), "system", e);
}

static int drivers(struct win *w, struct win_driver **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "drivers", e);

    if (r < 0)
        return r;
    *ret = calloc(f->drivers_n + 1, sizeof(**ret));
    memcpy(*ret, f->drivers, f->drivers_n * sizeof(**ret));
    *ret_n = f->drivers_n;
    return 0;
}

static int picture_draw(struct win *w, const struct win_picture *p, struct err *e)
{
    struct str s = STR_INIT(KIB(64));
    int r = fake_fails(fake_of(w), "picture_draw", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "picture_draw %s over %s", p->out_path,
                p->base_path ? p->base_path : "navy");
    for (size_t i = 0; i < p->n; i++)
        str_addf(&s, "%s: %s\n", p->labels[i], p->values[i]);
    fake_file(fake_of(w), p->out_path, str_text(&s));
    str_done(&s);
    return 0;
}

static int picture_set(struct win *w, const char *path, struct err *e)
{
    fake_record(fake_of(w), "picture_set %s", path);
    return fake_fails(fake_of(w), "picture_set", e);
}

static void fill_machine(struct fake *f)
{
    f->zone = (struct win_zone){ .key = "UTC", .standard = "Coordinated Universal Time" };
    f->sys = (struct win_system){ .sku = 8,
                                  .major = 10,
                                  .build = 20348,
                                  .language = "en-US",
                                  .arch = "AMD64",
                                  .memory_bytes = 4ULL << 30,
                                  .processors = 2,
                                  .server = true };
    f->disks[f->disks_n++] = (struct win_disk){ .size_bytes = 30ULL << 30,
                                                .model = "NVMe Amazon Elastic B",
                                                .serial = "vol0123456789abcdef0_00000001.",
                                                .nvme = true,
                                                .style = WIN_DISK_GPT,
                                                .partitions = 2 };
    f->volumes[f->volumes_n++] = (struct win_volume){ .path = "\\\\?\\Volume{c}\\",
                                                      .letter = 'C',
                                                      .fs = "NTFS",
                                                      .offset_bytes = MIB(120),
                                                      .size_bytes = 29ULL << 30,
                                                      .free_bytes = 10ULL << 30 };
}

void fake_fill_host(struct win *w)
{
    w->disks = disks;
    w->volumes = volumes;
    w->disk_online = disk_online;
    w->disk_partition = disk_partition;
    w->disk_extend = disk_extend;
    w->volume_format = volume_format;
    w->volume_set_letter = volume_set_letter;
    w->volume_set_label = volume_set_label;
    w->now_ms = now_ms;
    w->tick_ms = tick_ms;
    w->sleep_ms = sleep_ms;
    w->zone = zone;
    w->zone_set = zone_set;
    w->event_write = event_write;
    w->events = events;
    w->power_off = power_off;
    w->settle = settle;
    w->monitor_always_on = monitor_always_on;
    w->hibernation = hibernation;
    w->run = run;
    w->run_all = run_all;
    w->ancestors = ancestors;
    w->is_admin = is_admin;
    w->port_open = port_open;
    w->port_write = port_write;
    w->port_close = port_close;
    w->firmware_table = firmware_table;
    w->port_of_pci = port_of_pci;
    w->random = random_bytes;
    w->rsa_encrypt = rsa_encrypt;
    w->protect = protect;
    w->unprotect = protect; /* the same turn back */
    w->certificate = certificate;
    w->certificate_make = certificate_make;
    w->system = system_of;
    w->drivers = drivers;
    w->picture_draw = picture_draw;
    w->picture_set = picture_set;
    fill_machine(fake_of(w));
}
