/* Convolution of one output row: two pixels lie in a word, so that one product serves both. One
   that is left alone by fours lies in a word as it is. */
#ifndef ASCUA_CONV2D_PAIRS_S8_H
#define ASCUA_CONV2D_PAIRS_S8_H

#include "fixed.h"
#include "int32.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, small, zero, low, high; /* as in conv2d_s8_t */
} conv2d_pairs_s8_t;

/* Sums of one channel for four pixels, a and b of two words: all that the words add up to in
   `all`, their upper halves in `upper`. */
typedef struct {
    uint32_t all_a, upper_a, all_b, upper_b;
} conv2d_pairs_s8_sums_t;

#if ASCUA_ARM_32_INTEGER

/* Two taps: words into r2 to r5, products into r2 and r3, which begin with a half. The upper half
   of either is its pixel's then, and borrows nothing: the lower one is nowhere below 0. */
#define CONV2D_PAIRS_S8_TWO                       \
    "ldmia %[x]!, {r2, r3, r4, r5}\n\t"           \
    "ldrsb %[v], [%[w]], #1\n\t"                  \
    "mla r2, r2, %[v], %[half]\n\t"               \
    "mla r3, r3, %[v], %[half]\n\t"               \
    "ldrsb %[v], [%[w]], #1\n\t"                  \
    "mla r2, r4, %[v], r2\n\t"                    \
    "mla r3, r5, %[v], r3\n\t"                    \
    "add %[all_a], %[all_a], r2\n\t"              \
    "add %[upper_a], %[upper_a], r2, asr #16\n\t" \
    "add %[all_b], %[all_b], r3\n\t"              \
    "add %[upper_b], %[upper_b], r3, asr #16\n\t"

/* Adds the products of weights[fours][4] and x[fours][4][2]; answers where the weights end. */
KERNEL const int8_t *conv2d_pairs_s8_dot(conv2d_pairs_s8_sums_t *s, const uint32_t *x,
                                         const int8_t *w, int32_t fours) {
    uint32_t v;
    __asm__ volatile(
        "1:\n\t" CONV2D_PAIRS_S8_TWO CONV2D_PAIRS_S8_TWO "subs %[n], %[n], #1\n\t"
        "bne 1b"
        : [all_a] "+r"(s->all_a), [upper_a] "+r"(s->upper_a), [all_b] "+r"(s->all_b),
          [upper_b] "+r"(s->upper_b), [x] "+r"(x), [w] "+r"(w), [n] "+r"(fours), [v] "=&r"(v)
        : [half] "r"(0x8000)
        : "r2", "r3", "r4", "r5", "cc", "memory");
    return w;
}

/* The same of one pixel, x[fours][4]; answers the sum. */
KERNEL uint32_t conv2d_pairs_s8_dot_alone(uint32_t sum, const uint32_t *x, const int8_t *w,
                                          int32_t fours) {
    uint32_t v;
    __asm__ volatile("1:\n\t"
                     "ldmia %[x]!, {r2, r3, r4, r5}\n\t"
                     "ldrsb %[v], [%[w]], #1\n\t"
                     "mla %[sum], r2, %[v], %[sum]\n\t"
                     "ldrsb %[v], [%[w]], #1\n\t"
                     "mla %[sum], r3, %[v], %[sum]\n\t"
                     "ldrsb %[v], [%[w]], #1\n\t"
                     "mla %[sum], r4, %[v], %[sum]\n\t"
                     "ldrsb %[v], [%[w]], #1\n\t"
                     "mla %[sum], r5, %[v], %[sum]\n\t"
                     "subs %[n], %[n], #1\n\t"
                     "bne 1b"
                     : [sum] "+r"(sum), [x] "+r"(x), [w] "+r"(w), [n] "+r"(fours), [v] "=&r"(v)
                     :
                     : "r2", "r3", "r4", "r5", "cc", "memory");
    return sum;
}

#else

#if ASCUA_THUMB_1

/* The next weight, times two words. */
#define CONV2D_PAIRS_S8_TAP(a, b) \
    "ldrsb r6, [r1, r7]\n\t"      \
    "muls " a ", r6\n\t"          \
    "muls " b ", r6\n\t"

/* Two taps; the lower halves of r2 and r3 begin with a half, that of r12. The index r7 goes up in
   between, and at the end, which sets the flags. */
