#include "tests/model/steps.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ways in which programs write files. */
enum write_way { WRITE_RENAME, WRITE_IN_PLACE, WRITE_SLOWLY, WRITE_WAYS };

static const char *const write_ways[] = {"by rename", "in place", "slowly in place"};

static char *full_path(const struct world *world, const char *path)
{
    return xasprintf("%s/%s", world->specs, path);
}

static void write_bytes(struct world *world, int fd, const char *text, size_t len)
{
    if (fd < 0 || write(fd, text, len) != (ssize_t)len) {
        world_abort(world, "cannot write a spec: %s", strerror(errno));
    }
}

static void write_text(struct world *world, const char *path, const char *text, enum write_way way)
{
    auto_free char *target = full_path(world, path);
    auto_free char *aside = xasprintf("%s/.aside", world->specs);
    size_t len = strlen(text), half = len / 2;
    auto_close int fd =
        open(way == WRITE_RENAME ? aside : target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (way == WRITE_SLOWLY) {
        write_bytes(world, fd, text, half);
        pause_ms(50 + dice_roll(&world->dice, 1500));
        write_bytes(world, fd, text + half, len - half);
    } else {
        write_bytes(world, fd, text, len);
    }
    if (way == WRITE_RENAME && rename(aside, target) < 0) {
        world_abort(world, "cannot rename to %s: %s", target, strerror(errno));
    }
}

static enum write_way roll_way(struct world *world)
{
    return dice_roll(&world->dice, WRITE_WAYS);
}

/* As the model has it; a broken one is mended by that. */
static void write_file(struct world *world, struct world_file *file, enum write_way way)
{
    auto_done(strbuf) text = {0};
    unsigned style = dice_roll(&world->dice, 4);

    for (unsigned d = 0; d < file->doc_count; d++) {
        strbuf_add(&text, d > 0 ? "---\n" : "");
        spec_print(&file->docs[d].spec, style, file->docs[d].is_faulty, &text);
    }
    if (file->doc_count == 0) {
        strbuf_add(&text, "# no object\n"); /* a file of no bytes takes nothing down */
    }
    file->is_broken = false;
    write_text(world, file->path, strbuf_text(&text), way);
}

/* An object that no file has, by chance. */
static struct world_object *pick_absent(struct world *world)
{
    unsigned start = dice_roll(&world->dice, WORLD_OBJECTS);

    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        struct world_object *object = &world->objects[(start + i) % WORLD_OBJECTS];
        struct world_expectation expectation;

        world_expect(world, object, &expectation);
        if (!expectation.is_claimed) {
            return object;
        }
    }
    return NULL;
}

static unsigned fixed_port(struct world *world)
{
    return world->port_last + 1 + dice_roll(&world->dice, 2);
}

static bool add_document(struct world *world, struct world_file *file)
{
    struct world_object *object = pick_absent(world);
    struct world_doc *doc = &file->docs[file->doc_count];

    if (object == NULL || file->doc_count == WORLD_DOCS) {
        return false;
    }
    *doc = (struct world_doc){.object = (unsigned)(object - world->objects)};
    doc->spec.kind = object->kind;
    memcpy(doc->spec.name, object->name, sizeof(object->name));
    spec_roll(&doc->spec, &world->dice, ++world->number, fixed_port(world));
    file->doc_count++;
    return true;
}

static struct world_file *new_file(struct world *world)
{
    for (unsigned f = 0; f < WORLD_FILES; f++) {
        struct world_file *file = &world->files[f];

        if (!file->exists) {
            *file = (struct world_file){.exists = true};
            snprintf(file->path, sizeof(file->path), "%sf%u.y%sml",
                     dice_percent(&world->dice, 20) ? "below/" : "", ++world->file_number,
                     dice_percent(&world->dice, 80) ? "a" : "");
            return file;
        }
    }
    return NULL;
}

static const char *names_in(const struct world *world, const struct world_file *file,
                            struct strbuf *text)
{
    for (unsigned d = 0; d < file->doc_count; d++) {
        strbuf_addf(text, "%s%s%s", d > 0 ? ", " : "", world->objects[file->docs[d].object].name,
                    file->docs[d].is_faulty ? " (faulty)" : "");
    }
    return file->doc_count > 0 ? strbuf_text(text) : "nothing";
}

static void say_file(struct world *world, const char *what, const struct world_file *file)
{
    auto_done(strbuf) names = {0};

    world_say(world, "%s %s: %s", what, file->path, names_in(world, file, &names));
}

static void add_file(struct world *world)
{
    struct world_file *file = new_file(world);
    unsigned count = 1 + dice_roll(&world->dice, WORLD_DOCS);
    enum write_way way = roll_way(world);
    auto_free char *what = xasprintf("write %s", write_ways[way]);

    if (file == NULL) {
        world_say(world, "no room for another file");
        return;
    }
    while (count > 0 && add_document(world, file)) {
        count--;
    }
    say_file(world, what, file);
    write_file(world, file, way);
}

