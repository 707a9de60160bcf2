/*
 * Keeping what is in memory in memory: tokens, keys and values of env pass through it.
 */
#ifndef BERTH_BASE_CORE_DUMPS_H
#define BERTH_BASE_CORE_DUMPS_H

/*
 * For the rest of this process's life there is no core dump of it, and no other process of the same
 * user may look into it or trace it. A change of user or the start of another program ends the
 * latter; the children have no core dumps either.
 */
void core_dumps_off(void);

#endif
