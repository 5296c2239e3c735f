/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/spin.h"
#include "lib/buf.h"
#include "lib/stamp.h"

#define RETRY_MS     1000U
#define SAY_AGAIN_MS 60000U

struct console {
    struct win *w;
    struct log *log;
    struct win_port *port; /* NULL: none, given up, or let go */
    char *name;            /* of the port */
    bool let_go;           /* opened again for each text */
    struct spin lock;
};

/* Offsets of Microsoft's "Serial Port Console Redirection Table": PCI device id 64, vendor 66, bus
 * 68, slot 69, function 70, segment 75; FFFF ids: not on PCI. */
int console_spcr_parse(const void *table, size_t n, struct win_pci *ret, struct err *e)
{
    struct cur c = cur_over(table, n);
    const uint8_t *at = cur_take(&c, 80);
    uint32_t length;

    if (!at || memcmp(at, "SPCR", 4) != 0)
        return err_set(e, EINVAL, ERR_IO, "the firmware's SPCR table is damaged (%zu bytes)", n);
    length = at[4] | (uint32_t)at[5] << 8 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 24;
    if (length < 80 || length > n)
        return err_set(e, EINVAL, ERR_IO, "the firmware's SPCR table says %u of %zu bytes", length,
                       n);
    *ret = (struct win_pci){ .device = (uint16_t)(at[64] | at[65] << 8),
                             .vendor = (uint16_t)(at[66] | at[67] << 8),
                             .bus = at[68],
                             .slot = at[69],
                             .function = at[70],
                             .segment = at[75] };
    return ret->device != 0xffff && ret->vendor != 0xffff;
}

/* 1 and *ret: SPCR leads to a serial device of Windows. 0: it does not. */
static int port_of_spcr(struct win *w, struct log *log, char **ret)
{
    _cleanup_free_ void *table = NULL;
    struct err e = { 0 };
    struct win_pci at;
    size_t n = 0;
    int r = w->firmware_table(w, "SPCR", &table, &n, &e);

    if (r == 0)
        log_say(log, LOG_INFO, "ACPI SPCR table not supported. Use default console port.");
    if (r == 1)
        r = console_spcr_parse(table, n, &at, &e);
    if (r == 1)
        r = w->port_of_pci(w, &at, ret, &e);
    if (r < 0)
        log_say(log, LOG_WARNING, "%s. Use default console port.", e.msg);
    return r == 1;
}

int console_port_name(struct win *w, char **ret, struct err *e)
{
    if (port_of_spcr(w, NULL, ret))
        return 0;
    *ret = str_dup("COM1");
    return *ret ? 0 : err_oom(e);
}

static void open_port(struct console *c, const char *name, uint32_t wait_ms)
{
    struct win *w = c->w;
    uint64_t start = w->tick_ms(w), said = start;
    bool told = false;

    log_say(c->log, LOG_INFO, "Open port %s handle to write to console.", name);
    for (;;) {
        struct err e = { 0 };
        uint64_t now;

        if (w->port_open(w, name, &c->port, &e) == 0) {
            log_say(c->log, LOG_INFO, "Serial port is available");
            return;
        }
        now = w->tick_ms(w);
        if (now - start >= wait_ms) {
            log_say(c->log, LOG_WARNING, "No serial console: %s. Going on without it.", e.msg);
            return;
        }
        if (!told || now - said >= SAY_AGAIN_MS) {
            log_say(c->log, LOG_INFO, "Serial port is in use. Waiting for Serial Port...");
            told = true;
            said = now;
        }
        w->sleep_ms(w, RETRY_MS);
    }
}

int console_open(struct win *w, struct log *log, uint32_t wait_ms, struct console **ret,
                 struct err *e)
{
    struct console *c = calloc(1, sizeof(*c));

    if (!c)
        return err_oom(e);
    c->w = w;
    c->log = log;
    if (!port_of_spcr(w, log, &c->name))
        c->name = str_dup("COM1");
    if (!c->name) {
        console_close(c);
        return err_oom(e);
    }
    open_port(c, c->name, wait_ms);
    *ret = c;
    return 0;
}

static void close_port(struct console *c)
{
    if (!c->port)
        return;
    c->w->port_close(c->w, c->port);
    c->port = NULL;
    log_say(c->log, LOG_INFO, "COM port closed successfully.");
}

void console_let_go(struct console *c)
{
    c->let_go = c->let_go || c->port;
    close_port(c);
}

void console_close(struct console *c)
{
    if (!c)
        return;
    close_port(c);
    free(c->name);
    free(c);
}

bool console_has_port(const struct console *c)
{
    return c->port != NULL;
}

struct log *console_log(struct console *c)
{
    return c->log;
}

static void write_port(struct console *c, const char *p, size_t n)
{
    struct err e = { 0 };

    if (!c->port && c->let_go && c->w->port_open(c->w, c->name, &c->port, &e) < 0)
        log_say(c->log, LOG_WARNING, "Not on the serial console: %s", e.msg);
    if (!c->port)
        return;
    if (c->w->port_write(c->w, c->port, p, n, &e) < 0) {
        c->w->port_close(c->w, c->port);
        c->port = NULL;
        log_say(c->log, LOG_WARNING, "No more serial console: %s", e.msg);
    }
    if (c->port && c->let_go) {
        c->w->port_close(c->w, c->port);
        c->port = NULL;
    }
}

static void plain(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

void console_say(struct console *c, const char *fmt, ...)
{
    _cleanup_str_ struct str s = STR_INIT(KIB(8));
    char text[2048], stamp[STAMP_SIZE];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    plain(text);
    log_say(c->log, LOG_CONSOLE, "%s", text);
    str_addf(&s, "%s%s\r\n", stamp_console(c->w->now_ms(c->w) / 1000, stamp), text);
    spin_lock(&c->lock, c->w);
    write_port(c, str_text(&s), s.len);
    spin_unlock(&c->lock);
}

void console_say_password(struct console *c, const char *account, const char *sealed)
{
    _cleanup_str_ struct str s = STR_INIT(KIB(16));
    char stamp[STAMP_SIZE];

    console_say(c, "Username: %s", account);
    log_say(c->log, LOG_CONSOLE, "Password: <Password>\n%s\n</Password>", sealed);
    str_addf(&s, "%sPassword: <Password>\r\n%s\r\n</Password>\r\n",
             stamp_console(c->w->now_ms(c->w) / 1000, stamp), sealed);
    spin_lock(&c->lock, c->w);
    write_port(c, str_text(&s), s.len);
    spin_unlock(&c->lock);
}
