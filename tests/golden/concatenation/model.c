#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/concatenation_s8.h"
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
static ARENA _Alignas(8) int8_t arena[64];
#endif

/* concatenation y: 2x3x5, 0 MACs */
STEP void golden_step_00_concatenation(INSTANCE) {
    static const concatenation_s8_t p = {.inputs = 2, .turns = 6};
    const int8_t *const xs[] = {arena + 32, arena + 56};
    concatenation_s8(&p, xs, golden_00_concatenation_sizes, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {32, 56};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {24, 6};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {30};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_concatenation(NET);
}

#endif
