/*
 * What goes wrong, and at which call: by a script of rules, or by a seed.
 *
 * A rule is a line (# begins a comment):
 *
 *     call WHICH [METHOD PATH]: FAULT       event WHICH [TYPE [ACTION]]: EVENT-FAULT
 *
 *     call 7: drop-after                                   the 7th call of all
 *     call 1 POST /containers/STAR/start: delay 500        the first start
 *     call 2- DELETE STAR: status 500                      each removal but the first
 *     call STAR WRITE STAR: hang                           all that is not GET or HEAD
 *     event 3 container die: lose
 *
 * where STAR is an asterisk, PATH is a shell pattern for the path without version and query, and
 * WHICH is N, N-M, N- or an asterisk; it counts what the rest of the rule fits. The first rule that
 * fits a call wins.
 *
 *     drop-before           the connection is closed, nothing is done
 *     drop-after            it is done, the reply is lost
 *     delay MS              it is done later            delay-after MS    it is done, the reply is
 *     late
 *     hang [MS]             nothing is done or said     hang-after [MS]   it is done, nothing is
 *     said;
 *                           (the connection is closed after MS, or never)
 *     close-mid-body        it is done, half of the reply comes
 *     garbage               it is done, the reply's body is noise
 *     status N              nothing is done, N is said  status-after N    it is done, N is said
 *     disk-full             nothing is done: "no space left on device"
 *     port-in-use [PORT]    nothing is done: "port is already allocated"
 *     kill-before WHO       the process is killed, nothing is done
 *     kill-after WHO        it is done, the process is killed, nothing is said
 *
 * WHO is a pid, "peer" (who asks), or a file with a pid in it. Of a call whose reply is a stream,
 * "done" means that its head is there.
 *
 *     lose   double   swap (it comes after the next)   late MS   garbage (a broken line)   close
 *     (the stream ends and the event is lost)
 *
 * By a seed a call gets a fault with a chance of so many in a thousand, and which one follows from
 * the seed and the call's number alone; so with events. Killing is not among them.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_FAULTS_H
#define BERTH_TESTS_FAKE_ENGINE_FAULTS_H

#include "base/error.h"

#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_DROP_BEFORE,
    FAULT_DROP_AFTER,
    FAULT_DELAY,
    FAULT_DELAY_AFTER,
    FAULT_HANG,
    FAULT_HANG_AFTER,
    FAULT_CLOSE_MID_BODY,
    FAULT_GARBAGE,
    FAULT_STATUS,
    FAULT_STATUS_AFTER,
    FAULT_DISK_FULL,
    FAULT_PORT_IN_USE,
    FAULT_KILL_BEFORE,
    FAULT_KILL_AFTER,
    FAULT_EVENT_LOSE,
    FAULT_EVENT_DOUBLE,
    FAULT_EVENT_SWAP,
    FAULT_EVENT_LATE,
    FAULT_EVENT_GARBAGE,
    FAULT_EVENT_CLOSE,
};

struct fault {
    enum fault_kind kind;
    unsigned number; /* MS, a status, a port; 0: not given */
    const char *who; /* borrowed from the rule */
};

const char *fault_name(enum fault_kind kind);

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);

/*
 * Replaces all rules; counting begins anew. ERROR_INVALID names the line; the old rules then stay.
 */
int faults_set_script(struct faults *faults, const char *text, struct error *err);

/* permille 0: none. Only the calls and events up to last (0: all) get a fault. */
void faults_set_seed(struct faults *faults, uint64_t seed, unsigned permille, unsigned last);

/* Each call and each event is asked about once, in order. */
struct fault faults_of_call(struct faults *faults, const char *method, const char *path);
struct fault faults_of_event(struct faults *faults, const char *type, const char *action);

/* How many have been spoiled, and how many events were asked about, since the rules were set. */
unsigned faults_count(const struct faults *faults);
unsigned faults_event_count(const struct faults *faults);

#endif
