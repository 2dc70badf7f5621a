#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/maximum_s8.h"
#include "ascua/window.h"

#ifdef GOLDEN_ON
#define INSTANCE struct golden_instance *const net
#define INSTANCE_AND INSTANCE,
#define NET net
#define NET_AND net,
#define arena ((int8_t *)net->arena)
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
static ARENA _Alignas(8) int8_t arena[240];
#endif

/* maximum y: 4x5x6, 0 MACs */
STEP void golden_step_00_maximum(INSTANCE) {
    static const maximum_s8_t p = {.n = 120, .a_step = 1, .b_step = 1, .runs = 1, .loops = 1};
    maximum_s8(&p, arena + 0, arena + 120, golden_00_maximum_loops, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0, 120};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {120, 120};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_maximum(NET);
}

#endif
