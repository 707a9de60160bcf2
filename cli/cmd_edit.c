#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/edit_text.h"
#include "cli/editor.h"
#include "cli/spec_change.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct edit {
    struct spec_change change;
    struct editor_file file;
    char *document; /* as it was, or as it was edited last */
    char *errors;   /* of that, or NULL */
};

static void edit_done(struct edit *edit)
{
    spec_change_done(&edit->change);
    editor_file_done(&edit->file);
    free(edit->document);
    free(edit->errors);
}

static int fail(const struct edit *edit, const char *message)
{
    fprintf(stderr, "berth edit: %s\n", message);
    if (edit->file.is_kept) {
        fprintf(stderr, "what you wrote is kept in %s\n", edit->file.path);
    }
    return EXIT_FAILED;
}

static int edit_open(struct edit *edit, const struct places *places, struct error *err)
{
    struct spec_change *change = &edit->change;
    auto_free char *name = NULL;

    if (spec_change_open(change, places, err) < 0) {
        return -1;
    }
    edit->document =
        xstrndup(change->text + change->place.start, change->place.end - change->place.start);
    name = xasprintf("%s-%s.yaml", kind_name(change->kind), change->name);
    return editor_file_open(&edit->file, name, err);
}

/* 0: it is written; 1: there is something wrong with it, see errors. */
static int try_to_write(struct edit *edit, char *edited, struct error *err)
{
    struct spec_change *change = &edit->change;
    struct error wrong = {0};

    free(TAKE(edit->document));
    free(TAKE(edit->errors));
    edit->document = edited;
    if (edit_text_check(edited, change->kind, change->name, &wrong) == 0 &&
        spec_change_put_take(change,
                             spec_edit_replace(change->text, change->len, &change->place, edited),
                             &wrong) == 0 &&
        spec_change_check(change, &wrong) == 0) {
        edit->file.is_kept = true; /* what cannot be written is not lost */
        if (spec_change_write(change, err) < 0) {
            return -1;
        }
        edit->file.is_kept = false;
        return 0;
    }
    edit->errors = xstrdup(wrong.message);
    return 1;
}

static int cancel(const char *why)
{
    fprintf(stderr, "edit cancelled: %s\n", why);
    return EXIT_OK;
}

/* The editor opens again as long as something is wrong and something is done about it. */
static int edit_until_good(struct edit *edit)
{
    const struct spec_change *change = &edit->change;
    struct error err = {0};

    for (;;) {
        auto_free char *text =
            edit_text_make(edit->document, change->spelling, change->file->name, edit->errors);
        auto_free char *saved = NULL;
        char *edited;
        int result;

        edit->file.is_kept = edit->errors != NULL;
        if (editor_file_edit(&edit->file, text, &saved, &err) < 0) {
            return fail(edit, err.message);
        }
        edited = edit_text_strip(saved);
        if (edit_text_is_empty(edited) || edit_text_is_same(edit->document, edited)) {
            bool is_empty = edit_text_is_empty(edited);

            free(edited);
            if (edit->errors != NULL && !is_empty) {
                return fail(edit, edit->errors);
            }
            edit->file.is_kept = false;
            return cancel(is_empty ? "the file was emptied" : "nothing was changed");
        }
        result = try_to_write(edit, edited, &err);
        if (result < 0) {
            return fail(edit, err.message);
        }
        if (result == 0) {
            printf("%s edited (in %s)\n", change->spelling, change->file->name);
            return EXIT_OK;
        }
    }
}

static int cmd_edit(int argc, char **argv)
{
    auto_done(edit) edit = {0};
    struct places places = {0};
    struct arguments args;
    struct error err = {0};
    int id;

    arguments_init(&args, &command_edit, argc, argv);
    while ((id = arguments_next(&args)) > 0) {
        places_take(&places, id, args.value);
    }
    if (id < 0 || spec_change_operands(&edit.change, &args) < 0) {
        return args.exit_code;
    }
    if (edit_open(&edit, &places, &err) < 0) {
        return fail(&edit, err.message);
    }
    return edit_until_good(&edit);
}

const struct command command_edit = {
    .name = "edit",
    .run = cmd_edit,
    .summary = "edit the spec of an object",
    .group = GROUP_SPECS,
    .operands = "KIND NAME | KIND/NAME",
    .description =
        "Opens an editor on the object's document, of a file with several on this one only. What "
        "you save is checked before it is written: when something is wrong, the editor opens again "
        "and says what. Nothing happens when you change nothing or empty it. The editor is "
        "BERTH_EDITOR, VISUAL, EDITOR or vi. When the file in the directory changes meanwhile, it "
        "is left alone, and what you wrote is kept in a file that is named.\n\n" KIND_HELP,
    .options =
        (const struct command_option[]){
            SPECS_OPTION,
            STATE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 written, or nothing was changed; 1 no such object, the editor failed, or it "
                  "could not be written; 2 usage",
    .examples = "berth edit instance web\n"
                "EDITOR='code --wait' berth edit pool/web",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};
