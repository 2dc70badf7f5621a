/* Convolution of one output row: four channels by two pixels at a time. */
#ifndef ASCUA_CONV2D_S8_H
#define ASCUA_CONV2D_S8_H

#include "fixed.h"

typedef struct {
    int32_t ow, oc;
    int32_t step;      /* bytes from one window to the next: sx * ic */
    int32_t kh;        /* rows of the filter */
    int32_t runs, run; /* runs of adjacent bytes in a row of the filter, and their length */
    int32_t gap;       /* bytes from one run to the next: dx * ic */
    int32_t small;     /* as for requantize_sum() */
    int32_t zero, low, high;
} conv2d_s8_t;

/* Sums of four channels for two pixels. */
typedef struct {
    uint32_t a0, a1, a2, a3, b0, b1, b2, b3;
} conv2d_s8_block_t;

KERNEL void conv2d_s8_tap(conv2d_s8_block_t *s, int32_t a, int32_t b, const int8_t *w) {
    int32_t v = w[0];
    s->a0 += (uint32_t)(a * v);
    s->b0 += (uint32_t)(b * v);
    v = w[1];
    s->a1 += (uint32_t)(a * v);
    s->b1 += (uint32_t)(b * v);
    v = w[2];
    s->a2 += (uint32_t)(a * v);
    s->b2 += (uint32_t)(b * v);
    v = w[3];
    s->a3 += (uint32_t)(a * v);
    s->b3 += (uint32_t)(b * v);
}

/* Adds n products of a and b with weights[n][4]. */
KERNEL void conv2d_s8_dot(conv2d_s8_block_t *s, const int8_t *a, const int8_t *b, const int8_t *w,
                          int32_t n) {
    int32_t rest = n & 3;
    for (; n >= 4; n -= 4) {
        conv2d_s8_tap(s, a[0], b[0], w);
        conv2d_s8_tap(s, a[1], b[1], w + 4);
        conv2d_s8_tap(s, a[2], b[2], w + 8);
        conv2d_s8_tap(s, a[3], b[3], w + 12);
        a += 4;
        b += 4;
        w += 16;
    }
    for (; rest > 0; rest--) {
        conv2d_s8_tap(s, *a++, *b++, w);
        w += 4;
    }
}

/* Writes the sums of four channels of one pixel. */
KERNEL void conv2d_s8_store(const conv2d_s8_t *p, const requant_t *q, uint32_t s0, uint32_t s1,
                            uint32_t s2, uint32_t s3, int8_t *y) {
    y[0] = requantize_sum(s0, &q[0], p->small, p->zero, p->low, p->high);
    y[1] = requantize_sum(s1, &q[1], p->small, p->zero, p->low, p->high);
    y[2] = requantize_sum(s2, &q[2], p->small, p->zero, p->low, p->high);
    y[3] = requantize_sum(s3, &q[3], p->small, p->zero, p->low, p->high);
}

/* Two pixels: where the first begins in x, and how far the second is in x and in y. */
typedef struct {
    int32_t at, next, next_y;
    uint32_t a, b; /* what is added to their sums */
} conv2d_s8_pair_t;

/* Four channels of two pixels. */
KERNEL void conv2d_s8_four(const conv2d_s8_t *p, const int8_t *const *rows, conv2d_s8_pair_t o,
                           const int8_t *w, const requant_t *q, int8_t *y) {
    conv2d_s8_block_t s;
    s.a0 = (uint32_t)q[0].bias + o.a;
    s.b0 = (uint32_t)q[0].bias + o.b;
    s.a1 = (uint32_t)q[1].bias + o.a;
    s.b1 = (uint32_t)q[1].bias + o.b;
    s.a2 = (uint32_t)q[2].bias + o.a;
    s.b2 = (uint32_t)q[2].bias + o.b;
    s.a3 = (uint32_t)q[3].bias + o.a;
    s.b3 = (uint32_t)q[3].bias + o.b;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + o.at;
        for (int32_t i = 0; i < p->runs; i++) {
            conv2d_s8_dot(&s, x, x + o.next, w, p->run);
            x += p->gap;
            w += 4 * p->run;
        }
    }
    conv2d_s8_store(p, q, s.a0, s.a1, s.a2, s.a3, y);
    conv2d_s8_store(p, q, s.b0, s.b1, s.b2, s.b3, y + o.next_y);
}

/* The same for one channel. */
KERNEL void conv2d_s8_one(const conv2d_s8_t *p, const int8_t *const *rows, conv2d_s8_pair_t o,
                          const int8_t *w, const requant_t *q, int8_t *y) {
    uint32_t a = (uint32_t)q->bias + o.a, b = (uint32_t)q->bias + o.b;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + o.at;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t n = 0; n < p->run; n++) {
                a += (uint32_t)(x[n] * *w);
                b += (uint32_t)(x[n + o.next] * *w++);
            }
            x += p->gap;
        }
    }
    y[0] = requantize_sum(a, q, p->small, p->zero, p->low, p->high);
    y[o.next_y] = requantize_sum(b, q, p->small, p->zero, p->low, p->high);
}

/* Adds what `offset` more in each weight would add to the sums of both pixels. */
KERNEL void conv2d_s8_shift(const conv2d_s8_t *p, int32_t offset, const int8_t *const *rows,
                            conv2d_s8_pair_t *o) {
    int32_t a = 0, b = 0;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + o->at;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t n = 0; n < p->run; n++) {
                a += x[n];
                b += x[n + o->next];
            }
            x += p->gap;
        }
    }
    o->a += (uint32_t)a * (uint32_t)offset;
    o->b += (uint32_t)b * (uint32_t)offset;
}

/* conv2d_s8 with weights[...] + offset. */
KERNEL void conv2d_s8_row(const conv2d_s8_t *p, int32_t offset, const int8_t *const *rows,
                          const int8_t *weights, const requant_t *requant, int8_t *y) {
    const int32_t taps = p->kh * p->runs * p->run;
    for (int32_t ox = 0; ox < p->ow; ox += 2) {
        /* The last pixel of an odd row is computed twice. */
        const int32_t pair = ox + 1 < p->ow;
        conv2d_s8_pair_t o = {ox * p->step, pair * p->step, pair * p->oc, 0, 0};
        if (offset) {
            conv2d_s8_shift(p, offset, rows, &o);
        }
        const int8_t *w = weights;
        int32_t oc = 0;
        for (; oc + 4 <= p->oc; oc += 4) {
            conv2d_s8_four(p, rows, o, w, requant + oc, y + oc);
            w += 4 * taps;
        }
        for (const int32_t end = oc + (p->oc & 3); oc < end; oc++) {
            conv2d_s8_one(p, rows, o, w, requant + oc, y + oc);
            w += taps;
        }
        y += 2 * p->oc;
    }
}

/* y[ow][oc] from rows[kh] of padded input, weights[oc / 4][kh][kw][ic][4] then [oc % 4][kh][kw][ic]
   and requant[oc]. */
KERNEL void conv2d_s8(const conv2d_s8_t *p, const int8_t *const *rows, const int8_t *weights,
                      const requant_t *requant, int8_t *y) {
    conv2d_s8_row(p, 0, rows, weights, requant, y);
}

#endif
