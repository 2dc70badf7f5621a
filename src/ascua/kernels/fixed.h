/* Requantisation as TFLM's reference kernels compute it: double rounding. Twin of fixed.py. */
#ifndef ASCUA_FIXED_H
#define ASCUA_FIXED_H

#include "kernel.h"

/* One output channel: bias with the input's zero point folded in, factor m / 2^31 * 2^shift. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t shift; /* -31..30; to the left where positive */
} requant_t;

KERNEL int32_t clamp(int32_t v, int32_t low, int32_t high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

/* round(a * b / 2^31), half up; b is in [0, 2^31). */
KERNEL int32_t rounding_doubling_high_mul(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* round(x / 2^e), half away from zero; e is in [0, 31]. */
KERNEL int32_t rounding_divide_by_pot(int32_t x, int32_t e) {
    const int32_t half = (int32_t)((1u << e) >> 1);
    const int32_t sign = e > 0 ? x >> 31 : 0;
    /* x + half - 1 may pass 2^31 only where the sum is not taken as signed. */
    return (int32_t)(((int64_t)x + half + sign) >> e);
}

/* x * multiplier / 2^31 * 2^shift. */
KERNEL int32_t multiply_by_quantized_multiplier(int32_t x, int32_t multiplier, int32_t shift) {
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    x = (int32_t)((uint32_t)x << left);
    return rounding_divide_by_pot(rounding_doubling_high_mul(x, multiplier), right);
}

/* An accumulator as int8. */
KERNEL int8_t requantize(int32_t acc, const requant_t *q, int32_t zero, int32_t low, int32_t high) {
    return (int8_t)clamp(multiply_by_quantized_multiplier(acc, q->multiplier, q->shift) + zero, low,
                         high);
}

#endif
