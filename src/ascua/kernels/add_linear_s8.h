/* Sum of two runs of equal length, each with a factor: how it rounds is in the factors. */
#ifndef ASCUA_ADD_LINEAR_S8_H
#define ASCUA_ADD_LINEAR_S8_H

#include "fixed.h"

typedef struct {
    int32_t n; /* elements */
    int32_t a_factor, b_factor, add;
    int32_t shift; /* to the right, 1..30 */
    int32_t low, high;
} add_linear_s8_t;

KERNEL int8_t add_linear_s8_one(const add_linear_s8_t *p, int32_t a, int32_t b) {
    uint32_t sum = (uint32_t)p->add;
    sum += (uint32_t)a * (uint32_t)p->a_factor;
    sum += (uint32_t)b * (uint32_t)p->b_factor;
    return clamp_s8((int32_t)sum >> p->shift, p->low, p->high);
}

/* y[n] = (a[n] * a_factor + b[n] * b_factor + add) >> shift, clamped. */
KERNEL void add_linear_s8(const add_linear_s8_t *p, const int8_t *a, const int8_t *b, int8_t *y) {
    for (int32_t fours = p->n >> 2; fours > 0; fours--) {
        const int32_t a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
        const int32_t b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3];
        y[0] = add_linear_s8_one(p, a0, b0);
        y[1] = add_linear_s8_one(p, a1, b1);
        y[2] = add_linear_s8_one(p, a2, b2);
        y[3] = add_linear_s8_one(p, a3, b3);
        a += 4;
        b += 4;
        y += 4;
    }
    for (int32_t rest = p->n & 3; rest > 0; rest--) {
        *y++ = add_linear_s8_one(p, *a++, *b++);
    }
}

#endif
