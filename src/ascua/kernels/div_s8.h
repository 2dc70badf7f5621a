/* Quotient of two tensors, of which one may be repeated along the other. */
#ifndef ASCUA_DIV_S8_H
#define ASCUA_DIV_S8_H

#include "broadcast.h"
#include "exponential.h"
#include "fixed.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t swap; /* b / a is wanted */
    int32_t a_zero, b_zero;
    int32_t multiplier;
    int32_t right; /* shift to the right of what has 8 bits, by what has 8 bits */
    int32_t zero, low, high;
} div_s8_t;

/* a / b in steps of the output, of differences of int8; 0 is divided by as TFLM does. */
SHARED int32_t div_s8_quotient(int32_t a, int32_t b, int32_t multiplier, int32_t right) {
    if (a == 0) {
        return 0;
    }
    if (b < 0) {
        a = -a;
        b = -b;
    }
    int32_t inverse = -1515870788;
    uint32_t up = (uint32_t)b << 24;
    if (b == 0) {
        right -= 8;
    } else {
        for (; !(up >> 31); right--) {
            up <<= 1;
        }
        inverse = reciprocal_q0((int32_t)(up - ((uint32_t)1 << 31)));
    }
    a *= (int32_t)1 << 23;
    for (; a >= -((int32_t)1 << 30) && a < (int32_t)1 << 30; right++) {
        a *= 2;
    }
    return rounding_shift_right(mul_q0(mul_q0(a, inverse), multiplier), right);
}

/* y[runs][n] = a / b, their runs found by loops[count][3]. */
KERNEL void div_s8(const div_s8_t *p, const int8_t *a, const int8_t *b, const int32_t *loops,
                   int8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t av = a[at] - p->a_zero;
            const int32_t bv = b[bt] - p->b_zero;
            const int32_t v =
                div_s8_quotient(p->swap ? bv : av, p->swap ? av : bv, p->multiplier, p->right);
            *y++ = (int8_t)clamp(v + p->zero, p->low, p->high);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
