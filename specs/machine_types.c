#include "specs/machine_types.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "base/suggest.h"

#include <stdio.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)
#define GCE(name_, milli_, mib_)                                                                   \
    {                                                                                              \
        .name = (name_), .provider = "gce", .cpu_milli = (milli_), .memory_bytes = (mib_)*MIB      \
    }
#define EC2(name_, milli_, mib_)                                                                   \
    {                                                                                              \
        .name = (name_), .provider = "ec2", .cpu_milli = (milli_), .memory_bytes = (mib_)*MIB      \
    }

/* Thousandths of a vCPU and MiB, as the providers' machine type listings give them. */
static const struct machine_type catalogue[] = {
    GCE("f1-micro", 200, 614),
    GCE("g1-small", 500, 1740),

    GCE("e2-micro", 250, 1024),
    GCE("e2-small", 500, 2048),
    GCE("e2-medium", 1000, 4096),
    GCE("e2-standard-2", 2000, 8192),
    GCE("e2-standard-4", 4000, 16384),
    GCE("e2-standard-8", 8000, 32768),
    GCE("e2-standard-16", 16000, 65536),
    GCE("e2-standard-32", 32000, 131072),
    GCE("e2-highmem-2", 2000, 16384),
    GCE("e2-highmem-4", 4000, 32768),
    GCE("e2-highmem-8", 8000, 65536),
    GCE("e2-highmem-16", 16000, 131072),
    GCE("e2-highcpu-2", 2000, 2048),
    GCE("e2-highcpu-4", 4000, 4096),
    GCE("e2-highcpu-8", 8000, 8192),
    GCE("e2-highcpu-16", 16000, 16384),
    GCE("e2-highcpu-32", 32000, 32768),

    GCE("n1-standard-1", 1000, 3840),
    GCE("n1-standard-2", 2000, 7680),
    GCE("n1-standard-4", 4000, 15360),
    GCE("n1-standard-8", 8000, 30720),
    GCE("n1-standard-16", 16000, 61440),
    GCE("n1-standard-32", 32000, 122880),
    GCE("n1-standard-64", 64000, 245760),
    GCE("n1-standard-96", 96000, 368640),
    GCE("n1-highmem-2", 2000, 13312),
    GCE("n1-highmem-4", 4000, 26624),
    GCE("n1-highmem-8", 8000, 53248),
    GCE("n1-highmem-16", 16000, 106496),
    GCE("n1-highmem-32", 32000, 212992),
    GCE("n1-highmem-64", 64000, 425984),
    GCE("n1-highmem-96", 96000, 638976),
    GCE("n1-highcpu-2", 2000, 1843),
    GCE("n1-highcpu-4", 4000, 3686),
    GCE("n1-highcpu-8", 8000, 7373),
    GCE("n1-highcpu-16", 16000, 14746),
    GCE("n1-highcpu-32", 32000, 29491),
    GCE("n1-highcpu-64", 64000, 58982),
    GCE("n1-highcpu-96", 96000, 88474),

    GCE("n2-standard-2", 2000, 8192),
    GCE("n2-standard-4", 4000, 16384),
    GCE("n2-standard-8", 8000, 32768),
    GCE("n2-standard-16", 16000, 65536),
    GCE("n2-standard-32", 32000, 131072),
    GCE("n2-standard-48", 48000, 196608),
    GCE("n2-standard-64", 64000, 262144),
    GCE("n2-standard-80", 80000, 327680),
    GCE("n2-standard-96", 96000, 393216),
    GCE("n2-standard-128", 128000, 524288),
    GCE("n2-highmem-2", 2000, 16384),
    GCE("n2-highmem-4", 4000, 32768),
    GCE("n2-highmem-8", 8000, 65536),
    GCE("n2-highmem-16", 16000, 131072),
    GCE("n2-highmem-32", 32000, 262144),
    GCE("n2-highmem-48", 48000, 393216),
    GCE("n2-highmem-64", 64000, 524288),
    GCE("n2-highmem-80", 80000, 655360),
    GCE("n2-highmem-96", 96000, 786432),
    GCE("n2-highmem-128", 128000, 884736),
    GCE("n2-highcpu-2", 2000, 2048),
    GCE("n2-highcpu-4", 4000, 4096),
    GCE("n2-highcpu-8", 8000, 8192),
    GCE("n2-highcpu-16", 16000, 16384),
    GCE("n2-highcpu-32", 32000, 32768),
    GCE("n2-highcpu-48", 48000, 49152),
    GCE("n2-highcpu-64", 64000, 65536),
    GCE("n2-highcpu-80", 80000, 81920),
    GCE("n2-highcpu-96", 96000, 98304),

    GCE("c2-standard-4", 4000, 16384),
    GCE("c2-standard-8", 8000, 32768),
    GCE("c2-standard-16", 16000, 65536),
    GCE("c2-standard-30", 30000, 122880),
    GCE("c2-standard-60", 60000, 245760),

    EC2("t3.nano", 2000, 512),
    EC2("t3.micro", 2000, 1024),
    EC2("t3.small", 2000, 2048),
    EC2("t3.medium", 2000, 4096),
    EC2("t3.large", 2000, 8192),
    EC2("t3.xlarge", 4000, 16384),
    EC2("t3.2xlarge", 8000, 32768),

    EC2("m5.large", 2000, 8192),
    EC2("m5.xlarge", 4000, 16384),
    EC2("m5.2xlarge", 8000, 32768),
    EC2("m5.4xlarge", 16000, 65536),
    EC2("m5.8xlarge", 32000, 131072),
    EC2("m5.12xlarge", 48000, 196608),
    EC2("m5.16xlarge", 64000, 262144),
    EC2("m5.24xlarge", 96000, 393216),

    EC2("c5.large", 2000, 4096),
    EC2("c5.xlarge", 4000, 8192),
    EC2("c5.2xlarge", 8000, 16384),
    EC2("c5.4xlarge", 16000, 32768),
    EC2("c5.9xlarge", 36000, 73728),
    EC2("c5.12xlarge", 48000, 98304),
    EC2("c5.18xlarge", 72000, 147456),
    EC2("c5.24xlarge", 96000, 196608),
};

