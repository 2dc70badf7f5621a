/* Softmax in fixed point, with the roundings of gemmlowp; Qn has n bits before the binary point. */
#ifndef ASCUA_SOFTMAX_S8_H
#define ASCUA_SOFTMAX_S8_H

#include "exponential.h"
#include "fixed.h"

typedef struct {
    int32_t rows, depth;
    int32_t multiplier, shift; /* from a difference of inputs to Q5 */
    int32_t least;             /* differences below it give 0 */
} softmax_s8_t;

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
            e[i] = exp_q5(multiply_by_quantized_multiplier(difference, p->multiplier, p->shift));
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
        const int32_t scale = reciprocal_q0((int32_t)(sum - ((uint32_t)1 << 31)));
        const int32_t shift = 12 - headroom + 23;
        for (int32_t i = 0; i < p->depth; i++) {
            int32_t v = 0;
            if (e[i] >= 0 && shift <= 31) {
                v = rounding_shift_right(mul_q0(scale, e[i]), shift);
            }
            y[i] = (int8_t)(v > 255 ? 127 : v - 128);
        }
        x += p->depth;
        y += p->depth;
    }
}

#endif
