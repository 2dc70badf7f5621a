/* An image of another size, each pixel a copy of one of the input. */
#ifndef ASCUA_RESIZE_NEAREST_NEIGHBOR_S8_H
#define ASCUA_RESIZE_NEAREST_NEIGHBOR_S8_H

#include "copy.h"

typedef struct {
    int32_t images, ih, iw, c; /* c: bytes of a pixel */
    int32_t oh, ow;
} resize_nearest_neighbor_s8_t;

/* y[images][oh][ow][c] = x[images][rows[oh]][columns[ow]][c]. */
KERNEL void resize_nearest_neighbor_s8(const resize_nearest_neighbor_s8_t *p, const int8_t *x,
                                       const int16_t *rows, const int16_t *columns, int8_t *y) {
    const int32_t row = p->iw * p->c, out = p->ow * p->c;
    for (int32_t image = 0; image < p->images; image++) {
        for (int32_t oy = 0; oy < p->oh; oy++) {
            if (oy > 0 && rows[oy] == rows[oy - 1]) {
                copy_bytes(y, y - out, out);
                y += out;
                continue;
            }
            const int8_t *from = x + rows[oy] * row;
            for (int32_t ox = 0; ox < p->ow; ox++) {
                copy_few(y, from + columns[ox] * p->c, p->c);
                y += p->c;
            }
        }
        x += p->ih * row;
    }
}

#endif