enum { MAX_CUSTOM_CPUS = 1024, MIN_CUSTOM_MIB = 64, MAX_CUSTOM_MIB = 4 << 20 };

/* "custom-<vcpus>-<MiB>" */
static int find_custom(const char *name, struct machine_type *ret_type)
{
    static const char prefix[] = "custom-";
    const char *sizes = name + sizeof(prefix) - 1, *dash;
    char cpus_text[16];
    uint64_t cpus, mib;

    if (!text_has_prefix(name, prefix) || (dash = strchr(sizes, '-')) == NULL ||
        (size_t)(dash - sizes) >= sizeof(cpus_text)) {
        return -1;
    }
    snprintf(cpus_text, sizeof(cpus_text), "%.*s", (int)(dash - sizes), sizes);
    if (parse_u64(cpus_text, &cpus) < 0 || cpus < 1 || cpus > MAX_CUSTOM_CPUS ||
        parse_u64(dash + 1, &mib) < 0 || mib < MIN_CUSTOM_MIB || mib > MAX_CUSTOM_MIB) {
        return -1;
    }
    *ret_type = (struct machine_type){
        .name = "custom",
        .provider = "custom",
        .cpu_milli = (int64_t)cpus * 1000,
        .memory_bytes = (int64_t)mib * MIB,
    };
    return 0;
}

int machine_type_find(const char *name, struct machine_type *ret_type)
{
    for (size_t i = 0; i < ARRAY_SIZE(catalogue); i++) {
        if (strcmp(name, catalogue[i].name) == 0) {
            *ret_type = catalogue[i];
            return 0;
        }
    }
    return find_custom(name, ret_type);
}

const char *machine_type_suggest(const char *name)
{
    const char *names[ARRAY_SIZE(catalogue)];

    for (size_t i = 0; i < ARRAY_SIZE(catalogue); i++) {
        names[i] = catalogue[i].name;
    }
    return suggest_nearest(name, names, ARRAY_SIZE(catalogue));
}

const struct machine_type *machine_type_list(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(catalogue);
    return catalogue;
}
