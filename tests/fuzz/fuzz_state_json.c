/*
 * What is kept as JSON, and what labels and lists of the engine say, with whatever in it: leases,
 * sizes, networks, starts of containers. What is taken is within the limits, and is written and
 * read back as the same.
 */
#include "base/memory.h"
#include "base/parse.h"
#include "controller/disk_notes.h"
#include "controller/known_starts.h"
#include "reconcilers/ports.h"
#include "reconcilers/subnets.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static void check_leases(const struct port_table *table)
{
    for (struct map_entry *at = map_first(&table->leases); at != NULL; at = map_next(at)) {
        const struct port_lease *lease = map_value(at);

        assert(lease->port != 0 && lease->owner != NULL && lease->name != NULL);
        assert(lease->host_ip != NULL && port_table_has_owner(table, lease->owner));
        assert(port_table_find(table, lease->owner, lease->name, lease->protocol) != NULL);
    }
}

static void read_leases(const json_t *json)
{
    struct port_table table, again;
    json_auto_t *written = NULL, *rewritten = NULL;

    port_table_init(&table);
    port_table_restore_json(&table, json);
    check_leases(&table);
    written = port_table_to_json(&table);
    port_table_init(&again);
    port_table_restore_json(&again, written);
    rewritten = port_table_to_json(&again);
    assert(json_array_size(json_object_get(written, "leases")) == map_count(&table.leases));
    assert(map_count(&again.leases) == map_count(&table.leases));
    port_table_done(&table);
    port_table_done(&again);
}

static void read_notes(const json_t *json)
{
    auto_done(disk_notes) notes = {0}, again = {0};
    json_auto_t *written = NULL, *rewritten = NULL;

    disk_notes_from_json(&notes, json);
    written = disk_notes_to_json(&notes);
    assert(written != NULL);
    disk_notes_from_json(&again, written);
    rewritten = disk_notes_to_json(&again);
    assert(json_equal(written, rewritten));
}

static void read_networks(const json_t *json)
{
    auto_done(subnet_list) list = {0};

    subnet_list_add_networks(&list, json);
    for (size_t i = 0; i < list.count; i++) {
        char text[SUBNET_SIZE];
        struct subnet back;

        assert(subnet_parse(subnet_format(&list.items[i], text), &back) == 0);
        assert(back.address == list.items[i].address);
        assert(back.prefix_len == list.items[i].prefix_len);
    }
}

static int read_line(const char *line, struct docker_container *docker, uint64_t *ret_process)
{
    *docker = (struct docker_container){
        .id = xstrdup("0a41"), .image = xstrdup(""), .cgroup_parent = xstrdup("")};
    return known_start_from_line(line, docker, ret_process);
}

static void read_start(const char *text)
{
    auto_done(docker_container) docker = {0}, again = {0};
    uint64_t process, process_again;
    auto_free char *line = NULL;

    if (read_line(text, &docker, &process) < 0) {
        return;
    }
    assert(docker.pid > 0 && process != 0);
    line = known_start_to_line(
        &(struct observed_container){
            .id = docker.id,
            .image = docker.image,
            .pid = docker.pid,
            .created_wall_ms = docker.created_wall_ms,
            .started_wall_ms = docker.started_wall_ms,
            .cgroup_parent = docker.cgroup_parent,
            .binds = (const char **)(uintptr_t)docker.binds,
            .bind_count = docker.bind_count,
        },
        process);
    assert(line != NULL && strchr(line, '\n') == NULL);
    assert(read_line(line, &again, &process_again) == 0 && process_again == process);
    assert(again.pid == docker.pid && again.started_wall_ms == docker.started_wall_ms);
    assert(strcmp(again.image, docker.image) == 0 && again.bind_count == docker.bind_count);
}

static void read_text(const char *text)
{
    auto_done(subnet_list) routes = {0};
    struct port_table table;

    port_table_init(&table);
    port_table_restore_label(&table, "Instance/web", text);
    check_leases(&table);
    port_table_done(&table);
    subnet_list_add_routes(&routes, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup(size > 0 ? (const char *)data : "", size);
    json_auto_t *json = json_loadb(size > 0 ? (const char *)data : "", size,
                                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

    read_text(text);
    read_start(text);
    if (json != NULL) {
        read_leases(json);
        read_notes(json);
        read_networks(json);
    }
    return 0;
}
