/* Functions of two float32 values, of which one may be repeated along the other. */
#ifndef ASCUA_PAIR_F32_H
#define ASCUA_PAIR_F32_H

#include "broadcast.h"
#include "real.h"

enum {
    PAIR_ADD,
    PAIR_DIV,
    PAIR_FLOOR_DIV,
    PAIR_FLOOR_MOD,
    PAIR_MAXIMUM,
    PAIR_MINIMUM,
    PAIR_MUL,
    PAIR_PRELU,
    PAIR_SQUARED_DIFFERENCE,
    PAIR_SUB
};

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t function; /* one of the above */
    int32_t swapped;  /* whether a is the second input */
    float low, high;
} pair_f32_t;

KERNEL float pair_f32_of(const pair_f32_t *p, float a, float b) {
    switch (p->function) {
    case PAIR_ADD:
        return a + b;
    case PAIR_DIV:
        return a / b;
    case PAIR_FLOOR_DIV: {
        const double q = (double)a / (double)b;
        if (!(q < 0x1p52 && q > -0x1p52)) {
            return (float)q;
        }
        const int64_t whole = (int64_t)q;
        return (float)(whole - ((double)whole > q));
    }
    case PAIR_FLOOR_MOD: {
        const float rest = real_rest(a, b);
        return rest != 0.0f && (rest < 0.0f) != (b < 0.0f) ? rest + b : rest;
    }
    case PAIR_MAXIMUM:
        return a > b ? a : b;
    case PAIR_MINIMUM:
        return a < b ? a : b;
    case PAIR_MUL:
        return a * b;
    case PAIR_PRELU:
        return a >= 0.0f ? a : a * b;
    case PAIR_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    default:
        return a - b;
    }
}

/* y[runs][n] from a and b, their runs found by loops[count][3]. */
KERNEL void pair_f32(const pair_f32_t *p, const f32_t *a, const f32_t *b, const int32_t *loops,
                     f32_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const float v =
                p->swapped ? pair_f32_of(p, b[bt], a[at]) : pair_f32_of(p, a[at], b[bt]);
            *y++ = v < p->low ? p->low : v > p->high ? p->high : v;
            at += p->a_step;
            bt += p->b_step;
        }
    }
    KEEP_ORDER();
}

#endif
