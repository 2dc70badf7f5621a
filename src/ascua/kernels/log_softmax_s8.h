/* The logarithm of softmax in fixed point, with the roundings of gemmlowp and TFLM; Qn has n bits
   before the binary point. */
#ifndef ASCUA_LOG_SOFTMAX_S8_H
#define ASCUA_LOG_SOFTMAX_S8_H

#include "exponential.h"
#include "fixed.h"

typedef struct {
    int32_t rows, depth;
    int32_t multiplier, shift; /* from a difference of inputs to Q5 */
    int32_t least;             /* differences below it count as infinite */
} log_softmax_s8_t;

/* log(x) in Q5; x is in Q12, at least 1. */
SHARED int32_t log_softmax_s8_log(int32_t x) {
    const int32_t middle = 1805811301, root = 1518500250; /* 2^-(1/4), 2^-(1/2) in Q0 */
    int32_t headroom = 0;
    while ((x << headroom) < (int32_t)1 << 30) {
        headroom++;
    }
    /* x is r * 2^(quarters / 4) * 2^(-1/4), r in Q0 from 2^(-1/2) to 1. */
    int32_t r = x << headroom;
    int32_t quarters = 4 * (11 - headroom) + 3;
    if ((mul_q0(x, root) << headroom) < (int32_t)1 << 30) {
        r = 2 * mul_q0(r, root);
        quarters -= 2;
    }
    /* The logarithm of r over the middle, as a fraction. */
    const int32_t p = (int32_t)(((uint32_t)r + (uint32_t)middle + 1) >> 1);
    const int32_t q = 2 * (r - middle);
    const int32_t q2 = mul_q0(q, q);
    const int32_t above = mul_q0(q, r) + mul_q0(mul_q0(q, q2), 117049297);
    const int32_t below = mul_q0(p, 1057819769 + q + mul_q0(127690142, q2)) + mul_q0(638450708, q);
    const int32_t part = mul_q0(rounding_shift_right(above, 6), reciprocal_q0(below));
    return 2 * (mul_q0(quarters * ((int32_t)1 << 23), 1488522236) + part); /* log(2) in Q0 */
}

/* The sum in Q12 of exp(x[i] - greatest) over i. */
KERNEL int32_t log_softmax_s8_sum(const log_softmax_s8_t *p, const int8_t *x, int32_t greatest) {
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t difference = x[i] - greatest;
        if (difference >= p->least) {
            const int32_t e =
                exp_q5(multiply_by_quantized_multiplier(difference, p->multiplier, p->shift));
            sum += rounding_shift_right(e, 12);
        }
    }
    return sum;
}

/* y[rows][depth] from x[rows][depth]. */
KERNEL void log_softmax_s8(const log_softmax_s8_t *p, const int8_t *x, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t greatest = -128;
        for (int32_t i = 0; i < p->depth; i++) {
            greatest = x[i] > greatest ? x[i] : greatest;
        }
        const int32_t log = log_softmax_s8_log(log_softmax_s8_sum(p, x, greatest));
        for (int32_t i = 0; i < p->depth; i++) {
            int32_t v = -128;
            if (x[i] - greatest >= p->least) {
                const int32_t below =
                    multiply_by_quantized_multiplier(x[i] - greatest, p->multiplier, p->shift);
                /* All of 16 and more is the least value; some of it would overflow. */
                if (below > -((int32_t)1 << 30)) {
                    v = clamp(rounding_shift_right(below - log, 22) + 127, -128, 127);
                }
            }
            y[i] = (int8_t)v;
        }
        x += p->depth;
        y += p->depth;
    }
}

#endif
