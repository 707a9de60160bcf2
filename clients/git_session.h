/*
 * One piece of libgit2 work on one job: library set-up, progress, credentials, certificates,
 * errors.
 *
 * libgit2's options are process wide and its calls block, so a session is the only one of its
 * process and the process is a child made for it. Everything here ends up at the server only after
 * the URL's own host was compared; nothing of it is ever written to a file below the mirror or the
 * tree.
 */
#ifndef BERTH_CLIENTS_GIT_SESSION_H
#define BERTH_CLIENTS_GIT_SESSION_H

#include "clients/git_client.h"
#include "clients/git_failure.h"
#include "clients/git_protocol.h"

#include <git2.h>

struct git_session {
    const struct git_job *job;
    git_progress_fn *on_progress;
    void *user;

    uint64_t received_bytes; /* over the network, in this job */
    uint64_t receive_limit;  /* of received_bytes; 0: none */
    bool is_offering;        /* credentials were handed to libgit2 */
    struct error stop;       /* why a callback of ours ended the work */
    bool is_damaged;         /* after a failure: the mirror is to blame */
    const char *phase;       /* last reported; one of a few literals */
    uint64_t next_report_at_ms;
};

/*
 * home must be a private directory; ssh looks for ".ssh/known_hosts" in it, and nothing else is
 * read from anywhere: no system, user or global git configuration. At most once per process.
 */
int git_session_init(struct git_session *session, const struct git_job *job, const char *home,
                     git_progress_fn *on_progress, void *user, struct error *err);
void git_session_done(struct git_session *session);

/*
 * What can be known to be wrong before anybody is asked. ERROR_INVALID: SchemeRefused; InvalidURL
 * for credentials inside, also of the proxy's; AuthenticationFailed for an ssh key that is none or
 * wants a passphrase.
 */
int git_session_check_job(const struct git_job *job, struct error *err);

/*
 * The callbacks and the policy of a connection: strict certificates, no redirects, no proxy but the
 * job's.
 */
void git_session_connect_options(struct git_session *session,
                                 git_remote_connect_options *ret_options);

/*
 * Tells of progress, phase being a literal of the caller's; at most five times a second within a
 * phase. -1: stop, with session->stop set; a callback that libgit2 called returns GIT_EUSER then.
 */
int git_session_report(struct git_session *session, const char *phase, uint64_t done,
                       uint64_t total);

/* Ends the work from within a callback: returns GIT_EUSER. */
int git_session_stop(struct git_session *session, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Turns what libgit2 returned (a negative number) and its last error into err. Returns -1. */
int git_session_fail(struct git_session *session, enum git_stage stage, int code,
                     struct error *err);

/* libgit2's objects, let go at the end of a scope. */
#define auto_git(type) __attribute__((cleanup(git_cleanup_##type))) git_##type
#define DEFINE_GIT_CLEANUP(type)                                                                   \
    static inline void git_cleanup_##type(git_##type **pointer)                                    \
    {                                                                                              \
        git_##type##_free(*pointer);                                                               \
    }

DEFINE_GIT_CLEANUP(blob)
DEFINE_GIT_CLEANUP(commit)
DEFINE_GIT_CLEANUP(index)
DEFINE_GIT_CLEANUP(object)
DEFINE_GIT_CLEANUP(odb)
DEFINE_GIT_CLEANUP(reference)
DEFINE_GIT_CLEANUP(reference_iterator)
DEFINE_GIT_CLEANUP(remote)
DEFINE_GIT_CLEANUP(repository)
DEFINE_GIT_CLEANUP(tree)
DEFINE_GIT_CLEANUP(tree_entry)

#endif
