#include "golden.h"

#include "golden_weights.h"
#include "ascua/maximum_s16.h"
#include "ascua/window.h"

static _Alignas(8) int8_t arena[492];

/* maximum y: 4x5x6, 0 MACs */
STEP void golden_step_00_maximum(void) {
    static const maximum_s16_t p = {.n = 6, .a_step = 1, .b_step = 1, .runs = 20, .loops = 1,
        .sign = 1};
    maximum_s16(&p, (const s16_t *)(void *)(arena + 0), (const s16_t *)(void *)(arena + 480),
        golden_00_maximum_loops, (s16_t *)(void *)(arena + 240));
}

void *golden_input(int index) {
    static const int32_t offsets[] = {0, 480};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {240, 12};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {240};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {240};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_maximum();
}
