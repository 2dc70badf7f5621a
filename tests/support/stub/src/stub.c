/* The steps of the stub network; those in assembly have a length and a frame known by hand. */
#include "stub.h"

#include <string.h>

#define STEP static __attribute__((noinline)) void

static _Alignas(8) uint8_t arena[STUB_ARENA_BYTES];
static volatile uint32_t variable = 3; /* a variable with an initial value */

/* a at 0, b at 16, y at 32, z at 48 */
static const uint8_t at[4] = {0, 16, 32, 48};

void *stub_input(int index) {
    return arena + at[index];
}

void *stub_output(int index) {
    return arena + at[index + 2];
}

int32_t stub_input_bytes(int index) {
    return index == 0 ? 16 : 4;
}

int32_t stub_output_bytes(int index) {
    return index == 0 ? 16 : 4;
}

/* a += b, in place */
STEP stub_add(void) {
    for (int i = 0; i < 16; i++) {
        arena[i] = (uint8_t)(arena[i] + arena[16 + i % 4]);
    }
}

#if defined(__arm__) || defined(__riscv)
#ifdef __arm__
#define SPIN ".syntax unified\n\tldr r3, =1000\n1:\tsubs r3, r3, #1\n\tbne 1b\n\tbx lr"
#define FRAME                                                                                 \
    ".syntax unified\n\tpush {r4, lr}\n\tsub sp, sp, #256\n\tmovs r3, #0\n\tstr r3, [sp]\n\t" \
    "add sp, sp, #256\n\tpop {r4, pc}"
#else
#define SPIN "li t0, 1000\n1:\taddi t0, t0, -1\n\tbnez t0, 1b\n\tret"
#define FRAME \
    "addi sp, sp, -264\n\tli t0, 0\n\tsw t0, 0(sp)\n\tlw t0, 0(sp)\n\taddi sp, sp, 264\n\tret"
#endif

/* 2002 instructions */
__attribute__((naked, noinline)) static void stub_spin(void) {
    __asm__(SPIN);
}

/* 6 instructions; 264 bytes of stack */
__attribute__((naked, noinline)) static void stub_frame(void) {
    __asm__(FRAME);
}
#else
STEP stub_spin(void) {
}

STEP stub_frame(void) {
}
#endif

/* y = a by a function of the C library; z = the sum of y, by an unaligned and a float access */
STEP stub_copy(void) {
    volatile uint32_t bytes = 16;
    memcpy(arena + 32, arena, bytes);
    uint32_t sum = 0;
    for (int i = 0; i < 16; i++) {
        sum += arena[32 + i];
    }
    volatile float half = (float)sum * 0.5f;
    uint32_t unaligned;
    memcpy(&unaligned, arena + 33, 4);
    sum = (uint32_t)(half * 2.0f) + unaligned * (variable - 3);
    memcpy(arena + 48, &sum, 4);
}

void stub_run(void) {
    stub_add();
    stub_spin();
    stub_frame();
    /* more */
    stub_copy();
}
