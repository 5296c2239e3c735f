/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the metadata service tells an instance of itself. It is looked up in the model, a dozen
 * queries, and good until the model changes in any way: guests ask in bursts, and no answer is
 * ever older than the model. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "imds.h"
#include "net.h"
#include "network.h"
#include "rules.h"

#define DISKS_MAX (VM_DISKS_MAX + 1)
#define VIEWS     64U /* kept; two instances may want the same place, and then take turns */

/* One instance's view of itself. */
struct metadata {
    char who[MODEL_ID_MAX]; /* interface or instance that asked; "": empty */
    uint64_t changes;       /* model_changes then */
    struct imds_instance view;
    struct instance_rec instance;
    struct interface_rec port;
    struct vpc_rec vpc;
    struct subnet_rec subnet;
    char *key;
    struct tag_list tags;
    struct group_rec *groups;
    void *user_data;
    struct public_view shown;
    char hostname[RULES_HOST_MAX], zone_id[16];
    struct attachment_rec *volumes;
    struct ephemeral_rec *ephemerals;
    struct imds_group group_views[NET_GROUPS_MAX];
    struct imds_tag tag_views[MODEL_TAGS_MAX];
    struct imds_disk disk_views[DISKS_MAX];
};

static void clear(struct metadata *m)
{
    free(m->key);
    tag_list_done(&m->tags);
    free(m->groups);
    free(m->user_data);
    free(m->volumes);
    free(m->ephemerals);
    *m = (struct metadata){ 0 };
}

void metadata_close(struct jobs *js)
{
    if (!js->metadata)
        return;
    for (size_t i = 0; i < VIEWS; i++)
        clear(&js->metadata[i]);
    free(js->metadata);
    js->metadata = NULL;
}

/* The interface behind an address, or the instance behind a socket of its own. */
static const char *name_of(struct jobs *js, const struct imds_caller *who)
{
    return who->instance_id ? who->instance_id : net_port_at(js->net, who->vpc_id, who->address);
}

static struct metadata *place_of(struct jobs *js, const char *name)
{
    uint32_t h = 2166136261U; /* FNV-1a */

    for (const char *p = name; *p; p++)
        h = (h ^ (uint8_t)*p) * 16777619U;
    if (!js->metadata)
        js->metadata = xcalloc(VIEWS, sizeof *js->metadata);
    return &js->metadata[h % VIEWS];
}

static int find_instance(struct jobs *js, const struct imds_caller *who, const char *name,
                         struct metadata *m, struct err *e)
{
    int r;

    if (who->instance_id)
        return model_instance_get(js->model, NULL, name, &m->instance, e);
    r = model_interface_get(js->model, NULL, name, &m->port, e);
    return r < 0 ? r : model_instance_get(js->model, NULL, m->port.instance_id, &m->instance, e);
}

/* What is not there is no failure: an instance without key, or of a time before networks. */
static int fine_if_absent(int r, struct err *e)
{
    if (r < 0 && e->kind == ERR_NOT_FOUND) {
        err_clear(e);
        return 0;
    }
    return r;
}

static int load_network(struct jobs *js, struct metadata *m, struct imds_instance *v, struct err *e)
{
    size_t n = 0;
    int r = model_interface_of(js->model, m->instance.id, &m->port, e);

    if (r < 0)
        return fine_if_absent(r, e);
    r = model_vpc_get(js->model, NULL, m->port.vpc_id, &m->vpc, e);
    if (r == 0)
        r = model_subnet_get(js->model, NULL, m->port.subnet_id, &m->subnet, e);
    if (r == 0)
        r = model_interface_groups(js->model, m->port.id, &m->groups, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && i < NET_GROUPS_MAX; i++)
        m->group_views[v->n_groups++] =
            (struct imds_group){ .id = m->groups[i].id, .name = m->groups[i].name };
    v->groups = m->group_views;
    v->mac = m->port.mac;
    v->interface_id = m->port.id;
    v->private_ip = m->port.private_ip;
    v->vpc_id = m->vpc.id;
    v->vpc_cidr = m->vpc.cidr;
    v->subnet_id = m->subnet.id;
    v->subnet_cidr = m->subnet.cidr;
    rules_private_dns(m->port.private_ip, m->instance.region, m->hostname);
    v->local_hostname = m->hostname;
    r = model_public_of(js->model, &m->port, &m->shown, e);
    if (r > 0)
        v->public_ip = v->public_hostname = m->shown.ip; /* its name: see docs/design/net.md */
    return r < 0 ? r : 0;
}

