/* The same numbers in another type, by way of 32 bits. */
#ifndef ASCUA_CAST_S32_H
#define ASCUA_CAST_S32_H

#include "kernel.h"

typedef struct {
    int32_t n;                /* elements */
    int32_t x_bytes, y_bytes; /* of an element: 1, 2 or 4 */
    int32_t x_real, y_real;   /* whether they are floats */
    int32_t truth;            /* whether y is 1 for what is not 0 */
    int32_t low, high;        /* what a float saturates at where y is whole */
} cast_s32_t;

/* The whole number at x, or the bits of a float. */
KERNEL int32_t cast_loaded(const int8_t *x, int32_t bytes) {
    int32_t wide;
    int16_t narrow;
    if (bytes == 4) {
        memcpy(&wide, x, sizeof wide);
        return wide;
    }
    if (bytes == 2) {
        memcpy(&narrow, x, sizeof narrow);
        return narrow;
    }
    return *x;
}

/* What is before the point of the float of these bits; NaN gives 0. */
KERNEL int32_t cast_truncated(int32_t bits, int32_t low, int32_t high) {
    float v;
    memcpy(&v, &bits, sizeof v);
    if (v >= (float)high) {
        return high;
    }
    if (v <= (float)low) {
        return low;
    }
    return v == v ? (int32_t)v : 0;
}

/* The bits of a whole number as a float. */
KERNEL int32_t cast_float(int32_t whole) {
    const float v = (float)whole;
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* y[n] = x as y's type: the lowest bits of a whole number, a float without what is behind its
 * point.
 */
KERNEL void cast_s32(const cast_s32_t *p, const int8_t *x, int8_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        int32_t v = cast_loaded(x, p->x_bytes);
        if (p->truth) {
            v = p->x_real ? (v & 0x7fffffff) != 0 : v != 0; /* a float may be -0 */
        } else if (p->x_real) {
            v = cast_truncated(v, p->low, p->high);
        } else if (p->y_real) {
            v = cast_float(v);
        }
        if (p->y_bytes == 4) {
            memcpy(y, &v, 4);
        } else if (p->y_bytes == 2) {
            const uint16_t narrow = (uint16_t)v;
            memcpy(y, &narrow, 2);
        } else {
            *y = (int8_t)v;
        }
        x += p->x_bytes;
        y += p->y_bytes;
    }
}

#endif
