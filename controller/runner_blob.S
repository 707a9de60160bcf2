/*
 * The runner program, carried inside the berth binary.
 *
 * BERTH_RUNNER_PATH is the path of the linked runner, given by the Makefile; see
 * controller/runner/ for what it does. Its bytes are those from berth_runner_start up to, but not
 * including, berth_runner_end:
 *
 *     extern const unsigned char berth_runner_start[], berth_runner_end[];
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

    .section .note.GNU-stack, "", %progbits
