/* Layers of the CPU by the runtime's code, and by the loops that anybody writes, to be counted. */
#include "kmodel_loops.h"

#include "kmodel_layer.h"

#include <math.h>

enum { CLASSES = 1000, IN = 256, OUT = 100, PIXELS = 49 };

static float x[CLASSES], y[CLASSES], weights[OUT * IN], maps[IN * PIXELS];
static uint8_t bytes[IN];
static _Alignas(8) uint8_t matrix[IN * CLASSES];
static uint8_t sample[8], result[8];

void *loops_input(int index) {
    (void)index;
    for (int i = 0; i < CLASSES; i++) {
        x[i] = (float)(i % 37) * 0.25f - (float)(i % 5);
    }
    for (int i = 0; i < OUT * IN; i++) {
        weights[i] = (float)(i % 11) * 0.125f - 0.5f;
    }
    for (int i = 0; i < IN * PIXELS; i++) {
        maps[i] = (float)(i % 13);
    }
    for (int i = 0; i < IN * CLASSES; i++) {
        matrix[i] = (uint8_t)(i * 7);
        bytes[i % IN] = (uint8_t)i;
    }
    return sample;
}

void *loops_output(int index) {
    (void)index;
    return result;
}

int32_t loops_input_bytes(int index) {
    (void)index;
    return sizeof sample;
}

int32_t loops_output_bytes(int index) {
    (void)index;
    return sizeof result;
}

#define STEP static __attribute__((noinline)) void

STEP loops_softmax_plain(void) {
    float most = x[0], sum = 0;
    for (size_t i = 1; i < CLASSES; i++) {
        if (x[i] > most) {
            most = x[i];
        }
    }
    for (size_t i = 0; i < CLASSES; i++) {
        y[i] = expf(x[i] - most);
        sum += y[i];
    }
    for (size_t i = 0; i < CLASSES; i++) {
        y[i] /= sum;
    }
}

STEP loops_softmax(void) {
    kmodel_softmax(x, y, CLASSES, -INFINITY, 1);
}

STEP loops_dense_plain(void) {
    for (size_t o = 0; o < OUT; o++) {
        float sum = 0;
        for (size_t i = 0; i < IN; i++) {
            sum += x[i] * weights[o * IN + i];
        }
        y[o] = sum;
    }
}

STEP loops_dense(void) {
    kmodel_dot(x, weights, y, OUT, IN);
}

STEP loops_pool_plain(void) {
    for (size_t c = 0; c < IN; c++) {
        float sum = 0;
        for (size_t i = 0; i < PIXELS; i++) {
            sum += maps[c * PIXELS + i];
        }
        y[c] = sum / PIXELS;
    }
}

STEP loops_pool(void) {
    for (size_t c = 0; c < IN; c++) {
        y[c] = kmodel_total(0, maps + c * PIXELS, PIXELS) / PIXELS;
    }
}

/* As version 4 has a fully connected layer: of bytes, the matrix by columns. */
STEP loops_matrix_plain(void) {
    for (size_t o = 0; o < CLASSES; o++) {
        int32_t sum = 0;
        for (size_t i = 0; i < IN; i++) {
            sum += (bytes[i] - 3) * (matrix[i * CLASSES + o] - 128);
        }
        y[o] = (float)sum;
    }
}

STEP loops_matrix(void) {
    int64_t rest = 0, sums[KMODEL_COLUMNS];
    for (size_t i = 0; i < IN; i++) {
        rest += (bytes[i] - 3) * -128;
    }
    for (uint32_t o = 0, done; o < CLASSES; o += done) {
        done = kmodel_columns(bytes, -3, matrix + o, IN, CLASSES, CLASSES - o, sums);
        for (uint32_t c = 0; c < done; c++) {
            y[o + c] = (float)(sums[c] + rest);
        }
    }
}

void loops_run(void) {
    loops_softmax_plain();
    loops_softmax();
    loops_dense_plain();
    loops_dense();
    loops_pool_plain();
    loops_pool();
    loops_matrix_plain();
    loops_matrix();
}
