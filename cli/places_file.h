/*
 * ./berth.yaml: the controller's configuration file, in the current directory, where all commands
 * find the places that neither a flag nor the environment names.
 *
 * It is what decides where things are written, so it must belong to who runs the command, or to
 * root; under sudo also to who called that. Otherwise whoever may write to some directory could
 * lead root astray who works there.
 */
#ifndef BERTH_CLI_PLACES_FILE_H
#define BERTH_CLI_PLACES_FILE_H

#include "base/error.h"
#include "controller/options.h"

#define PLACES_FILE "berth.yaml"

/*
 * *ret_path: absolute, the caller's to free; NULL: there is none. ERROR_INVALID: it is somebody
 * else's.
 */
int places_file_find(char **ret_path, struct error *err);

/*
 * Reads it, once in a process; that there is none is good. ERROR_INVALID: what is wrong with it,
 * and where.
 */
int places_file_load(struct error *err);

/*
 * What it says, absolute, or NULL; of SETTING_SPECS, SETTING_STATE and SETTING_STATUS_DIR. Of a
 * file with errors: nothing.
 */
const char *places_file_text(enum setting_id id);

#endif