static void edit_document(struct world *world, struct world_file *file)
{
    struct world_doc *doc = &file->docs[dice_roll(&world->dice, file->doc_count)];
    enum write_way way = roll_way(world);
    const char *field = spec_roll_edit(&doc->spec, &world->dice, &world->number, fixed_port(world));

    world->objects[doc->object].may_be_new = true;
    doc->is_faulty = false;
    world_say(world, "edit %s of %s (%u) in %s, %s", field, doc->spec.name, doc->spec.number,
              file->path, write_ways[way]);
    write_file(world, file, way);
}

static void add_fault(struct world *world, struct world_file *file)
{
    struct world_doc *doc = &file->docs[dice_roll(&world->dice, file->doc_count)];

    doc->is_faulty = true;
    say_file(world, "an unknown field in", file);
    write_file(world, file, roll_way(world));
}

/* What a file said that cannot be read is known by its path, which is another one now. */
static void may_be_forgotten(struct world *world, const struct world_file *file)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        if (file->named[i] && !world->objects[i].may_be_absent) {
            world->objects[i].may_be_absent = true;
            world->absent_since_quiet++;
        }
    }
}

static void break_file(struct world *world, struct world_file *file)
{
    static const char *const noise[] = {
        "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: [\n",
        "\t\001\xff\xfe not YAML at all {{{\n",
        "apiVersion: berth.dev/v1\nkind: Instan",
        "kind: Instance\nkind: Instance\nmetadata: &a {name: *a}\n",
    };
    const char *text = noise[dice_roll(&world->dice, ARRAY_SIZE(noise))];

    say_file(world, "break", file);
    write_text(world, file->path, text, roll_way(world));
    file->is_broken = true;
    if (file->is_moved) {
        may_be_forgotten(world, file);
    }
}

static void remove_document(struct world *world, struct world_file *file)
{
    unsigned which = dice_roll(&world->dice, file->doc_count);

    world_say(world, "take %s out of %s", file->docs[which].spec.name, file->path);
    file->doc_count--;
    memmove(&file->docs[which], &file->docs[which + 1],
            (file->doc_count - which) * sizeof(file->docs[0]));
    write_file(world, file, roll_way(world));
}

/* An object that is the same in another file; who owns it is only known again when all is quiet. */
static void forget_owners(struct world *world, const struct world_file *file)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        if (world->objects[i].owner == (int)(file - world->files)) {
            world->objects[i].owner = -1;
        }
    }
}

static void remove_file(struct world *world, struct world_file *file)
{
    auto_free char *path = full_path(world, file->path);

    say_file(world, "remove", file);
    if (unlink(path) < 0) {
        world_abort(world, "cannot remove %s: %s", path, strerror(errno));
    }
    file->exists = false;
    may_be_forgotten(world, file); /* another file may name them, and be broken */
    forget_owners(world, file);
}

static void move_file(struct world *world, struct world_file *file)
{
    auto_free char *from = full_path(world, file->path);
    auto_free char *to = NULL;
    char before[sizeof(file->path)];

    memcpy(before, file->path, sizeof(before));
    snprintf(file->path, sizeof(file->path), "%sm%u.yaml",
             dice_percent(&world->dice, 50) ? "below/" : "", ++world->file_number);
    world_say(world, "move %s to %s", before, file->path);
    to = full_path(world, file->path);
    if (rename(from, to) < 0) {
        world_abort(world, "cannot move %s: %s", from, strerror(errno));
    }
    file->is_moved = true;
    if (file->is_broken) {
        may_be_forgotten(world, file);
    }
    forget_owners(world, file);
}

static void copy_file(struct world *world, struct world_file *file)
{
    struct world_file *copy = new_file(world);
    char path[sizeof(copy->path)];

    if (copy == NULL || file->is_broken) {
        if (copy != NULL) {
            copy->exists = false;
        }
        world_say(world, "nothing to copy");
        return;
    }
    memcpy(path, copy->path, sizeof(path));
    *copy = *file;
    memcpy(copy->path, path, sizeof(path));
    memset(copy->named, 0, sizeof(copy->named));
    world_say(world, "copy %s to %s", file->path, copy->path);
    write_file(world, copy, roll_way(world));
}

void step_files(struct world *world)
{
    struct world_file *file = world_pick_file(world);
    unsigned what = dice_roll(&world->dice, 100);

    if (file == NULL || what < 25) {
        add_file(world);
    } else if (what < 55 && file->doc_count > 0) {
        edit_document(world, file);
    } else if (what < 60 && file->doc_count > 0) {
        add_fault(world, file);
    } else if (what < 67) {
        break_file(world, file);
    } else if (what < 72 && file->doc_count > 0) {
        remove_document(world, file);
    } else if (what < 82) {
        remove_file(world, file);
    } else if (what < 90) {
        move_file(world, file);
    } else if (what < 94) {
        copy_file(world, file);
    } else {
        say_file(world, "write as it was", file);
        write_file(world, file, roll_way(world));
    }
    world_note_files(world);
}

void step_files_remove_all(struct world *world)
{
    for (unsigned f = 0; f < WORLD_FILES; f++) {
        if (world->files[f].exists) {
            remove_file(world, &world->files[f]);
        }
    }
    world_note_files(world);
}
