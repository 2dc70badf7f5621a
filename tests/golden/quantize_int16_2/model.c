#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/quantize_s16_s8.h"
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
static ARENA _Alignas(8) int8_t arena[32];
#endif

/* quantize int16 int8 0.0003 0.05 -7: 9, 0 MACs */
STEP void golden_step_00_quantize(INSTANCE) {
    static const quantize_s16_s8_t p = {.n = 9, .multiplier = 1649267495, .shift = -7, .zero = -7};
    quantize_s16_s8(&p, (const s16_t *)(void *)(arena + 0), arena + 20);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {18};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {20};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {9};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_quantize(NET);
}

void golden_invoke(const int16_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 18);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 20)) {
        memcpy(out, arena + 20, 9);
    }
}

#endif
