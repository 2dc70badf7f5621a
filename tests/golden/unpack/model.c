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
static ARENA _Alignas(8) int8_t arena[24];
#endif

/* unpack y/0: 4, 4, 4, 0 MACs */
STEP void golden_step_00_unpack(INSTANCE) {
    static const split_s8_t p = {.outputs = 3, .turns = 1, .row = 12, .size = 4};
    int8_t *const ys[] = {arena + 12, arena + 16, arena + 20};
    split_s8(&p, arena + 0, golden_00_unpack_sizes, ys);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {12};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {12, 16, 20};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {4, 4, 4};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_unpack(NET);
}

#endif
