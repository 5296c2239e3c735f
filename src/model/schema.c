/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The schema as a list of steps: PRAGMA user_version says how many a database has had. Steps are
 * only added, never changed. docs/formats/database.md tells what the columns mean. */
#include "model-priv.h"

#include <errno.h>
#include <stdio.h>

#define APPLICATION_ID 0x4b494c4eU /* "KILN" */

static const char step_1[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE access_keys ("
    " id TEXT PRIMARY KEY, secret TEXT NOT NULL, account TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE instances ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, zone TEXT NOT NULL,"
    " reservation_id TEXT NOT NULL, owner TEXT NOT NULL, image_id TEXT NOT NULL,"
    " type TEXT NOT NULL, key_name TEXT NOT NULL, state TEXT NOT NULL,"
    " state_reason_code TEXT NOT NULL, state_reason TEXT NOT NULL,"
    " transition_reason TEXT NOT NULL, launched_ms INTEGER NOT NULL,"
    " terminated_ms INTEGER NOT NULL, launch_index INTEGER NOT NULL,"
    " client_token TEXT NOT NULL, platform TEXT NOT NULL, platform_details TEXT NOT NULL,"
    " usage_operation TEXT NOT NULL, architecture TEXT NOT NULL,"
    " root_device_name TEXT NOT NULL, boot_mode TEXT NOT NULL, uuid TEXT NOT NULL,"
    " mac TEXT NOT NULL, private_ip TEXT NOT NULL, monitoring INTEGER NOT NULL,"
    " ebs_optimized INTEGER NOT NULL, ena_support INTEGER NOT NULL,"
    " disable_api_termination INTEGER NOT NULL, disable_api_stop INTEGER NOT NULL,"
    " terminate_on_shutdown INTEGER NOT NULL, rebooting INTEGER NOT NULL,"
    " status_ok INTEGER NOT NULL) STRICT;"
    "CREATE TABLE ephemerals ("
    " instance_id TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,"
    " device TEXT NOT NULL, virtual_name TEXT NOT NULL, size_gib INTEGER NOT NULL,"
    " mapped INTEGER NOT NULL, PRIMARY KEY (instance_id, device)) STRICT;"

    "CREATE TABLE volumes ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, zone TEXT NOT NULL, owner TEXT NOT NULL,"
    " size_gib INTEGER NOT NULL, type TEXT NOT NULL, iops INTEGER NOT NULL,"
    " throughput INTEGER NOT NULL, encrypted INTEGER NOT NULL, snapshot_id TEXT NOT NULL,"
    " platform TEXT NOT NULL, state TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE attachments ("
    " volume_id TEXT PRIMARY KEY REFERENCES volumes (id),"
    " instance_id TEXT NOT NULL REFERENCES instances (id), device TEXT NOT NULL,"
    " state TEXT NOT NULL, attached_ms INTEGER NOT NULL,"
    " delete_on_termination INTEGER NOT NULL, UNIQUE (instance_id, device)) STRICT;"

    "CREATE TABLE snapshots ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, owner TEXT NOT NULL,"
    " volume_id TEXT NOT NULL, description TEXT NOT NULL, state TEXT NOT NULL,"
    " state_message TEXT NOT NULL, progress INTEGER NOT NULL,"
    " volume_size_gib INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
    " completed_ms INTEGER NOT NULL, encrypted INTEGER NOT NULL, platform TEXT NOT NULL,"
    " parent TEXT NOT NULL, bytes_read INTEGER NOT NULL, bytes_stored INTEGER NOT NULL) STRICT;"

    "CREATE TABLE images ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL,"
    " description TEXT NOT NULL, state TEXT NOT NULL, state_reason_code TEXT NOT NULL,"
    " state_reason TEXT NOT NULL, platform TEXT NOT NULL, platform_details TEXT NOT NULL,"
    " usage_operation TEXT NOT NULL, architecture TEXT NOT NULL,"
    " root_device_name TEXT NOT NULL, root_device_type TEXT NOT NULL,"
    " virtualization_type TEXT NOT NULL, boot_mode TEXT NOT NULL, tpm_support TEXT NOT NULL,"
    " imds_support TEXT NOT NULL, ena_support INTEGER NOT NULL,"
    " sriov_net_support INTEGER NOT NULL, is_public INTEGER NOT NULL,"
    " source_instance_id TEXT NOT NULL, source_image_id TEXT NOT NULL,"
    " source_image_region TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    " deregistered_ms INTEGER NOT NULL, last_launched_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX images_name ON images (region, owner, name)"
    " WHERE state <> 'deregistered';"
    "CREATE TABLE image_mappings ("
    " image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, device TEXT NOT NULL, virtual_name TEXT NOT NULL,"
    " no_device INTEGER NOT NULL, has_ebs INTEGER NOT NULL, snapshot_id TEXT NOT NULL,"
    " size_gib INTEGER NOT NULL, volume_type TEXT NOT NULL, iops INTEGER NOT NULL,"
    " throughput INTEGER NOT NULL, delete_on_termination INTEGER NOT NULL,"
    " encrypted INTEGER NOT NULL, PRIMARY KEY (image_id, position)) STRICT;"
    "CREATE INDEX image_mappings_snapshot ON image_mappings (snapshot_id);"

    "CREATE TABLE key_pairs ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,"
    " fingerprint TEXT NOT NULL, public_key TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    " UNIQUE (region, name)) STRICT;"

    "CREATE TABLE imports ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, description TEXT NOT NULL,"
    " name TEXT NOT NULL, format TEXT NOT NULL, url TEXT NOT NULL, platform TEXT NOT NULL,"
    " boot_mode TEXT NOT NULL, state TEXT NOT NULL, status_message TEXT NOT NULL,"
    " progress INTEGER NOT NULL, bytes_done INTEGER NOT NULL, bytes_total INTEGER NOT NULL,"
    " bytes_per_s INTEGER NOT NULL, disk_bytes INTEGER NOT NULL, image_id TEXT NOT NULL,"
    " snapshot_id TEXT NOT NULL, warning TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE tags ("
    " resource_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " region TEXT NOT NULL, PRIMARY KEY (resource_id, key)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE jobs ("
    " id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, step TEXT NOT NULL,"
    " state TEXT NOT NULL, args TEXT NOT NULL, error TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX jobs_active ON jobs (created_ms) WHERE state = 'active';"

    "CREATE TABLE tokens ("
    " region TEXT NOT NULL, action TEXT NOT NULL, token TEXT NOT NULL,"
    " params BLOB NOT NULL, resource_id TEXT NOT NULL, kept_ms INTEGER NOT NULL,"
    " PRIMARY KEY (region, action, token)) STRICT, WITHOUT ROWID;";

/* Networks, and what a guest is told and tells. An instance that was there before gets its network
 * interface at open (network_adopt). */
static const char step_2[] =
    "CREATE TABLE vpcs ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, owner TEXT NOT NULL, cidr TEXT NOT NULL,"
    " is_default INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX vpcs_default ON vpcs (region) WHERE is_default;"
    "CREATE TABLE subnets ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, zone TEXT NOT NULL, owner TEXT NOT NULL,"
    " vpc_id TEXT NOT NULL REFERENCES vpcs (id), cidr TEXT NOT NULL,"
    " default_for_az INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE security_groups ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, owner TEXT NOT NULL,"
    " vpc_id TEXT NOT NULL REFERENCES vpcs (id), name TEXT NOT NULL,"
    " description TEXT NOT NULL, created_ms INTEGER NOT NULL, UNIQUE (vpc_id, name)) STRICT;"
    "CREATE TABLE security_group_rules ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL,"
    " group_id TEXT NOT NULL REFERENCES security_groups (id) ON DELETE CASCADE,"
    " egress INTEGER NOT NULL, protocol TEXT NOT NULL, from_port INTEGER NOT NULL,"
    " to_port INTEGER NOT NULL, cidr TEXT NOT NULL, source_group_id TEXT NOT NULL,"
    " description TEXT NOT NULL,"
    " UNIQUE (group_id, egress, protocol, from_port, to_port, cidr, source_group_id)) STRICT;"
    "CREATE INDEX security_group_rules_source ON security_group_rules (source_group_id);"
    "CREATE TABLE interfaces ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, zone TEXT NOT NULL, owner TEXT NOT NULL,"
    " vpc_id TEXT NOT NULL REFERENCES vpcs (id), subnet_id TEXT NOT NULL REFERENCES subnets (id),"
    " instance_id TEXT NOT NULL UNIQUE REFERENCES instances (id) ON DELETE CASCADE,"
    " attachment_id TEXT NOT NULL, mac TEXT NOT NULL, private_ip TEXT NOT NULL,"
    " description TEXT NOT NULL, delete_on_termination INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, UNIQUE (subnet_id, private_ip)) STRICT;"
    "CREATE TABLE interface_groups ("
    " interface_id TEXT NOT NULL REFERENCES interfaces (id) ON DELETE CASCADE,"
    " group_id TEXT NOT NULL REFERENCES security_groups (id),"
    " PRIMARY KEY (interface_id, group_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX interface_groups_group ON interface_groups (group_id);"

    "ALTER TABLE instances ADD COLUMN vpc_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE instances ADD COLUMN subnet_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE instances ADD COLUMN metadata_tokens_required INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE instances ADD COLUMN metadata_disabled INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE instances ADD COLUMN metadata_tags INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE instances ADD COLUMN metadata_hop_limit INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE instances ADD COLUMN password_data TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE instances ADD COLUMN guest_status TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE user_data ("
    " instance_id TEXT PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE,"
    " data BLOB NOT NULL) STRICT;";

/* The public key that an instance was launched with: its key pair may be deleted meanwhile. */
static const char step_3[] =
    "CREATE TABLE launch_keys ("
    " instance_id TEXT PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE,"
    " line TEXT NOT NULL) STRICT;"
    "INSERT INTO launch_keys SELECT i.id, k.public_key FROM instances i"
    " JOIN key_pairs k ON k.region = i.region AND k.name = i.key_name;";

/* How far an upload is: read so far, of how much, how fast. */
static const char step_4[] =
    "ALTER TABLE snapshots ADD COLUMN bytes_done INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE snapshots ADD COLUMN bytes_total INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE snapshots ADD COLUMN bytes_per_s INTEGER NOT NULL DEFAULT 0;";

/* Whom images and snapshots are shared with. */
static const char step_5[] =
    "CREATE TABLE permissions ("
    " resource_id TEXT NOT NULL, grantee TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    " PRIMARY KEY (resource_id, grantee)) STRICT, WITHOUT ROWID;";

/* Images that get old, out of use, and may not go; regions that encrypt what is made. */
static const char step_6[] =
    "ALTER TABLE images ADD COLUMN deprecated_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE images ADD COLUMN protection TEXT NOT NULL DEFAULT 'disabled';"
    "ALTER TABLE images ADD COLUMN protected_until_ms INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE regions ("
    " region TEXT PRIMARY KEY, encrypts INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* Public addresses. Instances of before get none by themselves: their subnet said so then. */
static const char step_7[] =
    "ALTER TABLE subnets ADD COLUMN map_public INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE interfaces ADD COLUMN wants_public INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE interfaces ADD COLUMN public_ip TEXT NOT NULL DEFAULT '';"
    "CREATE UNIQUE INDEX interfaces_public ON interfaces (public_ip) WHERE public_ip <> '';"
    "CREATE TABLE addresses ("
    " id TEXT PRIMARY KEY, region TEXT NOT NULL, owner TEXT NOT NULL,"
    " public_ip TEXT NOT NULL UNIQUE, interface_id TEXT NOT NULL, association_id TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX addresses_interface ON addresses (interface_id)"
    " WHERE interface_id <> '';";

/* The last change of a volume's size, type or speed. */
static const char step_8[] =
    "CREATE TABLE modifications ("
    " volume_id TEXT PRIMARY KEY REFERENCES volumes (id) ON DELETE CASCADE,"
    " region TEXT NOT NULL, state TEXT NOT NULL, status_message TEXT NOT NULL,"
    " old_size_gib INTEGER NOT NULL, old_type TEXT NOT NULL, old_iops INTEGER NOT NULL,"
    " old_throughput INTEGER NOT NULL, size_gib INTEGER NOT NULL, type TEXT NOT NULL,"
    " iops INTEGER NOT NULL, throughput INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL) STRICT;";

static const char *const steps[] = {
    step_1, step_2, step_3, step_4, step_5, step_6, step_7, step_8
};

static int run(struct model *m, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(m->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : db_fail(m, rc, "change the schema", e);
}

static int is_ours(struct model *m, const char *path, uint64_t version, struct err *e)
{
    uint64_t app = 0, tables = 0;
    int r = db_u64(m, "PRAGMA application_id", NO_BINDS, &app, e);

    if (r >= 0)
        r = db_u64(m, "SELECT count(*) FROM sqlite_schema", NO_BINDS, &tables, e);
    if (r < 0)
        return r;
    if (app != APPLICATION_ID && (tables || version))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is a database of another program", path);
    if (version > ARRAY_LEN(steps))
        return err_set(e, EINVAL, ERR_INVALID,
                       "'%s' has schema %llu and this program knows schemas up to %zu: "
                       "a newer Kiln wrote it",
                       path, (unsigned long long)version, ARRAY_LEN(steps));
    return 0;
}

static int upgrade(struct model *m, const char *path, struct err *e)
{
    char sql[128];
    uint64_t version = 0;
    int r = db_u64(m, "PRAGMA user_version", NO_BINDS, &version, e);

    if (r >= 0)
        r = is_ours(m, path, version, e);
    if (r < 0 || version == ARRAY_LEN(steps))
        return r;
    for (; version < ARRAY_LEN(steps); version++) {
        r = run(m, steps[version], e);
        if (r < 0)
            return err_wrap(e, "step %llu", (unsigned long long)version + 1);
    }
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %u; PRAGMA user_version = %zu",
                   APPLICATION_ID, ARRAY_LEN(steps));
    return run(m, sql, e);
}

int schema_upgrade(struct model *m, const char *path, struct err *e)
{
    int r = model_begin(m, e);

    if (r < 0)
        return r;
    return model_end(m, upgrade(m, path, e), e);
}
