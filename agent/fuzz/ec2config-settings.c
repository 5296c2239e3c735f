/* SPDX-License-Identifier: Apache-2.0 */
/* Each settings file of EC2Config is given to each of its readers: refused with a place, or
 * accepted and edited. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "ec2config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The place: file, line and column, or the byte that is no text. */
static bool names_file(const struct err *e)
{
    return str_starts(e->msg, "f:") || (strstr(e->msg, "'f'") && strstr(e->msg, "byte"));
}

static void check(int r, struct err *e)
{
    if (r < 0)
        assert(names_file(e));
    err_clear(e);
}

static void plugins(const uint8_t *data, size_t size, struct err *e)
{
    static struct config_file c;
    int r = config_file_parse("f", data, size, &c, e);

    check(r, e);
    if (r < 0)
        return;
    r = config_plugin_set(&c, "Ec2SetPassword", (size & 1) != 0, e);
    assert(r == 0 || c.plugins_n == CONFIG_PLUGINS_MAX);
    err_clear(e);
    (void)config_global_set(&c, CONFIG_ROUTES, (size & 1) != 0, e);
    err_clear(e);
    config_file_done(&c);
}

static void bundle_and_events(const uint8_t *data, size_t size, struct err *e)
{
    static struct config_bundle b;
    static struct config_events v;
    int r = config_bundle_parse("f", data, size, &b, e);

    check(r, e);
    if (r == 0) {
        (void)config_bundle_set(&b, "SetPasswordAfterSysprep", "No", e);
        err_clear(e);
        config_bundle_done(&b);
    }
    r = config_events_parse("f", data, size, &v, e);
    check(r, e);
    if (r == 0) {
        for (size_t i = 0; i < v.n; i++)
            assert(config_events_set_last(&v, i, 1767323045678ULL, e) == 0);
        config_events_done(&v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config_letters l;
    static struct config_activation a;
    static struct config_wallpaper p;
    enum config_drives d;
    struct err e = { 0 };

    plugins(data, size, &e);
    bundle_and_events(data, size, &e);
    check(config_letters_parse("f", data, size, &l, &e), &e);
    check(config_activation_parse("f", data, size, &a, &e), &e);
    check(config_drives_parse("f", data, size, &d, &e), &e);
    check(config_wallpaper_parse("f", data, size, &p, &e), &e);
    return 0;
}