static int load_disks(struct jobs *js, struct metadata *m, struct imds_instance *v, struct err *e)
{
    size_t n = 0, k = 0;
    int r = model_attachment_list(js->model, m->instance.id, &m->volumes, &n, e);

    if (r == 0)
        r = model_ephemeral_list(js->model, m->instance.id, &m->ephemerals, &k, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && v->n_disks < DISKS_MAX; i++)
        m->disk_views[v->n_disks++] =
            (struct imds_disk){ .device = m->volumes[i].device,
                                .root = strcmp(m->volumes[i].device,
                                               m->instance.root_device_name) == 0 };
    for (size_t i = 0; i < k && v->n_disks < DISKS_MAX; i++)
        if (m->ephemerals[i].mapped)
            m->disk_views[v->n_disks++] =
                (struct imds_disk){ .device = m->ephemerals[i].device,
                                    .ephemeral = m->ephemerals[i].virtual_name };
    v->disks = m->disk_views;
    return 0;
}

static int load_rest(struct jobs *js, struct metadata *m, struct imds_instance *v, struct err *e)
{
    int r = model_user_data_get(js->model, m->instance.id, &m->user_data, &v->user_data_bytes, e);

    v->user_data = m->user_data;
    if (r == 0 && m->instance.metadata_tags)
        r = model_tags_get(js->model, m->instance.id, &m->tags, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < m->tags.n && i < MODEL_TAGS_MAX; i++)
        m->tag_views[v->n_tags++] =
            (struct imds_tag){ .key = m->tags.v[i].key, .value = m->tags.v[i].value };
    v->tags = m->tag_views;
    v->key_name = m->instance.key_name;
    r = model_launch_key_get(js->model, m->instance.id, &m->key, e);
    v->public_key = m->key;
    return r;
}

static void describe(struct metadata *m, struct imds_instance *v)
{
    const struct instance_rec *i = &m->instance;
    size_t n = strlen(i->zone);

    v->id = i->id;
    v->type = i->type;
    v->image_id = i->image_id;
    v->reservation_id = i->reservation_id;
    v->account = i->owner;
    v->launch_index = i->launch_index;
    v->generation = v->launched_ms = i->launched_ms;
    v->region = i->region;
    v->zone = i->zone;
    (void)snprintf(m->zone_id, sizeof m->zone_id, "kln1-az%d", n ? i->zone[n - 1] - 'a' + 1 : 1);
    v->zone_id = m->zone_id;
    v->architecture = i->architecture;
    v->windows = strcmp(i->platform, "windows") == 0;
    v->monitoring = i->monitoring;
    v->endpoint_disabled = i->metadata_disabled;
    v->tokens_required = i->metadata_tokens_required;
    v->tags_shown = i->metadata_tags;
    v->hop_limit = (uint8_t)i->metadata_hop_limit;
}

static int load(struct jobs *js, const struct imds_caller *who, const char *name,
                struct metadata *m, struct err *e)
{
    int r = find_instance(js, who, name, m, e);

    if (r < 0)
        return r;
    describe(m, &m->view);
    r = load_network(js, m, &m->view, e);
    if (r == 0)
        r = load_disks(js, m, &m->view, e);
    if (r == 0)
        r = load_rest(js, m, &m->view, e);
    return r;
}

int metadata_find(const struct imds_caller *who, struct imds_instance *ret, void *userdata,
                  struct err *e)
{
    struct jobs *js = userdata;
    const char *name = name_of(js, who);
    uint64_t changes = model_changes(js->model);
    struct metadata *m;
    int r;

    if (!name)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "nobody has the address '%s'", who->address);
    m = place_of(js, name);
    if (m->changes != changes || !str_eq(m->who, name)) {
        clear(m);
        r = load(js, who, name, m, e);
        if (r < 0)
            return r;
        m->changes = changes;
        (void)str_copy(m->who, sizeof m->who, name);
    }
    *ret = m->view;
    return 0;
}
