/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"

#define MINUTE_MS 60000ULL
#define YEARS_MAX 10
#define YEAR_MS   (365ULL * 24 * 3600 * 1000)

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "DeprecateAt", .type = PARAM_TIME, .required = true },
    { 0 },
};

static int read_time(struct api_call *c, uint64_t *ret, struct err *e)
{
    const char *text = api_text(c, "DeprecateAt");
    uint64_t ms = 0, now = clock_real_ms();

    (void)clock_parse_iso8601(text, &ms);              /* checked before: PARAM_TIME */
    ms = (ms + MINUTE_MS / 2) / MINUTE_MS * MINUTE_MS; /* EC2 rounds to the minute */
    if (ms < now / MINUTE_MS * MINUTE_MS)
        return api_fail(c, e, "InvalidParameterValue",
                        "Value (%s) for parameter DeprecateAt is invalid. The date must not be in "
                        "the past",
                        text);
    if (ms > now + YEARS_MAX * YEAR_MS)
        return api_fail(c, e, "InvalidParameterValue",
                        "Value (%s) for parameter DeprecateAt is invalid. The date must be within "
                        "%d years",
                        text, YEARS_MAX);
    *ret = ms;
    return 0;
}

static int enable_image_deprecation(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    if (r >= 0)
        r = read_time(c, &i.deprecated_ms, e);
    if (r >= 0)
        r = model_image_save(c->model, &i, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_enable_image_deprecation = {
    .name = "EnableImageDeprecation",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = enable_image_deprecation,
    .summary =
        "Says from when on an image is old: it works on, and others no longer see it listed.",
};
