/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of rules.h in EC2's words. */
#include "api-priv.h"

/* NVMe instance-store disks are encrypted by the hardware on EC2; clients look for the word. */
#define IF_NVME(t) ((t)->store_nvme ? "required" : "unsupported")

/* clang-format off */
#define VALUE(fn, offer) \
    static void fn(const void *record, struct filter_match *f) \
    { \
        const struct instance_type *t = record; \
        (void)t; \
        offer; \
    }
VALUE(by_name, filter_offer(f, t->name))
VALUE(by_generation, filter_offer_bool(f, t->current_generation))
VALUE(by_free, filter_offer_bool(f, t->free_tier))
VALUE(by_burstable, filter_offer_bool(f, t->burstable))
VALUE(by_no, filter_offer_bool(f, false))
VALUE(by_hypervisor, filter_offer(f, t->nitro ? "nitro" : "xen"))
VALUE(by_encryption, filter_offer(f, t->encryption ? "supported" : "unsupported"))
VALUE(by_ebs_nvme, filter_offer(f, t->nitro ? "required" : "unsupported"))
VALUE(by_ebs_optimized, filter_offer(f, t->nitro ? "default" : "unsupported"))
VALUE(by_store, filter_offer_bool(f, t->store_disks > 0))
VALUE(by_store_total, if (t->store_disks) filter_offer_uint(f, t->store_disks * t->store_disk_gib))
VALUE(by_store_count, if (t->store_disks) filter_offer_uint(f, t->store_disks))
VALUE(by_store_size, if (t->store_disks) filter_offer_uint(f, t->store_disk_gib))
VALUE(by_store_type, if (t->store_disks) filter_offer(f, t->store_nvme ? "ssd" : "hdd"))
VALUE(by_store_nvme, if (t->store_disks) filter_offer(f, IF_NVME(t)))
VALUE(by_memory, filter_offer_uint(f, t->memory_mib))
VALUE(by_architecture, filter_offer(f, "x86_64"))
VALUE(by_boot_mode, { filter_offer(f, "legacy-bios"); filter_offer(f, t->nitro ? "uefi" : NULL); })
VALUE(by_root_device, filter_offer(f, "ebs"))
VALUE(by_usage, filter_offer(f, "on-demand"))
VALUE(by_virtualization, filter_offer(f, "hvm"))
VALUE(by_vcpus, filter_offer_uint(f, t->vcpus))
VALUE(by_cores, filter_offer_uint(f, t->nitro && t->vcpus > 1 ? t->vcpus / 2 : t->vcpus))
VALUE(by_threads, filter_offer_uint(f, t->nitro && t->vcpus > 1 ? 2 : 1))
VALUE(by_ena, filter_offer(f, t->nitro ? "required" : "unsupported"))
/* clang-format on */

static const struct filter_def filters[] = {
    { "auto-recovery-supported", by_no },
    { "bare-metal", by_no },
    { "burstable-performance-supported", by_burstable },
    { "current-generation", by_generation },
    { "dedicated-hosts-supported", by_no },
    { "ebs-info.ebs-optimized-support", by_ebs_optimized },
    { "ebs-info.encryption-support", by_encryption },
    { "ebs-info.nvme-support", by_ebs_nvme },
    { "free-tier-eligible", by_free },
    { "hibernation-supported", by_no },
    { "hypervisor", by_hypervisor },
    { "instance-storage-info.disk.count", by_store_count },
    { "instance-storage-info.disk.size-in-gb", by_store_size },
    { "instance-storage-info.disk.type", by_store_type },
    { "instance-storage-info.encryption-support", by_store_nvme },
    { "instance-storage-info.nvme-support", by_store_nvme },
    { "instance-storage-info.total-size-in-gb", by_store_total },
    { "instance-storage-supported", by_store },
    { "instance-type", by_name },
    { "memory-info.size-in-mib", by_memory },
    { "network-info.efa-supported", by_no },
    { "network-info.ena-support", by_ena },
    { "network-info.ipv6-supported", by_no },
    { "processor-info.supported-architecture", by_architecture },
    { "supported-boot-mode", by_boot_mode },
    { "supported-root-device-type", by_root_device },
    { "supported-usage-class", by_usage },
    { "supported-virtualization-type", by_virtualization },
    { "vcpu-info.default-cores", by_cores },
    { "vcpu-info.default-threads-per-core", by_threads },
    { "vcpu-info.default-vcpus", by_vcpus },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "InstanceType.N", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "IncludeUnsupportedInRegion", .type = PARAM_BOOL }, /* every region has them all */
    { 0 },
};

static void put_words(struct xml *x, const char *element, const char *first, const char *second)
{
    xml_open(x, element);
    xml_text(x, "item", first);
    xml_text(x, "item", second);
    xml_close(x, element);
}

static void put_processor(struct xml *x, const struct instance_type *t)
{
    unsigned threads = t->nitro && t->vcpus > 1 ? 2 : 1;

    xml_open(x, "processorInfo");
    put_words(x, "supportedArchitectures", "x86_64", NULL);
    xml_close(x, "processorInfo");
    xml_open(x, "vCpuInfo");
    xml_uint(x, "defaultVCpus", t->vcpus);
    xml_uint(x, "defaultCores", t->vcpus / threads);
    xml_uint(x, "defaultThreadsPerCore", threads);
    xml_close(x, "vCpuInfo");
    xml_open(x, "memoryInfo");
    xml_uint(x, "sizeInMiB", t->memory_mib);
    xml_close(x, "memoryInfo");
}

