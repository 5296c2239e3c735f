/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-ask.h"

#define SET "volumeModificationSet/item"

static char *available(struct world *w, const char *more)
{
    char *id;

    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=10%s", more);
    id = keep_at(w, "volumeId");
    OK(model_volume_move(MODEL(w), id, VOLUME_EV_READY, NULL, &e));
    return id;
}

static void a_larger_size_is_work_for_a_job(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = available(w, "");
    struct modification_rec m;

    refused(w, "InvalidVolumeModification.NotFound", id,
            "Action=DescribeVolumesModifications&VolumeId.1=%s", id);
    ask(w, "Action=ModifyVolume&VolumeId=%s&Size=20", id);
    assert_at(w, "volumeModification/modificationState", "modifying");
    assert_at(w, "volumeModification/originalSize", "10");
    assert_at(w, "volumeModification/targetSize", "20");
    assert_at(w, "volumeModification/progress", "0");
    assert_int_equal(asked_for(w, "modify-volume vol-"), 1);
    refused(w, "IncorrectModificationState", "modifying", "Action=ModifyVolume&VolumeId=%s&Size=30",
            id);
    ask(w, "Action=DescribeVolumes&VolumeId.1=%s", id);
    assert_at(w, "volumeSet/item/size", "20");

    OK(model_modification_get(MODEL(w), NULL, id, &m, &e));
    m.state = MODIFICATION_COMPLETED;
    m.ended_ms = clock_real_ms();
    OK(model_modification_put(MODEL(w), &m, &e));
    ask(w, "Action=DescribeVolumesModifications&Filter.1.Name=modification-state&"
           "Filter.1.Value.1=completed&Filter.2.Name=target-size&Filter.2.Value.1=20");
    assert_at(w, SET "/volumeId", id);
    assert_at(w, SET "/progress", "100");
    refused(w, "InvalidParameterValue", "New size cannot be smaller than existing size",
            "Action=ModifyVolume&VolumeId=%s&Size=19", id);
    ask(w, "Action=ModifyVolume&VolumeId=%s&Size=30", id);
    ask(w, "Action=DescribeVolumesModifications");
    assert_int_equal(count(w, SET), 1); /* the last one of each volume */
    assert_at(w, SET "/originalSize", "20");
}

static void type_and_speed_change_at_once(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = available(w, "&VolumeType=gp3&Iops=4000&Throughput=200");

    refused(w, "DryRunOperation", "", "Action=ModifyVolume&VolumeId=%s&Throughput=500&DryRun=true",
            id);
    ask(w, "Action=ModifyVolume&VolumeId=%s&Throughput=500", id);
    assert_at(w, "volumeModification/modificationState", "completed");
    assert_at(w, "volumeModification/originalThroughput", "200");
    assert_at(w, "volumeModification/targetThroughput", "500");
    assert_at(w, "volumeModification/targetIops", "4000");
    ask(w, "Action=ModifyVolume&VolumeId=%s&VolumeType=gp2", id);
    assert_at(w, "volumeModification/targetVolumeType", "gp2");
    assert_int_equal(count(w, "volumeModification/targetThroughput"), 0);
    refused(w, "InvalidParameterCombination", "throughput",
            "Action=ModifyVolume&VolumeId=%s&Throughput=500", id);
    ask(w, "Action=ModifyVolume&VolumeId=%s&VolumeType=gp3", id);
    ask(w, "Action=DescribeVolumes&VolumeId.1=%s", id);
    assert_at(w, "volumeSet/item/volumeType", "gp3");
    assert_at(w, "volumeSet/item/iops", "3000");
    assert_at(w, "volumeSet/item/throughput", "125");
    assert_int_equal(asked_for(w, "modify-volume"), 0);
}

static void what_cannot_be_is_refused(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = available(w, "");

    refused(w, "InvalidParameterCombination", "No change", "Action=ModifyVolume&VolumeId=%s", id);
    refused(w, "InvalidParameterValue", "99999", "Action=ModifyVolume&VolumeId=%s&Size=99999", id);
    refused(w, "InvalidParameterValue", "floppy",
            "Action=ModifyVolume&VolumeId=%s&VolumeType=floppy", id);
    refused(w, "InvalidVolume.NotFound", "",
            "Action=ModifyVolume&VolumeId=vol-00000000000000000&Size=1");
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1");
    refused(w, "IncorrectState", "creating", "Action=ModifyVolume&VolumeId=%s&Size=2",
            at(w, "volumeId"));
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(a_larger_size_is_work_for_a_job),
        STORY(type_and_speed_change_at_once),
        STORY(what_cannot_be_is_refused),
    };

    return test_run(tests);
}
