/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"
#include "parse.h"

#define CONSOLE_MAX KIB(64) /* EC2's limit */

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    /* The answer is always the latest output. */
    { .name = "Latest", .type = PARAM_IGNORED },
    { 0 },
};

static int get_console_output(struct api_call *c, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *base64 = NULL;
    struct instance_rec i;
    size_t len = 0;
    int r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);

    if (r < 0)
        return r;
    r = jobs_console(c->jobs, i.id, CONSOLE_MAX, &text, &len, e);
    if (r < 0)
        return r;
    base64 = base64_encode(text ? text : "", len);
    if (!base64)
        return err_oom(e);
    xml_text(c->out, "instanceId", i.id);
    xml_time(c->out, "timestamp", clock_real_ms());
    xml_text(c->out, "output", base64);
    return 0;
}

const struct api_action api_get_console_output = {
    .name = "GetConsoleOutput",
    .resource = "instance",
    .params = params,
    .handle = get_console_output,
    .summary = "Gives the last 64 KiB that the guest wrote to its serial port, in base64.",
};
