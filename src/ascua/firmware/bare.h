/* What bare.c needs from the start-up code of a core, and gives to it. */
#ifndef ASCUA_BARE_H
#define ASCUA_BARE_H

#include "harness.h"

/* What C has no word for: the stack pointer, and a loop of two instructions that counts down. */
#ifdef __riscv
#define READ_SP "mv %0, sp"
#define COUNT_DOWN "1: addi %0, %0, -1\n\tbnez %0, 1b"
#else
#define READ_SP "mov %0, sp"
#define COUNT_DOWN ".syntax unified\n1: subs %0, %0, #1\n\tbne 1b"
#endif

/* From the linker script: where the stack may lie, from its lowest word to beyond its highest. */
extern uint32_t stack_limit[], stack_top[];

/* The core's timer, counting up from timer_start. */
void timer_start(void);
uint64_t timer_ticks(void);

/* Copies .data, clears .bss, runs main; called with a stack. */
_Noreturn void start(void);

/* Reports a fault at `pc` that accessed `address` (0: unknown) and ends. */
_Noreturn void fault(enum status status, uint32_t pc, uint32_t address);

#endif
