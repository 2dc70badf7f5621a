/* Softmax in fixed point, with the roundings of gemmlowp; Qn has n bits before the binary point. */
#ifndef ASCUA_SOFTMAX_S8_H
#define ASCUA_SOFTMAX_S8_H

#include "fixed.h"

typedef struct {
    int32_t rows, depth;
    int32_t multiplier, shift; /* from a difference of inputs to Q5 */
    int32_t least;             /* differences below it give 0 */
} softmax_s8_t;

/* round(a * b / 2^31), half up; either may be negative, not both -2^31. */
KERNEL int32_t softmax_s8_mul(int32_t a, int32_t b) {
    return rounding_doubling_high_mul(a, b);
}

/* exp(x) in Q0 for an input x places below the greatest: x in Q5, at most 0. */
SHARED int32_t softmax_s8_exp(int32_t x) {
    /* exp(-2^i / 4) in Q0 */
    static const int32_t powers[] = {1672461947, 1302514674, 790015084, 290630308,
                                     39332535,   720401,     242};
    const int32_t quarter = 1 << 24;
    if (x == 0) {
        return INT32_MAX;
    }
    /* x is a negative quarter at most, f, less a multiple of quarters. */
    const int32_t f = (x & (quarter - 1)) - quarter;
    const uint32_t quarters = (uint32_t)(f - x) / (1u << 24);
    /* exp(f) by the series of exp around -1/8, up to the fourth power. */
    const int32_t t = f * 32 + (1 << 28);
    const int32_t t2 = softmax_s8_mul(t, t);
    const int32_t t3 = softmax_s8_mul(t2, t);
    const int32_t t4 = rounding_shift_right(softmax_s8_mul(t2, t2), 2);
    const int32_t third = softmax_s8_mul(t4 + t3, 715827883);
    const int32_t rest = rounding_shift_right(third + t2, 1);
    int32_t y = 1895147668 + softmax_s8_mul(t + rest, 1895147668);
    for (int32_t i = 0; i < 7; i++) {
        if (quarters >> i & 1) {
            y = softmax_s8_mul(y, powers[i]);
        }
    }
    return y;
}

/* 1 / (1 + x) in Q0 by three steps of Newton's method; x is in Q0, at least 0. */
KERNEL int32_t softmax_s8_reciprocal(int32_t x) {
    const int32_t half = (int32_t)(((uint32_t)x + INT32_MAX + 1) / 2);
    int32_t y = 1515870810 + softmax_s8_mul(half, -1010580540); /* 48/17 - 32/17 half, in Q2 */
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - softmax_s8_mul(half, y);
        y += softmax_s8_mul(y, error) * 4;
    }
    return y >= 1 << 30 ? INT32_MAX : y * 2;
}

/* exp(x[i] - greatest) in Q0 for each i, or -1 where it counts as 0; answers their sum in Q12. */
KERNEL uint32_t softmax_s8_exponentials(const softmax_s8_t *p, const int8_t *x, s32_t *e) {
    int32_t greatest = -128;
    for (int32_t i = 0; i < p->depth; i++) {
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    uint32_t sum = 0;
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t difference = x[i] - greatest;
        e[i] = -1;
        if (difference >= p->least) {
            e[i] = softmax_s8_exp(
                multiply_by_quantized_multiplier(difference, p->multiplier, p->shift));
            sum += (uint32_t)rounding_shift_right(e[i], 12);
        }
    }
    return sum;
}

/* y[rows][depth] from x[rows][depth]; a row of exponentials lies in scratch. */
KERNEL void softmax_s8(const softmax_s8_t *p, const int8_t *x, int8_t *y, void *scratch) {
    s32_t *e = scratch;
    for (int32_t row = 0; row < p->rows; row++) {
        uint32_t sum = softmax_s8_exponentials(p, x, e);
        int32_t headroom = 0;
        while (!(sum >> 31)) {
            sum <<= 1;
            headroom++;
        }
        const int32_t scale = softmax_s8_reciprocal((int32_t)(sum - (1u << 31)));
        const int32_t shift = 12 - headroom + 23;
        for (int32_t i = 0; i < p->depth; i++) {
            int32_t v = 0;
            if (e[i] >= 0 && shift <= 31) {
                v = rounding_shift_right(softmax_s8_mul(scale, e[i]), shift);
            }
            y[i] = (int8_t)(v > 255 ? 127 : v - 128);
        }
        x += p->depth;
        y += p->depth;
    }
}

#endif
