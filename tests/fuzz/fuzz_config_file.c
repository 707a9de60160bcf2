/*
 * The configuration file: it has errors, each in one clean line with its place, or what it says can
 * be put in force.
 */
#include "base/parse.h"
#include "controller/config_file.h"
#include "reconcilers/ports.h"
#include "reconcilers/subnets.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static void check_values(const struct config_file *config)
{
    struct port_table table;
    struct subnet range;
    struct error err = {0};

    port_table_init(&table);
    assert(config->options.ports == NULL ||
           port_table_set_ranges(&table, config->options.ports, &err) == 0);
    assert(config->options.network_range == NULL ||
           network_range_parse(config->options.network_range, &range, &err) == 0);
    port_table_done(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_done(config_file) config = {0};

    config_file_parse(&config, "berth.yaml", size > 0 ? (const char *)data : "", size);
    for (size_t i = 0; i < config.error_count; i++) {
        assert(text_has_prefix(config.errors[i], "berth.yaml"));
        assert(text_is_clean_utf8(config.errors[i], strlen(config.errors[i])));
        assert(strpbrk(config.errors[i], "\r\n\t") == NULL);
    }
    if (config.error_count == 0) {
        check_values(&config);
    }
    return 0;
}
