/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The picture takes QEMU a moment: the answer comes later. */
#include "find.h"

#include "later.h"
#include "parse.h"

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    /* The screen is there whether the guest saves power or not. */
    { .name = "WakeUp", .type = PARAM_IGNORED },
    { 0 },
};

static void on_screen(const void *jpeg, size_t n, const struct err *e, void *userdata)
{
    _cleanup_free_ char *base64 = NULL;
    struct api_later *l = userdata;
    struct err none = { 0 };

    if (e) {
        api_later_fail(l, e);
        return;
    }
    base64 = base64_encode(jpeg, n);
    if (!base64) {
        (void)err_oom(&none);
        api_later_fail(l, &none);
        return;
    }
    xml_text(&l->body, "imageData", base64);
    api_later_end(l);
}

static int get_console_screenshot(struct api_call *c, struct err *e)
{
    struct api_later *l;
    struct instance_rec i;
    int r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);

    if (r < 0)
        return r;
    if (i.state != INSTANCE_RUNNING)
        return api_fail(c, e, "IncorrectInstanceState",
                        "The instance '%s' is not in the 'running' state: it is '%s', and nothing "
                        "is on its screen",
                        i.id, model_instance_state_name(i.state));
    if (api_bool(c, "DryRun", false))
        return 0;
    xml_text(c->out, "instanceId", i.id);
    l = api_later_new(c);
    r = jobs_screenshot(c->jobs, i.id, on_screen, l, e);
    if (r < 0) {
        api_later_cancel(c, l);
        return r;
    }
    c->later = l;
    return 0;
}

const struct api_action api_get_console_screenshot = {
    .name = "GetConsoleScreenshot",
    .resource = "instance",
    .params = params,
    .handle = get_console_screenshot,
    .summary = "Gives a picture of the guest's screen, a JPEG in base64.",
};
