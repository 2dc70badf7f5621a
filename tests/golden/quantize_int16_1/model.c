#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/quantize_s8_s16.h"
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

/* quantize int8 int16 0.05 0.0003 -7: 9, 0 MACs */
STEP void golden_step_00_quantize(INSTANCE) {
    static const quantize_s8_s16_t p = {.n = 9, .zero = -7, .multiplier = 1398101288, .shift = 8};
    quantize_s8_s16(&p, arena + 20, (s16_t *)(void *)(arena + 0));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {20};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {9};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {18};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_quantize(NET);
}

void golden_invoke(const int8_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 20)) {
        memcpy(arena + 20, in, 9);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 18);
    }
}

#endif
