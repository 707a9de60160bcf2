#include "tests/unit/spec_set_scans.h"

#include "base/sha256.h"

#include <string.h>

void scans_put(struct spec_set *set, const struct scanned_file *file)
{
    char digest[SHA256_HEX_SIZE];

    if (file->text == NULL) {
        spec_set_file_keep(set, file->name, "cannot be read: Permission denied");
        return;
    }
    sha256_hex(file->text, strlen(file->text), digest);
    if (!spec_set_file_is_known(set, file->name, digest)) {
        spec_set_file_put(set, file->name, digest, file->text, strlen(file->text));
    }
}

void scans_scan(struct spec_set *set, uint64_t now_ms, const struct scanned_file *files)
{
    spec_set_scan_begin(set);
    for (; files->name != NULL; files++) {
        scans_put(set, files);
    }
    spec_set_scan_end(set, now_ms, false);
}

void scans_empty(struct spec_set *set, uint64_t now_ms)
{
    scans_scan(set, now_ms, (const struct scanned_file[]){{NULL, NULL}});
}

const char *scans_image_of(const struct spec_set *set, const char *key)
{
    const struct spec_entry *entry = spec_set_find(set, key);

    return entry != NULL ? entry->object->instance.image : NULL;
}

bool scans_is_changed(const struct spec_set *set, const char *key)
{
    return map_get(&set->changes, key) != NULL;
}

size_t scans_count(const struct spec_set *set)
{
    return map_count(&set->entries);
}
