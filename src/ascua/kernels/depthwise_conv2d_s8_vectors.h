/* Depthwise convolution of one output row by vectors of sixteen channels.

   Windows of stride 1 follow each other as channels do: then all of a row is one run, in which the
   channels come again and again. */
#ifndef ASCUA_DEPTHWISE_CONV2D_S8_VECTORS_H
#define ASCUA_DEPTHWISE_CONV2D_S8_VECTORS_H

#include "sixteens.h"

typedef struct {
    int32_t runs, run; /* runs of adjacent outputs, and their length */
    int32_t c;
    int32_t next;  /* channels from one vector to the next: 16, modulo c */
    int32_t last;  /* the channel at which a run's last vector begins */
    int32_t pitch; /* of the constants, from one tap to the next: what vectors read of channels */
    int32_t kh, kw;
    int32_t step; /* bytes from one run's windows to the next one's */
    int32_t gap;  /* bytes from one tap to the next: dx * c */
    int32_t zero, low, high;
} depthwise_conv2d_s8_vectors_t;

/* The outputs of the windows that begin `at` bytes into each row, where n bytes, up to 16, are read
   of each tap; weights[kh][kw][pitch] and rescale[3][pitch] from the first one's channel on. */
KERNEL bytes_t depthwise_conv2d_s8_vectors_few(const depthwise_conv2d_s8_vectors_t *p, int32_t n,
                                               const int8_t *const *rows, int32_t at,
                                               const int8_t *w, const int32_t *rescale) {
    words_t sums = words_load(rescale);
    int8_t few[2][16];
    tap_t first;
    int32_t second = 0;                /* of two taps that are added together */
    const int32_t middle = p->kw >> 1; /* taps on either side are near enough for an offset */
#pragma GCC unroll 5
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = words_near(rows[ky] + at, middle * p->gap);
        w = words_near(w, middle * p->pitch);
#pragma GCC unroll 5
        for (int32_t kx = 0; kx < p->kw; kx++) {
            const int8_t *from = few[second];
            if (n < 16) {
                bytes_store(few[second], bytes_load_few(x, n));
                x += p->gap;
            }
            const tap_t tap = tap_next(n < 16 ? &from : &x, p->gap, &w, p->pitch);
            if (second) {
                sums = words_add_two(sums, first, tap);
            }
            first = tap;
            second ^= 1;
        }
    }
    if (second) {
        sums = words_add(sums, first);
    }
    return words_rescale(sums, rescale + p->pitch, rescale + 2 * p->pitch, p->zero, p->low,
                         p->high);
}

/* y[runs][run] from rows[kh] of padded input, weights[kh][kw][pitch] and rescale[3][pitch]: biases,
   multipliers, shifts. */
KERNEL void depthwise_conv2d_s8_vectors(const depthwise_conv2d_s8_vectors_t *p,
                                        const int8_t *const *rows, const int8_t *weights,
                                        const int32_t *rescale, int8_t *y) {
    for (int32_t i = 0; i < p->runs; i++) {
        int32_t at = i * p->step, c = 0;
        if (p->run < 16) {
            bytes_store_few(
                y, depthwise_conv2d_s8_vectors_few(p, p->run, rows, at, weights, rescale), p->run);
            y += p->run;
            continue;
        }
        for (int32_t n = p->run >> 4; n > 0; n--) {
            bytes_store(y,
                        depthwise_conv2d_s8_vectors_few(p, 16, rows, at, weights + c, rescale + c));
            at += 16;
            y += 16;
            c += p->next;
            if (c >= p->c) {
                c -= p->c;
            }
        }
        if (p->run & 15) {
            /* What is left is made with what is before it. */
            const int32_t back = 16 - (p->run & 15);
            bytes_store(y - back,
                        depthwise_conv2d_s8_vectors_few(p, 16, rows, at - back, weights + p->last,
                                                        rescale + p->last));
            y += p->run & 15;
        }
    }
}

#endif
