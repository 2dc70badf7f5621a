/* Sum of two runs of equal length. */
#ifndef ASCUA_ADD_S8_H
#define ASCUA_ADD_S8_H

#include "fixed.h"

typedef struct {
    int32_t n;            /* elements */
    int32_t swap;         /* b, not a, has the coarser scale */
    int32_t same;         /* both have one scale */
    int32_t coarse, fine; /* zero points of the inputs */
    int32_t multiplier;   /* of the finer input, to twice the coarser scale */
    int32_t shift;        /* to the right, at least 1 where not `same` */
    int32_t out_multiplier;
    int32_t out_shift; /* to the right, at least 1 */
    int32_t zero, low, high;
} add_s8_t;

/* round(x * m / 2^32), half up. */
KERNEL int32_t add_s8_scale(int32_t x, int32_t m) {
    const int64_t product = (int64_t)x * m;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

/* round(x / 2^shift), half away from zero; half is 2^(shift - 1), |x| below 2^30. */
KERNEL int32_t add_s8_shift(int32_t x, int32_t half, int32_t shift) {
    return (x - (x < 0) + half) >> shift;
}

/* The output of a sum that TFLM has at half that scale. */
KERNEL int8_t add_s8_out(const add_s8_t *p, int32_t twice) {
    const int32_t y = add_s8_scale(twice, p->out_multiplier);
    const int32_t half = (int32_t)1 << (p->out_shift - 1);
    return (int8_t)clamp(add_s8_shift(y, half, p->out_shift) + p->zero, p->low, p->high);
}

/* y[n] = a[n] + b[n]. */
KERNEL void add_s8(const add_s8_t *p, const int8_t *a, const int8_t *b, int8_t *y) {
    if (p->same) {
        const int32_t zero = p->coarse + p->fine;
        for (int32_t i = 0; i < p->n; i++) {
            y[i] = add_s8_out(p, (a[i] + b[i] - zero) * ((int32_t)1 << 20));
        }
        return;
    }
    const int8_t *coarse = p->swap ? b : a;
    const int8_t *fine = p->swap ? a : b;
    const int32_t coarse_zero = p->coarse * ((int32_t)1 << 20);
    const int32_t fine_zero = p->fine * ((int32_t)1 << 21);
    const int32_t half = (int32_t)1 << (p->shift - 1);
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t scaled =
            add_s8_scale(fine[i] * ((int32_t)1 << 21) - fine_zero, p->multiplier);
        const int32_t rounded = add_s8_shift(scaled, half, p->shift);
        y[i] = add_s8_out(p, coarse[i] * ((int32_t)1 << 20) - coarse_zero + 2 * rounded);
    }
}

#endif
