#include "specs/reason.h"

#include "base/cleanup.h"

#include <string.h>

/* Sorted by name. */
static const struct reason reasons[] = {
    {REASON_AUTHENTICATION_FAILED, 401, "The git server refused the credentials.",
     "Check the files that spec.credentials names and what the account may read."},
    {REASON_BRANCH_CONFLICT, 409, "The repository's container already works on another branch.",
     "End the tasks on the other branch, or give the task the same one."},
    {REASON_BRANCH_NOT_FOUND, 404, "The remote repository has no branch of that name.",
     "Correct spec.branch, or push the branch."},
    {REASON_CAPABILITY_REFUSED, 403, "A capability reaches beyond the container.",
     "Do without it: only what containers have by default may be added."},
    {REASON_CERTIFICATE_INVALID, 495, "The git server's certificate or host key is not trusted.",
     "Install the certificate authority or the known host key on this machine."},
    {REASON_CHANGED_AFTER_START, 409, "The task was changed after its command had started.",
     "Undo the change, or drop a task with another name."},
    {REASON_CLONE_FAILED, 502, "The repository could not be cloned or fetched.",
     "Read the message; Berth tries again by itself."},
    {REASON_CLONE_STALLED, 504, "No bytes came from the git server for too long.",
     "Check the network and the server; Berth tries again by itself."},
    {REASON_CLONE_TOO_LARGE, 413, "The repository is larger than the controller allows.",
     "Raise the controller's limit, or use a smaller repository."},
    {REASON_COMMAND_FAILED, 500, "The task's command ended with an exit code other than 0.",
     "Read the log that the status names."},
    {REASON_CONTAINER_LOST, 503, "The container went away while it was in use.",
     "None is needed: Berth makes a new one; an interrupted command counts as failed."},
    {REASON_CRASH_LOOP, 503, "The container ends again and again; the next start waits.",
     "Read exit code and log lines in the status; correct image, command or limits."},
    {REASON_CREATE_FAILED, 500, "The engine refused to make the container.",
     "Read the engine's message; correct the field that it speaks of."},
    {REASON_DEADLINE_EXCEEDED, 504, "The command ran longer than spec.timeoutSeconds.",
     "Raise the timeout, or make the command quicker."},
    {REASON_DELETIONS_HELD, 409, "Too many specs went at once; nothing is deleted until confirmed.",
     "Put the files back, or confirm the deletions."},
    {REASON_DUPLICATE_KEY, 400, "A key occurs twice in one map.", "Take one of the two out."},
    {REASON_DUPLICATE_OBJECT, 409, "Another document already has this kind and name.",
     "Rename one of the two, or take it out."},
    {REASON_ENGINE_ERROR, 502, "The engine answered with an error.",
     "Read the message and the engine's log; Berth tries again by itself."},
    {REASON_ENGINE_UNAVAILABLE, 503, "The engine does not answer.",
     "Start it, or correct --engine; Berth goes on as soon as it answers."},
    {REASON_EXITED, 500, "The container has ended and its restart policy leaves it so.",
     "Read exit code and log lines in the status."},
    {REASON_FILE_TOO_LARGE, 413, "The file is larger, deeper or longer than a spec may be.",
     "Split it into several files."},
    {REASON_FILE_UNREADABLE, 403, "The file cannot be read.",
     "Check its permissions, and that it is a regular file."},
    {REASON_HOST_PATH_REFUSED, 403,
     "The host path is outside the roots that the controller allows.",
     "Use an allowed path or a named volume, or start the controller with that root."},
    {REASON_IMAGE_NOT_FOUND, 404, "There is no such image, here or in the registry.",
     "Correct spec.image, or push the image."},
    {REASON_IMAGE_PULL_FAILED, 502, "The image could not be pulled.",
     "Read the message; check registry, network and login. Berth tries again by itself."},
    {REASON_INVALID_MACHINE_TYPE, 400, "There is no machine type of that name.",
     "Use a known name or custom-<vcpus>-<MiB>."},
    {REASON_INVALID_NAME, 400, "A name breaks the rules for names.",
     "Use lower-case letters, digits and \"-\", a letter first, at most 63 characters."},
    {REASON_INVALID_SPEC, 400, "A field of the spec has a value that it cannot have.",
     "Correct the field at the place that the message names."},
    {REASON_INVALID_SYNTAX, 400, "The file is not readable as YAML.",
     "Correct the line that the message names."},
    {REASON_INVALID_URL, 400, "The repository's URL cannot be used.",
     "Write it like https://host/owner/name.git, without a password in it."},
    {REASON_NAME_TAKEN, 409, "A container that is not Berth's has the name that this one needs.",
     "Rename or remove that container, or rename the object."},
    {REASON_NOT_SUPPORTED, 501, "The spec uses something that this version of berth cannot do.",
     "Take it out, or use a version that can."},
    {REASON_OOM_KILLED, 507, "The container needed more memory than it may have.",
     "Use a larger machine type or memory limit, or make the program need less."},
    {REASON_PORT_CONFLICT, 409, "Another object has this fixed host port.",
     "Choose another hostPort, or leave it out to get a free one."},
    {REASON_PORT_IN_USE, 409, "A program that is not Berth's uses the host port.",
     "Stop that program, choose another hostPort, or leave it out."},
    {REASON_PORTS_EXHAUSTED, 507, "No free port is left in the controller's ranges.",
     "Free some, or start the controller with more ports."},
    {REASON_REPOSITORY_DUPLICATE, 409, "Another Repository object has the same repository.",
     "Keep one of the two; spellings of one URL count as the same."},
    {REASON_REPOSITORY_NOT_FOUND, 404, "The git server has no such repository, or hides it.",
     "Correct the URL, or give credentials that may read it."},
    {REASON_REPOSITORY_UNKNOWN, 404, "The task names a Repository object that does not exist.",
     "Add the Repository, or write the URL itself."},
    {REASON_SCHEME_REFUSED, 403, "The URL's scheme is not allowed by the controller.",
     "Use https or ssh, or start the controller with that scheme allowed."},
    {REASON_START_FAILED, 500, "The engine could not start the container.",
     "Read the engine's message; often the command is not in the image."},
    {REASON_STATE_UNWRITABLE, 507, "The controller cannot write its state or status files.",
     "Check free space and permissions of the state directory."},
    {REASON_SUSPENDED, 423, "spec.suspend is true, so nothing is changed.",
     "Set it to false to go on."},
    {REASON_UNKNOWN_FIELD, 400, "The spec has a field that no such object has.",
     "Correct its spelling, or take it out."},
    {REASON_WORKSPACE_FAILED, 500, "The repository's files could not be laid out on disk.",
     "Read the message; check free space and permissions of the state directory."},
};

const struct reason *reason_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (strcmp(reasons[i].name, name) == 0) {
            return &reasons[i];
        }
    }
    return NULL;
}

const struct reason *reason_list(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(reasons);
    return reasons;
}
