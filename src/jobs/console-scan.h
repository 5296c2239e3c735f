/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads what a guest prints on its serial port: the lines that EC2's Windows agents and cloud-init
 * print become a status, the password block becomes GetPasswordData (windows-agents.md 1.12, 3.6,
 * 4.3). Hostile input: lines are bounded, nothing is kept but one line and one password. */
#pragma once

#include "util.h"

#define CONSOLE_LINE_MAX     512
#define CONSOLE_PASSWORD_MAX 1024 /* base64 of an RSA block: 344 characters for 2048 bits */

struct console_scan {
    char line[CONSOLE_LINE_MAX];
    size_t len;
    bool too_long;
    bool in_password;
    char password[CONSOLE_PASSWORD_MAX];
    size_t password_len;
    /* A line that is worth showing ("Windows is Ready to use"); without its time stamp. */
    void (*on_status)(const char *text, void *userdata);
    /* A complete <Password> block: base64 without blanks. The last one counts. */
    void (*on_password)(const char *base64, void *userdata);
    void *userdata;
};

/* Feeds the next bytes; any cut between two calls gives the same result. */
void console_scan_feed(struct console_scan *s, const char *p, size_t n);
