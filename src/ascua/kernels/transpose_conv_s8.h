/* Transposed convolution: each output pixel gathers from the input pixels that reach it. */
#ifndef ASCUA_TRANSPOSE_CONV_S8_H
#define ASCUA_TRANSPOSE_CONV_S8_H

#include "fixed.h"

typedef struct {
    int32_t ih, iw, ic;
    int32_t oh, ow, oc;
    int32_t kh, kw;
    int32_t sy, sx;
    int32_t py, px; /* rows and columns of output that are dropped above and left */
    int32_t offset; /* minus the zero point of the input */
    int32_t small;  /* as for requantize_sum() */
    int32_t zero, low, high;
} transpose_conv_s8_t;

/* The taps that reach one output pixel, or two that share them. */
typedef struct {
    int32_t iy, ky;       /* the lowest row that reaches it, and its row of the filter */
    int32_t at, tap, run; /* bytes into that row, into the filter's, and how many of them */
    int32_t next, next_y; /* bytes to the second pixel in x and y; 0 where there is one */
} transpose_conv_s8_place_t;

/* Sums of four channels for two pixels. */
typedef struct {
    uint32_t a0, a1, a2, a3, b0, b1, b2, b3;
} transpose_conv_s8_block_t;

/* Adds n products of a and b with weights[n][4]. */
KERNEL void transpose_conv_s8_dot(transpose_conv_s8_block_t *s, const int8_t *a, const int8_t *b,
                                  const int8_t *w, int32_t n, int32_t offset,
                                  int32_t weights_offset) {
    for (int32_t i = 0; i < n; i++) {
        const int32_t u = a[i] + offset, v = b[i] + offset;
        int32_t t = w[0] + weights_offset;
        s->a0 += (uint32_t)(u * t);
        s->b0 += (uint32_t)(v * t);
        t = w[1] + weights_offset;
        s->a1 += (uint32_t)(u * t);
        s->b1 += (uint32_t)(v * t);
        t = w[2] + weights_offset;
        s->a2 += (uint32_t)(u * t);
        s->b2 += (uint32_t)(v * t);
        t = w[3] + weights_offset;
        s->a3 += (uint32_t)(u * t);
        s->b3 += (uint32_t)(v * t);
        w += 4;
        KEEP_ORDER();
    }
}

/* Writes the sums of four channels of one pixel. */
KERNEL void transpose_conv_s8_store(const transpose_conv_s8_t *p, const requant_t *q, uint32_t s0,
                                    uint32_t s1, uint32_t s2, uint32_t s3, int8_t *y) {
    y[0] = requantize_sum(s0, &q[0], p->small, p->zero, p->low, p->high);
    y[1] = requantize_sum(s1, &q[1], p->small, p->zero, p->low, p->high);
    y[2] = requantize_sum(s2, &q[2], p->small, p->zero, p->low, p->high);
    y[3] = requantize_sum(s3, &q[3], p->small, p->zero, p->low, p->high);
}

/* Four channels of one pixel or two. */
KERNEL void transpose_conv_s8_four(const transpose_conv_s8_t *p,
                                   const transpose_conv_s8_place_t *place, int32_t weights_offset,
                                   const int8_t *x, const int8_t *w, const requant_t *q,
                                   int8_t *y) {
    transpose_conv_s8_block_t s;
    s.a0 = s.b0 = (uint32_t)q[0].bias;
    s.a1 = s.b1 = (uint32_t)q[1].bias;
    s.a2 = s.b2 = (uint32_t)q[2].bias;
    s.a3 = s.b3 = (uint32_t)q[3].bias;
    for (int32_t ky = place->ky, iy = place->iy; ky < p->kh && iy >= 0; ky += p->sy, iy--) {
        if (iy < p->ih) {
            const int8_t *a = x + iy * p->iw * p->ic + place->at;
            const int8_t *taps = w + 4 * (ky * p->kw * p->ic + place->tap);
            transpose_conv_s8_dot(&s, a, a + place->next, taps, place->run, p->offset,
                                  weights_offset);
        }
    }
    transpose_conv_s8_store(p, q, s.a0, s.a1, s.a2, s.a3, y);
    transpose_conv_s8_store(p, q, s.b0, s.b1, s.b2, s.b3, y + place->next_y);
}

