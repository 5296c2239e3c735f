/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of an image: deprecated, disabled, protected. */
#include "test-ask.h"

#define DAY_MS (24ULL * 3600 * 1000)

/* An image of another account, which exists only here. */
static void give_away(struct world *w, const char *image)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };

    OK(model_image_get(MODEL(w), NULL, image, &i, &e));
    (void)str_copy(i.owner, sizeof(i.owner), "333333333333");
    OK(model_image_save(MODEL(w), &i, &e));
}

static void deprecate_since(struct world *w, const char *image, uint64_t ms)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };

    OK(model_image_get(MODEL(w), NULL, image, &i, &e));
    i.deprecated_ms = ms;
    OK(model_image_save(MODEL(w), &i, &e));
}

static void a_deprecated_image_is_shown_to_its_owner_and_by_its_id(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "old");

    ask(w, "Action=EnableImageDeprecation&ImageId=%s&DeprecateAt=2030-01-01T10:20:31Z", ami);
    assert_at(w, "return", "true");
    ask(w, "Action=DescribeImages&Owner.1=self");
    assert_at(w, "imagesSet/item/deprecationTime", "2030-01-01T10:21:00.000Z");
    refused(w, "InvalidParameterValue", "past",
            "Action=EnableImageDeprecation&ImageId=%s&DeprecateAt=2020-01-01T00:00:00Z", ami);
    refused(w, "InvalidParameterValue", "10 years",
            "Action=EnableImageDeprecation&ImageId=%s&DeprecateAt=2090-01-01T00:00:00Z", ami);
    refused(w, "InvalidParameterValue", "DeprecateAt",
            "Action=EnableImageDeprecation&ImageId=%s&DeprecateAt=soon", ami);

    deprecate_since(w, ami, clock_real_ms() - 1);
    ask(w, "Action=DescribeImages");
    assert_int_equal(count(w, "imagesSet/item"), 1);
    give_away(w, ami);
    ask(w, "Action=DescribeImages");
    assert_int_equal(count(w, "imagesSet/item"), 0);
    ask(w, "Action=DescribeImages&IncludeDeprecated=true");
    assert_int_equal(count(w, "imagesSet/item"), 1);
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_int_equal(count(w, "imagesSet/item"), 1);
    refused(w, "AuthFailure", ami, "Action=DisableImageDeprecation&ImageId=%s", ami);
}

static void a_deprecation_can_be_ended(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "old");

    ask(w, "Action=EnableImageDeprecation&ImageId=%s&DeprecateAt=2030-01-01T10:20:31Z", ami);
    ask(w, "Action=DisableImageDeprecation&ImageId=%s", ami);
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_int_equal(count(w, "imagesSet/item/deprecationTime"), 0);
}

static void a_disabled_image_is_launched_and_shared_by_nobody_until_it_is_enabled(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "base"), *id = NULL;

    ask(w, "Action=ModifyImageAttribute&ImageId=%s&LaunchPermission.Add.1.UserId=222222222222",
        ami);
    refused(w, "DryRunOperation", "", "Action=DisableImage&ImageId=%s&DryRun=true", ami);
    ask(w, "Action=DisableImage&ImageId=%s", ami);
    assert_at(w, "return", "true");
    ask(w, "Action=DisableImage&ImageId=%s", ami); /* twice is fine */
    ask(w, "Action=DescribeImages");
    assert_int_equal(count(w, "imagesSet/item"), 0);
    ask(w, "Action=DescribeImages&IncludeDisabled=true");
    assert_at(w, "imagesSet/item/imageState", "disabled");
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
    assert_int_equal(count(w, "launchPermission/item"), 0);
    refused(w, "InvalidAMIID.Unavailable", "disabled",
            "Action=ModifyImageAttribute&ImageId=%s&LaunchPermission.Add.1.UserId=222222222222",
            ami);
    refused(w, "InvalidAMIID.Unavailable", "no longer available",
            "Action=RunInstances&ImageId=%s&InstanceType=m5.large&MinCount=1&MaxCount=1", ami);
    refused(w, "InvalidAMIID.Unavailable", "disabled",
            "Action=CopyImage&SourceImageId=%s&SourceRegion=us-east-1&Name=copy", ami);
    ask(w, "Action=EnableImage&ImageId=%s", ami);
    id = run(w, ami, "");
    ask(w, "Action=DeregisterImage&ImageId=%s", ami);
    refused(w, "InvalidAMIID.Unavailable", "", "Action=EnableImage&ImageId=%s", ami);
}

static void a_pending_image_cannot_be_disabled(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "base");

    ask(w, "Action=CopyImage&SourceImageId=%s&SourceRegion=us-east-1&Name=copy", ami);
    refused(w, "InvalidAMIID.Unavailable", "pending", "Action=DisableImage&ImageId=%s",
            at(w, "imageId"));
}

static void a_protected_image_is_not_deregistered(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "base");

    ask(w, "Action=EnableImageDeregistrationProtection&ImageId=%s", ami);
    assert_at(w, "return", "enabled-without-cooldown");
    refused(w, "OperationNotPermitted", ami, "Action=DeregisterImage&ImageId=%s", ami);
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_at(w, "imagesSet/item/deregistrationProtection", "enabled-without-cooldown");
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=deregistrationProtection", ami);
    assert_at(w, "deregistrationProtection/value", "enabled-without-cooldown");
    ask(w, "Action=DisableImageDeregistrationProtection&ImageId=%s", ami);
    assert_at(w, "return", "disabled");
    ask(w, "Action=DeregisterImage&ImageId=%s", ami);
}

static void a_cooldown_protects_for_a_day_longer(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "base");
    _cleanup_(image_rec_done) struct image_rec i = { 0 };

    ask(w, "Action=EnableImageDeregistrationProtection&ImageId=%s&WithCooldown=true", ami);
    assert_at(w, "return", "enabled-with-cooldown");
    ask(w, "Action=DisableImageDeregistrationProtection&ImageId=%s", ami);
    refused(w, "OperationNotPermitted", "cooldown", "Action=DeregisterImage&ImageId=%s", ami);
    OK(model_image_get(MODEL(w), NULL, ami, &i, &e));
    i.protected_until_ms -= DAY_MS;
    OK(model_image_save(MODEL(w), &i, &e));
    ask(w, "Action=DeregisterImage&ImageId=%s", ami);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(a_deprecated_image_is_shown_to_its_owner_and_by_its_id),
        STORY(a_deprecation_can_be_ended),
        STORY(a_disabled_image_is_launched_and_shared_by_nobody_until_it_is_enabled),
        STORY(a_pending_image_cannot_be_disabled),
        STORY(a_protected_image_is_not_deregistered),
        STORY(a_cooldown_protects_for_a_day_longer),
    };

    return test_run(tests);
}
