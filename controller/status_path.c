#include "controller/status_path.h"

#include "base/memory.h"
#include "base/parse.h"

#include <string.h>

char *status_path(const char *directory, const char *spec_file)
{
    /* .yml keeps its ending in the name, so that a.yaml and a.yml do not share a status file */
    size_t stem = text_has_suffix(spec_file, ".yaml") ? strlen(spec_file) - strlen(".yaml")
                                                      : strlen(spec_file);

    return xasprintf("%s/%.*s.status.yaml", directory, (int)stem, spec_file);
}
