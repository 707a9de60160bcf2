/*
 * The policy file (berth run --policy FILE, berth validate --policy FILE): what the operator lets
 * specs ask for.
 *
 *     images: ["debian:12", "registry.example.com/app-*"]
 *     repositories: ["git.example.com", "github.com/our-org/project-*"]
 *     mounts:
 *       - {path: /srv/data}
 *       - {path: /srv/models, readOnly: true}
 *     volumes: ["cache-*"]
 *     capabilities: [NET_RAW]
 *     maxMachineType: n2-standard-8
 *     hostPorts: ["8000-8999", "9443"]
 *     hostAddresses: ["127.0.0.1"]
 *
 * Each key is a rule. A rule that the file does not have leaves all as it is without a policy; one
 * that it has allows what it names and nothing else, so that an empty list allows nothing. Read
 * like a spec: all errors at once, each with line and column, unknown keys with the nearest known
 * one; of a file with errors nothing counts.
 *
 * images: an image is compared in its full form: "debian" is docker.io/library/debian:latest, for
 * patterns as for images. A "*" is anything but a "/", "?" one character, "[...]" one of several;
 * "/" and two stars at the end are everything below, and a "*" alone is every image. A pattern
 * without a tag allows all tags and digests; one with a tag allows that tag, and no digest, since a
 * digest outweighs the tag beside it. What could be the id of an image, and not its name, is never
 * allowed. Berth's own idle image always is.
 *
 * repositories: host, or host:port, or these with a path, with "*" and the others as above; a host
 * alone allows all of it. They are compared with the form that all spellings of one repository
 * share (repo_url.h). file:// has no host: --git-file-root decides.
 *
 * mounts: hostPath volumes must be below one of these directories, in place of those of
 * --allow-host-path. The nearest one says whether only readOnly volumes may; a volume that can be
 * written to may not have a readOnly directory below it.
 *
 * capabilities: what spec.securityContext.capabilities.add may name, in place of Docker's default
 * ones.
 *
 * maxMachineType: no machine type with more processors or more memory; for resources of a
 * Repository too, and a container of a repository that asks for no limit gets that one
 * (policy_cpu_milli and policy_memory_bytes).
 *
 * hostPorts, hostAddresses: fixed ports of the host, and the addresses that ports are bound to.
 * volumes: names of the engine's volumes.
 *
 * Pure. Decisions are about what a spec says; links on disk are looked at by who makes the
 * container.
 */
#ifndef BERTH_SPECS_POLICY_H
#define BERTH_SPECS_POLICY_H

#include "base/cleanup.h"
#include "specs/repo_url.h"
#include "specs/types.h"

enum policy_rule {
    POLICY_IMAGES,
    POLICY_REPOSITORIES,
    POLICY_MOUNTS,
    POLICY_VOLUMES,
    POLICY_CAPABILITIES,
    POLICY_MACHINE,
    POLICY_HOST_PORTS,
    POLICY_HOST_ADDRESSES,
};
enum { POLICY_RULE_COUNT = 8 };

struct policy_mount {
    const char *path; /* as path_absolute() gives it */
    bool is_read_only;
    unsigned line, column; /* 0: of the command line */
};

struct policy_mounts {
    struct policy_mount *items;
    size_t count;
};

struct policy {
    const char *file; /* as it is called in messages */
    struct policy_place {
        unsigned line, column; /* 0: the file has no such rule */
    } places[POLICY_RULE_COUNT];
    struct text_list images, repositories, volumes, capabilities, host_ports, host_addresses;
    struct policy_mounts mounts;
    const char *max_machine_type;
    const char **errors; /* "policy.yaml:3:1: unknown field ..." */
    size_t error_count;  /* not 0: nothing of the file counts */
    struct arena arena;  /* of all of it */
};

/*
 * The text of the file, which is called name in errors and refusals. Never NULL; an empty one is
 * good, and has no rule.
 */
struct policy *policy_parse(const char *name, const char *text, size_t len);
/* That of a file that cannot be read, which is an error like the others. */
struct policy *policy_unreadable(const char *name, const char *why);
void policy_free(struct policy *policy); /* accepts NULL */
DEFINE_AUTO_FREE(policy);

/* True when the file has the rule; policy may be NULL, here and below: there is no file. */
bool policy_has(const struct policy *policy, enum policy_rule rule);

/* What is not allowed, and by which rule; texts are owned. */
struct policy_refusal {
    const char *reason; /* NULL: all is allowed */
    char *path;         /* "spec.volumes[0].hostPath" */
    char *message;      /* "... (rule images, policy.yaml:3:1)" */
};

void policy_refusal_done(struct policy_refusal *refusal);

/*
 * Where hostPath volumes may be from: the file's rule, else these directories of the command line.
 * In the arena.
 */
struct policy_mounts policy_mounts_in_force(const struct policy *policy,
                                            const struct text_list *roots, struct arena *arena);

/*
 * Whether a volume of this path of the host may be had; path as path_absolute() gives it. True when
 * it is refused, and why is in the refusal, without a path of the spec.
 */
bool policy_refuses_mount(const struct policy *policy, const struct policy_mounts *mounts,
                          const char *path, bool is_read_only, struct policy_refusal *ret);

/*
 * The first thing that an object asks for and may not have; true when there is one. Of a Task this
 * is its repository. mounts NULL: hostPath volumes are not judged, since nobody knows what the
 * command line allows.
 */
bool policy_refuses_object(const struct policy *policy, const struct policy_mounts *mounts,
                           const struct object *object, struct policy_refusal *ret);

/* The same of a repository's URL alone. */
bool policy_refuses_url(const struct policy *policy, const struct repo_url *url,
                        struct policy_refusal *ret);

/* What a container without a limit of its own may use at most; 0: all. */
int64_t policy_cpu_milli(const struct policy *policy);
int64_t policy_memory_bytes(const struct policy *policy);

/* Whether an image matches a pattern of the rule images; policy_image.c. */
bool policy_image_matches(const char *pattern, const char *image);
/* 0, or -1 with ERROR_INVALID: no image could match it. */
int policy_check_image_pattern(const char *pattern, struct error *err);

#endif
