/*
 * The runner program, carried inside the berth binary.
 *
 * BERTH_RUNNER_PATH is the path of the linked runner and BERTH_RUNNER_DIGEST its SHA-256 in hex,
 * both given by the Makefile; see controller/runner/ for what it does. Its bytes are those from
 * berth_runner_start up to, but not including, berth_runner_end:
 *
 *     extern const unsigned char berth_runner_start[], berth_runner_end[];
 *     extern const char berth_runner_digest[];
 */
    .section .rodata.berth_runner, "a", %progbits
    .balign 16
    .globl berth_runner_start
    .type berth_runner_start, %object
berth_runner_start:
    .incbin BERTH_RUNNER_PATH
    .size berth_runner_start, . - berth_runner_start
    .globl berth_runner_end
    .type berth_runner_end, %object
berth_runner_end:
    .byte 0
    .size berth_runner_end, 1

/* Not in a page of the runner: who asks for its name does not load it. */
    .section .rodata.berth_runner_digest, "a", %progbits
    .globl berth_runner_digest
    .type berth_runner_digest, %object
berth_runner_digest:
    .asciz BERTH_RUNNER_DIGEST
    .size berth_runner_digest, . - berth_runner_digest

    .section .note.GNU-stack, "", %progbits
