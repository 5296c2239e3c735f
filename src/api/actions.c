/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every action, sorted by name: one line here, one file each. */
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"

#define ACTIONS(X)                                                                                 \
    X(allocate_address)                                                                            \
    X(associate_address)                                                                           \
    X(attach_volume)                                                                               \
    X(authorize_security_group_egress)                                                             \
    X(authorize_security_group_ingress)                                                            \
    X(copy_image)                                                                                  \
    X(copy_snapshot)                                                                               \
    X(create_image)                                                                                \
    X(create_key_pair)                                                                             \
    X(create_security_group)                                                                       \
    X(create_snapshot)                                                                             \
    X(create_snapshots)                                                                            \
    X(create_tags)                                                                                 \
    X(create_volume)                                                                               \
    X(delete_key_pair)                                                                             \
    X(delete_security_group)                                                                       \
    X(delete_snapshot)                                                                             \
    X(delete_tags)                                                                                 \
    X(delete_volume)                                                                               \
    X(deregister_image)                                                                            \
    X(describe_account_attributes)                                                                 \
    X(describe_addresses)                                                                          \
    X(describe_availability_zones)                                                                 \
    X(describe_image_attribute)                                                                    \
    X(describe_images)                                                                             \
    X(describe_import_image_tasks)                                                                 \
    X(describe_instance_attribute)                                                                 \
    X(describe_instance_credit_specifications)                                                     \
    X(describe_instance_status)                                                                    \
    X(describe_instance_type_offerings)                                                            \
    X(describe_instance_types)                                                                     \
    X(describe_instances)                                                                          \
    X(describe_key_pairs)                                                                          \
    X(describe_network_interfaces)                                                                 \
    X(describe_regions)                                                                            \
    X(describe_security_group_rules)                                                               \
    X(describe_security_groups)                                                                    \
    X(describe_snapshot_attribute)                                                                 \
    X(describe_snapshots)                                                                          \
    X(describe_subnets)                                                                            \
    X(describe_tags)                                                                               \
    X(describe_volume_status)                                                                      \
    X(describe_volumes)                                                                            \
    X(describe_volumes_modifications)                                                              \
    X(describe_vpc_attribute)                                                                      \
    X(describe_vpcs)                                                                               \
    X(detach_volume)                                                                               \
    X(disable_ebs_encryption_by_default)                                                           \
    X(disable_image)                                                                               \
    X(disable_image_deprecation)                                                                   \
    X(disable_image_deregistration_protection)                                                     \
    X(disassociate_address)                                                                        \
    X(enable_ebs_encryption_by_default)                                                            \
    X(enable_image)                                                                                \
    X(enable_image_deprecation)                                                                    \
    X(enable_image_deregistration_protection)                                                      \
    X(get_console_output)                                                                          \
    X(get_console_screenshot)                                                                      \
    X(get_ebs_default_kms_key_id)                                                                  \
    X(get_ebs_encryption_by_default)                                                               \
    X(get_password_data)                                                                           \
    X(import_image)                                                                                \
    X(import_key_pair)                                                                             \
    X(modify_image_attribute)                                                                      \
    X(modify_instance_attribute)                                                                   \
    X(modify_instance_metadata_options)                                                            \
    X(modify_snapshot_attribute)                                                                   \
    X(modify_subnet_attribute)                                                                     \
    X(modify_volume)                                                                               \
    X(monitor_instances)                                                                           \
    X(reboot_instances)                                                                            \
    X(register_image)                                                                              \
    X(release_address)                                                                             \
    X(reset_image_attribute)                                                                       \
    X(reset_instance_attribute)                                                                    \
    X(reset_snapshot_attribute)                                                                    \
    X(revoke_security_group_egress)                                                                \
    X(revoke_security_group_ingress)                                                               \
    X(run_instances)                                                                               \
    X(start_instances)                                                                             \
    X(stop_instances)                                                                              \
    X(terminate_instances)                                                                         \
    X(unmonitor_instances)

#define DECLARE(name) extern const struct api_action api_##name;
#define POINT(name)   &api_##name,

ACTIONS(DECLARE)

const struct api_action *const api_actions[] = { ACTIONS(POINT) };
const size_t api_actions_count = ARRAY_LEN(api_actions);

static int by_name(const void *key, const void *element)
{
    return strcmp(key, (*(const struct api_action *const *)element)->name);
}

const struct api_action *api_action_find(const char *name)
{
    const struct api_action *const *found =
        bsearch(name, api_actions, api_actions_count, sizeof(api_actions[0]), by_name);

    return found ? *found : NULL;
}
