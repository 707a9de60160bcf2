#include "controller/policy_read.h"

#include "base/file.h"
#include "specs/yaml_reader.h"

#include <fcntl.h>

struct policy *policy_read(const char *path)
{
    auto_free char *text = NULL;
    struct error err = {0};
    size_t len;

    return file_read(AT_FDCWD, path, YAML_MAX_BYTES, &text, &len, &err) == 0
               ? policy_parse(path, text, len)
               : policy_unreadable(path, err.message);
}
