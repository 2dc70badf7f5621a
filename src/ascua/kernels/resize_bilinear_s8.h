/* An image of another size, each pixel a mean of the four around its place. */
#ifndef ASCUA_RESIZE_BILINEAR_S8_H
#define ASCUA_RESIZE_BILINEAR_S8_H

#include "kernel.h"

typedef struct {
    int32_t images, ih, iw, c;
    int32_t oh, ow;
    int32_t scale_y, start_y; /* 1024ths of pixels: from one row to the next, and of the first */
    int32_t scale_x, start_x;
} resize_bilinear_s8_t;

/* The pixels around a place, and the weight of the second one, of 1024. */
typedef struct {
    int32_t first, second, weight;
} resize_bilinear_s8_place_t;

KERNEL resize_bilinear_s8_place_t resize_bilinear_s8_place(int32_t at, int32_t size) {
    resize_bilinear_s8_place_t place;
    place.first = at > 0 ? at >> 10 : 0;
    place.second = (at + 1023) >> 10; /* `at` is above -1024 */
    place.second = place.second < size ? place.second : size - 1;
    place.weight = at - place.first * 1024;
    return place;
}

/* Products of weights stay below 2^31: they are negative only where both pixels are one. */
KERNEL int8_t resize_bilinear_s8_mean(int32_t upper, int32_t lower, int32_t weight) {
    const int32_t sum = upper * (1024 - weight) + lower * weight, half = (int32_t)1 << 19;
    /* Half away from zero: division drops the rest. */
    return (int8_t)((sum + (sum > 0 ? half : -half)) / (2 * half));
}

/* y[images][oh][ow][c] from x[images][ih][iw][c]. */
KERNEL void resize_bilinear_s8(const resize_bilinear_s8_t *p, const int8_t *x, int8_t *y) {
    const int32_t row = p->iw * p->c;
    for (int32_t image = 0; image < p->images; image++) {
        for (int32_t oy = 0; oy < p->oh; oy++) {
            const resize_bilinear_s8_place_t v =
                resize_bilinear_s8_place(oy * p->scale_y + p->start_y, p->ih);
            const int8_t *upper = x + v.first * row, *lower = x + v.second * row;
            int32_t at = p->start_x;
            for (int32_t ox = 0; ox < p->ow; ox++) {
                const resize_bilinear_s8_place_t h = resize_bilinear_s8_place(at, p->iw);
                const int32_t a = h.first * p->c, b = h.second * p->c;
                const int32_t left = 1024 - h.weight, right = h.weight;
                for (int32_t c = 0; c < p->c; c++) {
                    const int32_t above = upper[a + c] * left + upper[b + c] * right;
                    const int32_t below = lower[a + c] * left + lower[b + c] * right;
                    *y++ = resize_bilinear_s8_mean(above, below, v.weight);
                }
                at += p->scale_x;
            }
        }
        x += p->ih * row;
    }
}

#endif
