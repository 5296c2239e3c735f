/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/activation.h"

#include <string.h>

#include "lib/str.h"

#define KMS_PORT "1688"
#define KMS_IPV6 "fd00:ec2::250"

/* billingProducts of the identity document: a list with a product, or null. Only this member is
 * looked at, so a scan does. */
bool activation_is_ours(const char *identity_document)
{
    const char *p = identity_document ? strstr(identity_document, "\"billingProducts\"") : NULL;

    if (!p)
        return true;
    p += strlen("\"billingProducts\"");
    p += strspn(p, " \t\r\n:");
    if (*p != '[')
        return false; /* null */
    p++;
    p += strspn(p, " \t\r\n");
    return *p == '"';
}

/* An instance without an IPv4 address reaches the service by IPv6. */
static bool is_ipv6_only(struct imds *m)
{
    _cleanup_free_ char *four = NULL, *six = NULL;
    struct err ignore = { 0 };

    if (imds_value(m, "local-ipv4", &four, &ignore) != 0)
        return false;
    return imds_value(m, "ipv6", &six, &ignore) == 1;
}

static int pick_server(struct win *w, struct imds *m, const struct activation *a, const char **ret,
                       struct err *e)
{
    static const char *const usual[] = { "169.254.169.250", "169.254.169.251" };
    const char *const *list = a->servers && a->n ? a->servers : usual;
    size_t n = a->servers && a->n ? a->n : ARRAY_LEN(usual);
    uint8_t byte = 0;
    int r = w->random(w, &byte, 1, e);

    if (r == 0)
        *ret = list == usual && is_ipv6_only(m) ? KMS_IPV6 : list[byte % n];
    return r;
}

static int ask(struct win *w, const struct activation *a, struct log *log, char **ret_result,
               struct err *e)
{
    _cleanup_free_ char *command = NULL, *text = NULL;
    uint32_t pid = 0, code = 0;
    int r;

    command = win_expand(w,
                         "%SystemRoot%\\System32\\cscript.exe //Nologo //B "
                         "%SystemRoot%\\System32\\slmgr.vbs /ato",
                         e);
    if (!command)
        return -e->no;
    if (!a->log_result) { /* it may take a minute: nothing waits for it */
        struct win_run run = { .command = command, .detach = true };

        return w->run(w, &run, &pid, &code, e);
    }
    memmove(strstr(command, "//B "), strstr(command, "//B ") + 4,
            strlen(strstr(command, "//B ") + 4) + 1);
    r = win_capture(w, command, &text, &code, e);
    if (r < 0)
        return r;
    log_text(log, code ? LOG_WARNING : LOG_INFO, text);
    if (ret_result)
        *ret_result = TAKE_PTR(text);
    return 0;
}

int activation_apply(struct win *w, struct imds *m, const struct activation *a, struct log *log,
                     char **ret_result, struct err *e)
{
    _cleanup_free_ char *document = NULL;
    const char *server = NULL;
    struct err ignore = { 0 };
    int r;

    if (ret_result)
        *ret_result = NULL;
    if (imds_get(m, "dynamic/instance-identity/document", &document, NULL, &ignore) == 1 &&
        !activation_is_ours(document)) {
        log_say(log, LOG_INFO, "The licence is the owner's own: Windows is not activated here.");
        return 0;
    }
    r = pick_server(w, m, a, &server, e);
    if (r < 0)
        return r;
    log_say(log, LOG_INFO, "Configuring Windows KMS settings.");
    log_say(log, LOG_INFO, "Configuring %s KMS endpoint: %s", strchr(server, ':') ? "IPv6" : "IPv4",
            server);
    r = w->reg_set_text(w, AGENT_KMS_KEY, "KeyManagementServiceName", server, e);
    if (r == 0)
        r = w->reg_set_text(w, AGENT_KMS_KEY, "KeyManagementServicePort", KMS_PORT, e);
    if (r == 0 && a->ask)
        r = ask(w, a, log, ret_result, e);
    return r < 0 ? err_wrap(e, "configure activation") : 0;
}
