#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/lut_s8.h"
#include "ascua/window.h"

#ifdef GOLDEN_ON
#define INSTANCE struct golden_instance *const net
#define INSTANCE_AND INSTANCE,
#define NET net
#define NET_AND net,
#define arena ((int8_t *)net->arena)
#define states ((int8_t *)net->states)
#else
#define INSTANCE void
#define INSTANCE_AND
#define NET
#define NET_AND
#ifdef GOLDEN_ARENA_SECTION
#define ARENA __attribute__((section(GOLDEN_ARENA_SECTION)))
#else
#define ARENA
#endif
static ARENA _Alignas(8) int8_t arena[40];
static _Alignas(8) int8_t states[24] = {
3, 3, 3, 3, 3, 0, 0, 0, 2, 2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0};

#endif

SHARED void lut_s8_shared(const lut_s8_t *p, const int8_t *a0, const int8_t *a1, int8_t *a2) {
    lut_s8(p, a0, a1, a2);
    KEEP_ORDER();
}

/* relu y: 5, 0 MACs */
STEP void golden_step_00_relu(INSTANCE) {
    static const lut_s8_t p = {.n = 5};
    lut_s8_shared(&p, arena + 0, golden_00_relu_table, arena + 32);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {5};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {32, 8, 24};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {5, 5, 5};
    return sizes[index];
}

void golden_run(void) {
    memcpy(arena + 8, states + 0, 5);
    memcpy(arena + 16, states + 8, 5);
    memcpy(arena + 24, states + 16, 5);
    golden_step_00_relu(NET);
    memcpy(states + 0, arena + 16, 5);
    memcpy(states + 8, arena + 24, 5);
    memcpy(states + 16, arena + 0, 5);
}

void golden_reset(void) {
    memset(states + 0, 3, 5);
    memset(states + 8, 2, 5);
    memset(states + 16, 1, 5);
}

void *golden_states(void) {
    return states;
}

#endif
