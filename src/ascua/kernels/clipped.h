/* Rows of an image without padding, of which windows stand out. */
#ifndef ASCUA_CLIPPED_H
#define ASCUA_CLIPPED_H

#include "kernel.h"

/* What kernels must know of such rows. Beside it their parameters have `left`, the bytes of padding
   that the first window has on its left; `first`, the first window without a column of padding; and
   `inside`, how many of them there are. */
typedef struct {
    int32_t row;  /* bytes of a row */
    int32_t fill; /* the value of padding */
} clipped_t;

/* The value `at` bytes into row r, which is null where it is padding. */
KERNEL int32_t clipped_byte(const clipped_t *p, const int8_t *r, int32_t at) {
    return r && (uint32_t)at < (uint32_t)p->row ? r[at] : p->fill;
}

/* Four of them, the first in the lowest bits. */
KERNEL uint32_t clipped_four(const clipped_t *p, const int8_t *r, int32_t at) {
    uint32_t v = 0;
    if (!r || at <= -4 || at >= p->row) {
        return (uint8_t)p->fill * 0x01010101u;
    }
    if (at >= 0 && at + 4 <= p->row) {
        memcpy(&v, r + at, 4);
        return v;
    }
    for (int32_t i = 3; i >= 0; i--) {
        v = v << 8 | (uint8_t)clipped_byte(p, r, at + i);
    }
    return v;
}

/* Whether none of n rows is padding. */
KERNEL int32_t clipped_whole(const int8_t *const *rows, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        if (!rows[i]) {
            return 0;
        }
    }
    return 1;
}

#endif
