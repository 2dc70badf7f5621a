/* The input rows that a window meets, with padding, out of a ring of line buffers. */
#ifndef ASCUA_WINDOW_H
#define ASCUA_WINDOW_H

#include "copy.h"

/* In loops that find rows: where GCC 12 vectorises them for MVE, some rows are wrong. */
#ifdef __ARM_FEATURE_MVE
#define ROW_BY_ROW() KEEP_ORDER()
#else
#define ROW_BY_ROW() (void)0
#endif

typedef struct {
    int32_t kh;   /* rows an output row reads */
    int32_t sy;   /* rows from one window to the next */
    int32_t dy;   /* rows between two taps */
    int32_t py;   /* rows of padding above the input */
    int32_t ih;   /* rows of the input */
    int32_t row;  /* bytes of an input row */
    int32_t left; /* bytes of padding left of it */
    int32_t right;
    int32_t fill; /* the value of every byte of padding */
} window_t;

/* Padded: rows[kh] of left + row + right bytes for output row oy; call with oy = 0, 1, 2, ... */
SHARED void window_padded(const window_t *w, const int8_t *x, int32_t oy, int8_t *ring,
                          const int8_t **rows) {
    const int32_t line = w->left + w->row + w->right;
    const int32_t span = (w->kh - 1) * w->dy + 1;
    const int32_t top = oy * w->sy; /* counted from the first row of padding */
    const int32_t fresh = oy == 0 || w->sy > span ? span : w->sy;
    for (int32_t next = top + span - fresh; next < top + span; next++) {
        int8_t *slot = ring + (next % span) * line;
        const int32_t iy = next - w->py;
        if (iy < 0 || iy >= w->ih) {
            fill_bytes(slot, w->fill, line);
        } else {
            fill_bytes(slot, w->fill, w->left);
            copy_bytes(slot + w->left, x + iy * w->row, w->row);
            fill_bytes(slot + w->left + w->row, w->fill, w->right);
        }
    }
    for (int32_t ky = 0; ky < w->kh; ky++) {
        rows[ky] = ring + ((top + ky * w->dy) % span) * line;
    }
}

/* Where rows lie anywhere, in words from the start of the arena: rows[kh] for output row oy, null
   where a row is padding. */
KERNEL void window_scattered(const window_t *w, const int8_t *arena, const uint16_t *at, int32_t oy,
                             const int8_t **rows) {
    for (int32_t ky = 0; ky < w->kh; ky++) {
        const int32_t iy = oy * w->sy - w->py + ky * w->dy;
        rows[ky] = iy < 0 || iy >= w->ih ? 0 : arena + 4 * at[iy];
        ROW_BY_ROW();
    }
}

/* The same of an arena beyond 256 KB. */
KERNEL void window_scattered_far(const window_t *w, const int8_t *arena, const uint32_t *at,
                                 int32_t oy, const int8_t **rows) {
    for (int32_t ky = 0; ky < w->kh; ky++) {
        const int32_t iy = oy * w->sy - w->py + ky * w->dy;
        rows[ky] = iy < 0 || iy >= w->ih ? 0 : arena + 4 * at[iy];
        ROW_BY_ROW();
    }
}

/* Where rows are made again: rows[kh] for turn `turn`, the places of which are at[turn][kh]; null
   where a row is padding, as the highest number says. */
KERNEL void window_again(const window_t *w, const int8_t *arena, const uint16_t *at, int32_t turn,
                         const int8_t **rows) {
    at += turn * w->kh;
    for (int32_t ky = 0; ky < w->kh; ky++) {
        rows[ky] = at[ky] == UINT16_MAX ? 0 : arena + 4 * at[ky];
        ROW_BY_ROW();
    }
}

/* The same of an arena beyond 256 KB. */
KERNEL void window_again_far(const window_t *w, const int8_t *arena, const uint32_t *at,
                             int32_t turn, const int8_t **rows) {
    at += turn * w->kh;
    for (int32_t ky = 0; ky < w->kh; ky++) {
        rows[ky] = at[ky] == UINT32_MAX ? 0 : arena + 4 * at[ky];
        ROW_BY_ROW();
    }
}

/* Copies rows[kh] to lines[kh] with their padding, and finds them there; null is padding alone. */
SHARED void window_copied(const window_t *w, int8_t *lines, const int8_t **rows) {
    for (int32_t ky = 0; ky < w->kh; ky++) {
        if (rows[ky]) {
            fill_bytes(lines, w->fill, w->left);
            copy_bytes(lines + w->left, rows[ky], w->row);
            fill_bytes(lines + w->left + w->row, w->fill, w->right);
        } else {
            fill_bytes(lines, w->fill, w->left + w->row + w->right);
        }
        rows[ky] = lines;
        lines += w->left + w->row + w->right;
    }
}

/* Clipped: rows[kh] of the input itself, null where a row is padding. */
KERNEL void window_clipped(const window_t *w, const int8_t *x, int32_t oy, const int8_t **rows) {
    for (int32_t ky = 0; ky < w->kh; ky++) {
        const int32_t iy = oy * w->sy - w->py + ky * w->dy;
        rows[ky] = iy < 0 || iy >= w->ih ? 0 : x + iy * w->row;
        ROW_BY_ROW();
    }
}

#endif
