/* Convolution of one output row by vectors of sixteen taps, from rows without padding.

   Where the runs of a window are whole vectors, and none of it is padding, they are read where they
   lie; else two windows are gathered in scratch. */
#ifndef ASCUA_CONV2D_S8_VECTORS_H
#define ASCUA_CONV2D_S8_VECTORS_H

#include "clipped.h"
#include "copy.h"
#include "dots.h"

typedef struct {
    int32_t ow, oc;
    int32_t step;      /* bytes from one window to the next: sx * ic */
    int32_t kh;        /* rows of the filter */
    int32_t runs, run; /* runs of adjacent bytes in a row of the filter, and their length */
    int32_t gap;       /* bytes from one run to the next: dx * ic */
    int32_t vectors;   /* of the taps of a window */
    int32_t channels;  /* oc, filled up to fours */
    int32_t zero, low, high;
    int32_t left, row, first, inside, fill; /* as in clipped_t */
} conv2d_s8_vectors_t;

/* The taps of the window that begins `at` bytes into each row. */
KERNEL void conv2d_s8_vectors_gather(const conv2d_s8_vectors_t *p, const int8_t *const *rows,
                                     int32_t at, int32_t inner, int8_t *to) {
    for (int32_t ky = 0; ky < p->kh; ky++) {
        int32_t from = at;
        for (int32_t i = 0; i < p->runs; i++) {
            const int8_t *x = rows[ky];
            if (inner) {
                copy_few(to, x + from, p->run);
            } else {
                int32_t before = !x || from <= -p->run ? p->run : from < 0 ? -from : 0;
                int32_t end = p->row - from;
                end = end < 0 ? 0 : end > p->run ? p->run : end;
                before = before > end ? end : before;
                fill_bytes(to, p->fill, before);
                copy_bytes(to + before, x ? x + from + before : x, end - before);
                fill_bytes(to + end, p->fill, p->run - end);
            }
            to += p->run;
            from += p->gap;
        }
    }
}

/* y[ow][oc] from rows[kh] of input, null where a row is padding; weights[oc / 4][vectors][4][16]
   and rescale[3][channels]: biases, multipliers, shifts. */
KERNEL void conv2d_s8_vectors(const conv2d_s8_vectors_t *p, const int8_t *const *rows,
                              const int8_t *weights, const int32_t *rescale, int8_t *y,
                              void *scratch) {
    const rescale_t r = {rescale, rescale + p->channels, rescale + 2 * p->channels, p->zero, p->low,
                         p->high};
    const int32_t whole = clipped_whole(rows, p->kh), apart = 16 * p->vectors;
    const taps_t near = {p->kh, p->runs, p->run >> 4, p->gap}, gathered = {1, 1, p->vectors, 0};
    int8_t *const window = scratch;
    const int8_t *const windows[1] = {window};
    if (p->run & 15) {
        fill_bytes(window + p->kh * p->runs * p->run, 0, apart - p->kh * p->runs * p->run);
        fill_bytes(window + apart + p->kh * p->runs * p->run, 0, apart - p->kh * p->runs * p->run);
    }
    for (int32_t ox = 0; ox < p->ow; ox += 2) {
        /* One that is left is made twice. */
        const int32_t more = p->ow - ox > 1, at = ox * p->step - p->left;
        const int32_t inner = whole && ox >= p->first && ox + more < p->first + p->inside;
        int8_t *const other = y + more * p->oc;
        if (inner && !(p->run & 15)) {
            dots_channels(&near, rows, at, more * p->step, weights, p->oc, &r, y, other);
        } else {
            conv2d_s8_vectors_gather(p, rows, at, inner, window);
            if (more) {
                conv2d_s8_vectors_gather(p, rows, at + p->step, inner, window + apart);
            }
            dots_channels(&gathered, windows, 0, more * apart, weights, p->oc, &r, y, other);
        }
        y = other + p->oc;
    }
}

#endif
