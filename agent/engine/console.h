/* SPDX-License-Identifier: Apache-2.0 */
/* The serial console that the owner reads from outside (GetConsoleOutput) and that carries the
 * password. Every line is "yyyy/MM/dd HH:mm:ssZ: text" CR LF in UTC; the two inner lines of the
 * password have no stamp. */
#pragma once

#include "engine/log.h"

struct console;

#define CONSOLE_WAIT_MS 60000U /* for a busy port; then on without it, with the log alone */

/* The port: SPCR's PCI device matched to a serial device, else COM1. Opens it (a busy or absent one
 * is retried each second until wait_ms are over). Never fails for lack of a port: then lines go to
 * the log only. log may be NULL. */
int console_open(struct win *w, struct log *log, uint32_t wait_ms, struct console **ret,
                 struct err *e);
void console_close(struct console *c); /* accepts NULL */
DEFINE_FREEP(console_close, struct console);
/* The port is for others from now on (scripts that write to it); what is still to say opens it for
 * that one text, and is in the log alone while somebody else has it. */
void console_let_go(struct console *c);
bool console_has_port(const struct console *c);
struct log *console_log(struct console *c);

/* One stamped line, also to the log. Control characters in the text become blanks: an outside value
 * cannot forge a second line. */
void console_say(struct console *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "Username: <account>", then the sealed password between its tags. */
void console_say_password(struct console *c, const char *account, const char *sealed);

/* "COM1" or what SPCR leads to; for `list` verbs and tests. Heap text. */
int console_port_name(struct win *w, char **ret, struct err *e);
/* The PCI address inside an SPCR table: 1, 0 when it names no PCI device, -EINVAL when damaged. */
int console_spcr_parse(const void *table, size_t n, struct win_pci *ret, struct err *e);
