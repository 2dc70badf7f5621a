#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/softmax_s16.h"
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
static ARENA _Alignas(8) int8_t arena[40];
#endif

/* softmax y: 10, 0 MACs */
STEP void golden_step_00_softmax(INSTANCE) {
    static const softmax_s16_t p = {.rows = 1, .depth = 10, .multiplier = 1374368584, .shift = 2};
    softmax_s16(&p, (const s16_t *)(void *)(arena + 0), golden_00_softmax_exponentials,
        golden_00_softmax_reciprocals, (s16_t *)(void *)(arena + 20));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {20};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {20};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {20};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_softmax(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 20);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 20)) {
        memcpy(out, arena + 20, 20);
    }
}

#endif