/* The same for one channel. */
KERNEL void transpose_conv_s8_one(const transpose_conv_s8_t *p,
                                  const transpose_conv_s8_place_t *place, int32_t weights_offset,
                                  const int8_t *x, const int8_t *w, const requant_t *q, int8_t *y) {
    uint32_t a = (uint32_t)q->bias, b = a;
    for (int32_t ky = place->ky, iy = place->iy; ky < p->kh && iy >= 0; ky += p->sy, iy--) {
        if (iy < p->ih) {
            const int8_t *from = x + iy * p->iw * p->ic + place->at;
            const int8_t *taps = w + ky * p->kw * p->ic + place->tap;
            for (int32_t i = 0; i < place->run; i++) {
                const int32_t t = taps[i] + weights_offset;
                a += (uint32_t)((from[i] + p->offset) * t);
                b += (uint32_t)((from[i + place->next] + p->offset) * t);
            }
        }
    }
    y[0] = requantize_sum(a, q, p->small, p->zero, p->low, p->high);
    y[place->next_y] = requantize_sum(b, q, p->small, p->zero, p->low, p->high);
}

/* Sets where column `ix`, the last that reaches an output pixel, finds its taps; `taps` of them
   begin at `first`. Answers whether the pixel sx further has all of its taps inside as well. */
KERNEL int32_t transpose_conv_s8_columns(const transpose_conv_s8_t *p, int32_t ix, int32_t taps,
                                         int32_t first, transpose_conv_s8_place_t *place) {
    const int32_t left = ix - taps + 1; /* the column of the first tap */
    const int32_t from = left < 0 ? 0 : left;
    const int32_t end = ix < p->iw ? ix + 1 : p->iw;
    place->run = end > from ? (end - from) * p->ic : 0;
    place->at = end > from ? from * p->ic : 0;
    place->tap = (first + from - left) * p->ic;
    return left >= 0 && ix + 1 < p->iw;
}

/* transpose_conv_s8 with weights[...] + weights_offset. */
KERNEL void transpose_conv_s8_all(const transpose_conv_s8_t *p, int32_t weights_offset,
                                  const int8_t *x, const int8_t *weights, const requant_t *requant,
                                  int8_t *y) {
    const int32_t all = p->kh * p->kw * p->ic;
    transpose_conv_s8_place_t place;
    for (int32_t oy = 0; oy < p->oh; oy++) {
        place.iy = (oy + p->py) / p->sy;
        place.ky = (oy + p->py) % p->sy;
        int32_t first = 0;
        for (int32_t series = 0; series < p->sx; series++) {
            const int32_t taps = (p->kw - series + p->sx - 1) / p->sx;
            /* The first output pixel that these taps reach, and the others sx apart. */
            int32_t ox = (series + p->sx - p->px % p->sx) % p->sx;
            int32_t ix = (ox + p->px) / p->sx;
            while (ox < p->ow) {
                const int32_t inside = transpose_conv_s8_columns(p, ix, taps, first, &place);
                const int32_t pair = inside && ox + p->sx < p->ow;
                place.next = pair * p->ic;
                place.next_y = pair * p->sx * p->oc;
                int8_t *out = y + ox * p->oc;
                const int8_t *w = weights;
                int32_t oc = 0;
                for (; oc + 4 <= p->oc; oc += 4) {
                    transpose_conv_s8_four(p, &place, weights_offset, x, w, requant + oc, out + oc);
                    w += 4 * all;
                }
                for (const int32_t end = oc + (p->oc & 3); oc < end; oc++) {
                    transpose_conv_s8_one(p, &place, weights_offset, x, w, requant + oc, out + oc);
                    w += all;
                }
                ix += 1 + pair;
                ox += (1 + pair) * p->sx;
            }
            first += taps;
        }
        y += p->ow * p->oc;
    }
}

/* y[oh][ow][oc] from x[ih][iw][ic], weights[oc / 4][kh][kw][ic][4] then [oc % 4][kh][kw][ic], and
   requant[oc]. The columns of the filter come in the order 0, sx, 2 sx, ..., 1, sx + 1, ..., each
   of these series reversed. */
KERNEL void transpose_conv_s8(const transpose_conv_s8_t *p, const int8_t *x, const int8_t *weights,
                              const requant_t *requant, int8_t *y) {
    transpose_conv_s8_all(p, 0, x, weights, requant, y);
}

#endif
