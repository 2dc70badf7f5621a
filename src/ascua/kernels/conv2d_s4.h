/* Convolution of one output row with weights of 4 bits: four channels by two pixels at a time. */
#ifndef ASCUA_CONV2D_S4_H
#define ASCUA_CONV2D_S4_H

#include "conv2d_s8.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, small, zero, low, high; /* as in conv2d_s8_t */
} conv2d_s4_t;

/* Adds products of a and b with the four weights in v. */
KERNEL void conv2d_s4_tap(conv2d_s8_block_t *s, int32_t a, int32_t b, uint32_t v) {
    int32_t w = nibble(v, 0);
    s->a0 += (uint32_t)(a * w);
    s->b0 += (uint32_t)(b * w);
    w = nibble(v, 1);
    s->a1 += (uint32_t)(a * w);
    s->b1 += (uint32_t)(b * w);
    w = nibble(v, 2);
    s->a2 += (uint32_t)(a * w);
    s->b2 += (uint32_t)(b * w);
    w = nibble(v, 3);
    s->a3 += (uint32_t)(a * w);
    s->b3 += (uint32_t)(b * w);
}

/* Four channels of two pixels. */
KERNEL void conv2d_s4_four(const conv2d_s8_t *p, const int8_t *const *rows, conv2d_s8_pair_t o,
                           const uint8_t *w, const requant_t *q, int8_t *y) {
    conv2d_s8_block_t s;
    s.a0 = s.b0 = (uint32_t)q[0].bias;
    s.a1 = s.b1 = (uint32_t)q[1].bias;
    s.a2 = s.b2 = (uint32_t)q[2].bias;
    s.a3 = s.b3 = (uint32_t)q[3].bias;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + o.at;
        for (int32_t i = 0; i < p->runs; i++) {
            const int8_t *a = x, *b = x + o.next;
            int32_t n = p->run, rest = n & 3;
            for (; n >= 4; n -= 4) {
                conv2d_s4_tap(&s, a[0], b[0], nibbles(w));
                conv2d_s4_tap(&s, a[1], b[1], nibbles(w + 2));
                conv2d_s4_tap(&s, a[2], b[2], nibbles(w + 4));
                conv2d_s4_tap(&s, a[3], b[3], nibbles(w + 6));
                a += 4;
                b += 4;
                w += 8;
            }
            for (; rest > 0; rest--) {
                conv2d_s4_tap(&s, *a++, *b++, nibbles(w));
                w += 2;
            }
            x += p->gap;
        }
    }
    conv2d_s8_store(p, q, s.a0, s.a1, s.a2, s.a3, y);
    conv2d_s8_store(p, q, s.b0, s.b1, s.b2, s.b3, y + o.next_y);
}

/* The same for one channel. */
KERNEL void conv2d_s4_one(const conv2d_s8_t *p, const int8_t *const *rows, conv2d_s8_pair_t o,
                          const uint8_t *w, const requant_t *q, int8_t *y) {
    uint32_t a = (uint32_t)q->bias, b = a;
    int32_t tap = 0;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + o.at;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t n = 0; n < p->run; n++) {
                const int32_t v = nibble(nibbles(w + 2 * (tap >> 2)), tap & 3);
                a += (uint32_t)(x[n] * v);
                b += (uint32_t)(x[n + o.next] * v);
                tap++;
            }
            x += p->gap;
        }
    }
    y[0] = requantize_sum(a, q, p->small, p->zero, p->low, p->high);
    y[o.next_y] = requantize_sum(b, q, p->small, p->zero, p->low, p->high);
}

/* y[ow][oc] from rows[kh] of padded input, weights[oc / 4][kh][kw][ic] of four channels each, then
   [oc % 4][(kh * kw * ic + 3) / 4] of four taps each, and requant[oc]. */
KERNEL void conv2d_s4(const conv2d_s4_t *p, const int8_t *const *rows, const uint8_t *weights,
                      const requant_t *requant, int8_t *y) {
    const conv2d_s8_t plain = {p->ow,  p->oc,    p->step, p->kh,  p->runs, p->run,
                               p->gap, p->small, p->zero, p->low, p->high};
    const int32_t taps = p->kh * p->runs * p->run;
    for (int32_t ox = 0; ox < p->ow; ox += 2) {
        /* The last pixel of an odd row is computed twice. */
        const int32_t pair = ox + 1 < p->ow;
        const conv2d_s8_pair_t o = {ox * p->step, pair * p->step, pair * p->oc, 0, 0};
        const uint8_t *w = weights;
        int32_t oc = 0;
        for (; oc + 4 <= p->oc; oc += 4) {
            conv2d_s4_four(&plain, rows, o, w, requant + oc, y + oc);
            w += 2 * taps;
        }
        for (const int32_t end = oc + (p->oc & 3); oc < end; oc++) {
            conv2d_s4_one(&plain, rows, o, w, requant + oc, y + oc);
            w += 2 * ((taps + 3) >> 2);
        }
        y += 2 * p->oc;
    }
}

#endif
