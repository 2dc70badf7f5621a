#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/space_to_batch_nd_s8.h"
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
static ARENA _Alignas(8) int8_t arena[144];
#endif

/* space_to_batch_nd y: 2x3x3, 0 MACs */
STEP void golden_step_00_space_to_batch_nd(INSTANCE) {
    static const space_to_batch_nd_s8_t p = {.images = 1, .ih = 4, .iw = 6, .c = 3, .oh = 2,
        .ow = 3, .by = 2, .bx = 2, .top = 0, .left = 0};
    space_to_batch_nd_s8(&p, arena + 0, arena + 72);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {72};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {72};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {72};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_space_to_batch_nd(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 72);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 72)) {
        memcpy(out, arena + 72, 72);
    }
}

#endif
