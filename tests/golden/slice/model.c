#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/move_s8.h"
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
static ARENA _Alignas(8) int8_t arena[132];
#endif

/* slice y: 2x3x2, 0 MACs */
STEP void golden_step_00_slice(INSTANCE) {
    static const move_s8_t p = {.offset = 45, .n0 = 1, .n1 = 1, .n2 = 1, .n3 = 2, .step0 = 0,
        .step1 = 0, .step2 = 0, .step3 = 30, .n = 3, .step = 6, .run = 2};
    move_s8(&p, arena + 0, arena + 120);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {120};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {12};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_slice(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 120);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 120)) {
        memcpy(out, arena + 120, 12);
    }
}

#endif