static void put_storage(struct xml *x, const struct instance_type *t)
{
    xml_bool(x, "instanceStorageSupported", t->store_disks > 0);
    if (t->store_disks > 0) {
        xml_open(x, "instanceStorageInfo");
        xml_uint(x, "totalSizeInGB", t->store_disks * t->store_disk_gib);
        xml_open(x, "disks");
        xml_open(x, "item");
        xml_uint(x, "sizeInGB", t->store_disk_gib);
        xml_uint(x, "count", t->store_disks);
        xml_text(x, "type", t->store_nvme ? "ssd" : "hdd");
        xml_close(x, "item");
        xml_close(x, "disks");
        xml_text(x, "nvmeSupport", IF_NVME(t));
        xml_text(x, "encryptionSupport", IF_NVME(t));
        xml_close(x, "instanceStorageInfo");
    }
    xml_open(x, "ebsInfo");
    xml_text(x, "ebsOptimizedSupport", t->nitro ? "default" : "unsupported");
    xml_text(x, "encryptionSupport", t->encryption ? "supported" : "unsupported");
    xml_text(x, "nvmeSupport", t->nitro ? "required" : "unsupported");
    xml_close(x, "ebsInfo");
}

static void put_network(struct xml *x, const struct instance_type *t)
{
    xml_open(x, "networkInfo");
    xml_uint(x, "maximumNetworkInterfaces", 1);
    xml_uint(x, "maximumNetworkCards", 1);
    xml_uint(x, "defaultNetworkCardIndex", 0);
    xml_uint(x, "ipv4AddressesPerInterface", 1);
    xml_uint(x, "ipv6AddressesPerInterface", 0);
    xml_bool(x, "ipv6Supported", false);
    xml_text(x, "enaSupport", t->nitro ? "required" : "unsupported");
    xml_bool(x, "efaSupported", false);
    xml_bool(x, "encryptionInTransitSupported", false);
    xml_close(x, "networkInfo");
}

static void put_type(struct xml *x, const struct instance_type *t)
{
    xml_open(x, "item");
    xml_text(x, "instanceType", t->name);
    xml_bool(x, "currentGeneration", t->current_generation);
    xml_bool(x, "freeTierEligible", t->free_tier);
    put_words(x, "supportedUsageClasses", "on-demand", NULL);
    put_words(x, "supportedRootDeviceTypes", "ebs", NULL);
    put_words(x, "supportedVirtualizationTypes", "hvm", NULL);
    xml_bool(x, "bareMetal", false);
    xml_text(x, "hypervisor", t->nitro ? "nitro" : "xen");
    put_processor(x, t);
    put_storage(x, t);
    put_network(x, t);
    xml_bool(x, "hibernationSupported", false);
    xml_bool(x, "burstablePerformanceSupported", t->burstable);
    xml_bool(x, "dedicatedHostsSupported", false);
    xml_bool(x, "autoRecoverySupported", false);
    put_words(x, "supportedBootModes", "legacy-bios", t->nitro ? "uefi" : NULL);
    xml_text(x, "nitroEnclavesSupport", "unsupported");
    xml_text(x, "nitroTpmSupport", "unsupported");
    xml_close(x, "item");
}

static bool is_asked_for(const struct api_call *c, const char *name)
{
    size_t n = api_count(c, "InstanceType");

    for (size_t i = 0; i < n; i++)
        if (str_eq(api_item(c, "InstanceType", i, ""), name))
            return true;
    return n == 0;
}

/* Unknown types are one error that names them all. */
static int check_names(struct api_call *c, struct err *e)
{
    _cleanup_str_ struct str unknown = STR_INIT(400);
    char shown[80];

    for (size_t i = 0; i < api_count(c, "InstanceType"); i++) {
        const char *name = api_item(c, "InstanceType", i, "");

        if (!instance_type_find(name))
            str_addf(&unknown, "%s%s", unknown.len ? ", " : "",
                     str_show(name, shown, sizeof(shown)));
    }
    if (unknown.len == 0)
        return 0;
    return api_fail(c, e, "InvalidInstanceType",
                    "The following supplied instance types do not exist: [%s]", str_text(&unknown));
}

static bool passes(struct api_call *c, const struct instance_type *t)
{
    return is_asked_for(c, t->name) && api_filters_pass(c, filters, t, NULL);
}

static int describe_instance_types(struct api_call *c, struct err *e)
{
    const struct instance_type *t;
    size_t n = 0, at = 0, from, to;
    int r = api_filters_check(c, filters, e);

    if (r == 0)
        r = check_names(c, e);
    if (r < 0)
        return r;
    for (size_t i = 0; (t = instance_type_at(i)); i++)
        n += passes(c, t);
    r = api_page(c, n, api_count(c, "InstanceType"), &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "instanceTypeSet");
    for (size_t i = 0; (t = instance_type_at(i)); i++) {
        if (!passes(c, t))
            continue;
        if (at >= from && at < to)
            put_type(c->out, t);
        at++;
    }
    xml_close(c->out, "instanceTypeSet");
    api_page_end(c, n, to);
    return 0;
}

const struct api_action api_describe_instance_types = {
    .name = "DescribeInstanceTypes",
    .resource = "instance-type",
    .flags = API_FILTERS | API_PAGES,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 100,
    .handle = describe_instance_types,
    .summary = "Lists the instance types with their processors, memory and disks.",
};
