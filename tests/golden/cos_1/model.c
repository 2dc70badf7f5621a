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
static ARENA _Alignas(8) int8_t arena[512];
#endif

/* table y: 1x256, 0 MACs */
STEP void golden_step_00_table(INSTANCE) {
    static const lut_s8_t p = {.n = 256};
    lut_s8(&p, arena + 0, golden_00_table_table, arena + 256);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {256};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {256};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {256};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_table(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 256);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 256)) {
        memcpy(out, arena + 256, 256);
    }
}

#endif
