#include "cli/doctor.h"

#include "cli/git_hosts.h"
#include "cli/spec_store.h"

/* The git servers of the repositories that the specs name. */

enum { REACH_LIMIT_MS = 3000 };

static void say_host(struct doctor *doctor, const struct git_host *host)
{
    if (host->is_reached) {
        doctor_say(doctor, DOCTOR_OK, "git-server", NULL, "%s port %s can be reached, at %s",
                   host->host, host->port, host->message);
    } else {
        doctor_say(doctor, DOCTOR_WARN, "git-server",
                   "check the name in the URLs, the name server, the network and its firewalls; "
                   "behind a proxy this says nothing, since none is used here",
                   "%s port %s cannot be reached (%s): its repositories are neither cloned nor "
                   "brought up to date",
                   host->host, host->port, host->message);
    }
}

void doctor_check_git_servers(struct doctor *doctor)
{
    static struct git_hosts hosts;
    struct spec_store store = {0};
    struct error err = {0};

    if (!doctor->has_network || spec_store_read(doctor->specs_dir, stderr, &store, &err) < 0) {
        return; /* that the specs cannot be read was said */
    }
    for (size_t i = 0; i < store.count; i++) {
        git_hosts_add(&hosts, store.files[i].parsed);
    }
    spec_store_done(&store);
    git_hosts_reach(&hosts, REACH_LIMIT_MS);
    for (size_t i = 0; i < hosts.count; i++) {
        say_host(doctor, &hosts.items[i]);
    }
    if (hosts.left_out > 0) {
        doctor_say(doctor, DOCTOR_WARN, "git-server", NULL,
                   "the specs name more than %d servers: the others were not tried", GIT_HOSTS_MAX);
    }
    git_hosts_done(&hosts);
}
