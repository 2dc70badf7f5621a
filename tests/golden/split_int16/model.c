#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/split_s8.h"
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
static ARENA _Alignas(8) int8_t arena[288];
#endif

/* split y/0: 4x3x2, 4x3x2, 4x3x2, 0 MACs */
STEP void golden_step_00_split(INSTANCE) {
    static const split_s8_t p = {.outputs = 3, .turns = 12, .row = 12, .size = 4};
    int8_t *const ys[] = {arena + 144, arena + 192, arena + 240};
    split_s8(&p, arena + 0, golden_00_split_sizes, ys);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {144};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {144, 192, 240};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {48, 48, 48};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_split(NET);
}

#endif