#define CONV2D_PAIRS_S8_TWO                                                              \
    "ldmia r0!, {r2, r3, r4, r5}\n\t" CONV2D_PAIRS_S8_TAP(                               \
        "r2", "r3") "adds r7, #1\n\t" CONV2D_PAIRS_S8_TAP("r4", "r5") "adds r2, r4\n\t"  \
                                                                      "adds r3, r5\n\t"  \
                                                                      "add r2, r12\n\t"  \
                                                                      "add r3, r12\n\t"  \
                                                                      "add r8, r2\n\t"   \
                                                                      "add r10, r3\n\t"  \
                                                                      "asrs r2, #16\n\t" \
                                                                      "asrs r3, #16\n\t" \
                                                                      "add r9, r2\n\t"   \
                                                                      "add r11, r3\n\t"  \
                                                                      "adds r7, #1\n\t"

/* Adds the products of weights[fours][4] and x[fours][4][2]; answers where the weights end. It
   needs all registers. Of r7 the compiler must not know: it may be the frame's pointer. */
KERNEL const int8_t *conv2d_pairs_s8_dot(conv2d_pairs_s8_sums_t *s, const uint32_t *x,
                                         const int8_t *w, int32_t fours) {
    register const uint32_t *r0 __asm__("r0") = x;
    register const int8_t *r1 __asm__("r1") = w + 4 * fours;
    register conv2d_pairs_s8_sums_t *r2 __asm__("r2") = s;
    register int32_t r3 __asm__("r3") = -4 * fours;
    __asm__ volatile(".syntax unified\n\t"
                     "push {r2, r7}\n\t"
                     "mov r7, r3\n\t"
                     "ldmia r2!, {r3, r4, r5, r6}\n\t"
                     "mov r8, r3\n\t"
                     "mov r9, r4\n\t"
                     "mov r10, r5\n\t"
                     "mov r11, r6\n\t"
                     "movs r3, #128\n\t"
                     "lsls r3, #8\n\t"
                     "mov r12, r3\n"
                     "1:\n\t" CONV2D_PAIRS_S8_TWO CONV2D_PAIRS_S8_TWO "bne 1b\n\t"
                     "pop {r2, r7}\n\t"
                     "mov r3, r8\n\t"
                     "mov r4, r9\n\t"
                     "mov r5, r10\n\t"
                     "mov r6, r11\n\t"
                     "stmia r2!, {r3, r4, r5, r6}\n\t"
                     : "+r"(r0), "+r"(r2), "+r"(r3)
                     : "r"(r1)
                     : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
    return r1;
}

#else

/* Adds words of sums, whose lower halves begin with a half. */
KERNEL void conv2d_pairs_s8_add(conv2d_pairs_s8_sums_t *s, uint32_t a, uint32_t b) {
    s->all_a += a;
    s->upper_a += (uint32_t)((int32_t)a >> 16);
    s->all_b += b;
    s->upper_b += (uint32_t)((int32_t)b >> 16);
}

/* Adds the products of weights[fours][4] and x[fours][4][2]; answers where the weights end. */
KERNEL const int8_t *conv2d_pairs_s8_dot(conv2d_pairs_s8_sums_t *s, const uint32_t *x,
                                         const int8_t *w, int32_t fours) {
    for (int32_t n = 2 * fours; n > 0; n--) {
        const uint32_t v0 = (uint32_t)w[0], v1 = (uint32_t)w[1];
        conv2d_pairs_s8_add(s, 0x8000 + v0 * x[0] + v1 * x[2], 0x8000 + v0 * x[1] + v1 * x[3]);
        x += 4;
        w += 2;
        KEEP_ORDER();
    }
    return w;
}

#endif

/* The same of one pixel, x[fours][4]; answers the sum. */
KERNEL uint32_t conv2d_pairs_s8_dot_alone(uint32_t sum, const uint32_t *x, const int8_t *w,
                                          int32_t fours) {
    for (int32_t n = fours; n > 0; n--) {
        const uint32_t w0 = (uint32_t)w[0], w1 = (uint32_t)w[1];
        const uint32_t w2 = (uint32_t)w[2], w3 = (uint32_t)w[3];
        sum += x[0] * w0 + x[1] * w1 + x[2] * w2 + x[3] * w3;
        x += 4;
        w += 4;
        KEEP_ORDER();
    }
    return sum;
}

#endif

/* words[taps][2], each of two pixels' values, of the windows of four pixels; the first begins `at`
   bytes into each row. */
KERNEL void conv2d_pairs_s8_gather(const conv2d_pairs_s8_t *p, const int8_t *const *rows,
                                   int32_t at, uint32_t *words) {
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < p->runs; i++) {
            const int8_t *a = x, *b = a + p->step, *c = b + p->step, *d = c + p->step;
            for (int32_t n = p->run; n > 0; n--) {
                words[0] = (uint32_t)*a++ + ((uint32_t)*b++ << 16);
                words[1] = (uint32_t)*c++ + ((uint32_t)*d++ << 16);
                words += 2;
            }
            x += p->gap;
        }
    }
}

