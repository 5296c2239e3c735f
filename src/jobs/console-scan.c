/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console-scan.h"

#include <ctype.h>
#include <string.h>

static const char open_tag[] = "<Password>", close_tag[] = "</Password>";

/* Beginnings of lines worth showing, behind the stamp. More telling ones of the agents are errors.
 */
static const char *const telling[] = {
    "Windows is being configured.",
    "Windows is still being configured.",
    "Windows sysprep configuration complete.",
    "EC2ConfigMonitorState: ",
    "Message: ",
    "Error EC2Launch ",
    "Metadata is not available for this instance.",
    "Timed out waiting for access to metadata.",
    "Failed to find primary network interface",
    "Invalid administrator ",
    "Cloud-init v. ",
};

/* "[   12.345678] cloud-init[411]: text" -> "text": the journal's copy on the console. */
static const char *behind_kernel_stamp(const char *line)
{
    const char *p = line + 1;

    p += strspn(p, " ");
    p += strspn(p, "0123456789.");
    if (strncmp(p, "] cloud-init[", 13) != 0)
        return line;
    p += 13;
    p += strspn(p, "0123456789");
    return strncmp(p, "]: ", 3) == 0 ? p + 3 : line;
}

/* "2026/01/02 03:04:05Z: text" -> "text" */
static const char *behind_stamp(const char *line)
{
    static const char form[] = "dddd/dd/dd dd:dd:ddZ: ";

    if (line[0] == '[')
        return behind_kernel_stamp(line);
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd' ? !isdigit((unsigned char)line[i]) : line[i] != form[i])
            return line;
    }
    return line + sizeof form - 1;
}

static void tell_status(struct console_scan *s, const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(telling); i++)
        if (strncmp(text, telling[i], strlen(telling[i])) == 0) {
            if (s->on_status)
                s->on_status(strncmp(text, "Message: ", 9) == 0 ? text + 9 : text, s->userdata);
            return;
        }
}

static bool is_base64(char c)
{
    return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=';
}

/* Adds the base64 of a line up to the closing tag; anything else ends the block as no block. */
static void take_password(struct console_scan *s, const char *text)
{
    const char *end = strstr(text, close_tag);

    for (const char *p = text; *p && p != end; p++) {
        if (*p == ' ' || *p == '\t')
            continue;
        if (!is_base64(*p) || s->password_len + 1 >= sizeof s->password) {
            s->in_password = false;
            return;
        }
        s->password[s->password_len++] = *p;
    }
    if (!end)
        return;
    s->in_password = false;
    s->password[s->password_len] = '\0';
    if (s->password_len && s->on_password)
        s->on_password(s->password, s->userdata);
}

static void end_line(struct console_scan *s)
{
    const char *text, *tag;

    s->line[s->len] = '\0';
    s->len = 0;
    if (s->too_long) { /* no line of an agent is that long */
        s->too_long = s->in_password = false;
        return;
    }
    text = behind_stamp(s->line);
    tag = strstr(text, open_tag);
    if (tag) {
        s->in_password = true;
        s->password_len = 0;
        take_password(s, tag + sizeof open_tag - 1);
    } else if (s->in_password) {
        take_password(s, text);
    } else {
        tell_status(s, text);
    }
}

void console_scan_feed(struct console_scan *s, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            end_line(s);
        else if (p[i] == '\r' || p[i] == '\0')
            continue;
        else if (s->len + 1 < sizeof s->line)
            s->line[s->len++] = p[i];
        else
            s->too_long = true;
    }
}