/* y[4][oc] of one channel; answers where its weights end. */
KERNEL const int8_t *conv2d_pairs_s8_channel(const conv2d_pairs_s8_t *p, const uint32_t *words,
                                             const int8_t *w, int32_t fours, const requant_t *q,
                                             int8_t *y) {
    const requant_t r = *q; /* which no store to y can change */
    const uint32_t bias = (uint32_t)r.bias;
    /* Less the upper halves, and less two halves, that is an upper 1, in four taps. */
    const uint32_t all = bias + ((bias - (uint32_t)fours) << 16);
    conv2d_pairs_s8_sums_t s = {all, bias, all, bias};
    if (fours) {
        w = conv2d_pairs_s8_dot(&s, words, w, fours);
    }
    s.all_a -= s.upper_a << 16;
    s.all_b -= s.upper_b << 16;
    y[0] = requantize_sum(s.all_a, &r, p->small, p->zero, p->low, p->high);
    y[p->oc] = requantize_sum(s.upper_a, &r, p->small, p->zero, p->low, p->high);
    y[2 * p->oc] = requantize_sum(s.all_b, &r, p->small, p->zero, p->low, p->high);
    y[3 * p->oc] = requantize_sum(s.upper_b, &r, p->small, p->zero, p->low, p->high);
    return w;
}

/* y[4][oc] of pixels whose windows are in `words`. */
KERNEL void conv2d_pairs_s8_channels(const conv2d_pairs_s8_t *p, const int8_t *w,
                                     const uint16_t *fours, const requant_t *requant, int8_t *y,
                                     const uint32_t *words) {
    for (int32_t oc = 0; oc < p->oc; oc++) {
        w = conv2d_pairs_s8_channel(p, words, w, fours[oc], requant + oc, y + oc);
    }
}

/* words[taps], each a value of the window that begins `at` bytes into each row. */
KERNEL void conv2d_pairs_s8_gather_alone(const conv2d_pairs_s8_t *p, const int8_t *const *rows,
                                         int32_t at, uint32_t *words) {
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t k = 0; k < p->run; k++) {
                *words++ = (uint32_t)x[k];
            }
            x += p->gap;
        }
    }
}

/* y[oc] of one pixel, whose window is in `words`. */
KERNEL void conv2d_pairs_s8_alone(const conv2d_pairs_s8_t *p, const int8_t *w,
                                  const uint16_t *fours, const requant_t *requant, int8_t *y,
                                  const uint32_t *words) {
    for (int32_t oc = 0; oc < p->oc; oc++) {
        const requant_t r = requant[oc]; /* which no store to y can change */
        uint32_t sum = (uint32_t)r.bias;
        if (fours[oc]) {
            sum = conv2d_pairs_s8_dot_alone(sum, words, w, fours[oc]);
            w += 4 * fours[oc];
        }
        y[oc] = requantize_sum(sum, &r, p->small, p->zero, p->low, p->high);
    }
}

/* Where the next pixels begin that are made together, of a row of `ow`: of two or three that are
   left behind fours, those before are made again. */
KERNEL int32_t conv2d_pairs_s8_next(int32_t ox, int32_t ow) {
    const int32_t left = ow - ox;
    return ow >= 4 && left > 1 && left < 4 ? ow - 4 : ox;
}

/* y[ow][oc] from rows[kh] of padded input, weights[fours[oc]][4] of each channel, the rest of which
   are 0, and requant[oc]; scratch is uint32_t[(taps + 3) & ~3][2]. */
KERNEL void conv2d_pairs_s8(const conv2d_pairs_s8_t *p, const int8_t *const *rows,
                            const int8_t *weights, const uint16_t *fours, const requant_t *requant,
                            int8_t *y, void *scratch) {
    for (int32_t ox = 0; ox < p->ow;) {
        ox = conv2d_pairs_s8_next(ox, p->ow);
        if (ox + 4 <= p->ow) {
            conv2d_pairs_s8_gather(p, rows, ox * p->step, scratch);
            conv2d_pairs_s8_channels(p, weights, fours, requant, y + ox * p->oc, scratch);
            ox += 4;
        } else {
            conv2d_pairs_s8_gather_alone(p, rows, ox * p->step, scratch);
            conv2d_pairs_s8_alone(p, weights, fours, requant, y + ox * p->oc, scratch);
            ox += 1;
        }
    }
}

#endif
