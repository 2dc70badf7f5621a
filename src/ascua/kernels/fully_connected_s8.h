/* Fully connected layer: eight outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S8_H
#define ASCUA_FULLY_CONNECTED_S8_H

#include "fixed.h"

typedef struct {
    int32_t rows; /* vectors of the input */
    int32_t k;    /* elements of each */
    int32_t oc;
    int32_t next;  /* factors from one output to the next: 1, or 0 where all have one */
    int32_t small; /* as for requantize_sum() */
    int32_t zero, low, high;
} fully_connected_s8_t;

/* Adds v times weights[4] to four sums. */
KERNEL void fully_connected_s8_tap(uint32_t *s, int32_t v, const int8_t *w) {
    s[0] += (uint32_t)(v * w[0]);
    s[1] += (uint32_t)(v * w[1]);
    s[2] += (uint32_t)(v * w[2]);
    s[3] += (uint32_t)(v * w[3]);
}

/* Adds the products of x[k] and weights[k][n] to the first four of n sums. */
KERNEL void fully_connected_s8_four(uint32_t *s, const int8_t *x, const int8_t *w, int32_t n,
                                    int32_t k) {
    for (int32_t fours = k >> 2; fours > 0; fours--) {
        fully_connected_s8_tap(s, x[0], w);
        fully_connected_s8_tap(s, x[1], w + n);
        fully_connected_s8_tap(s, x[2], w + 2 * n);
        fully_connected_s8_tap(s, x[3], w + 3 * n);
        x += 4;
        w += 4 * n;
    }
    for (int32_t rest = k & 3; rest > 0; rest--) {
        fully_connected_s8_tap(s, *x++, w);
        w += n;
    }
}

#if ASCUA_ARM_32_INTEGER

/* One weight, times the input in v, to sum i. */
#define FULLY_CONNECTED_S8_ONE(i) \
    "ldrsb %[t], [%[w]], #1\n\tmla %[s" #i "], %[v], %[t], %[s" #i "]\n\t"

/* Eight weights of the next input. */
#define FULLY_CONNECTED_S8_EIGHT                                                      \
    "ldrsb %[v], [%[x]], #1\n\t" FULLY_CONNECTED_S8_ONE(0) FULLY_CONNECTED_S8_ONE(1)  \
        FULLY_CONNECTED_S8_ONE(2) FULLY_CONNECTED_S8_ONE(3) FULLY_CONNECTED_S8_ONE(4) \
            FULLY_CONNECTED_S8_ONE(5) FULLY_CONNECTED_S8_ONE(6) FULLY_CONNECTED_S8_ONE(7)

/* Adds the products of x[k] and weights[k][8]; answers for how many of k: on
   cores whose compilers do better by fours, none. */
KERNEL int32_t fully_connected_s8_fours(uint32_t *s, const int8_t *x, const int8_t *w, int32_t k) {
    int32_t fours = k >> 2, v, t;
    if (fours) {
        __asm__ volatile("1:\n\t" FULLY_CONNECTED_S8_EIGHT FULLY_CONNECTED_S8_EIGHT
                             FULLY_CONNECTED_S8_EIGHT FULLY_CONNECTED_S8_EIGHT
                         "subs %[n], %[n], #1\n\t"
                         "bne 1b"
                         : [s0] "+r"(s[0]), [s1] "+r"(s[1]), [s2] "+r"(s[2]), [s3] "+r"(s[3]),
                           [s4] "+r"(s[4]), [s5] "+r"(s[5]), [s6] "+r"(s[6]), [s7] "+r"(s[7]),
                           [x] "+r"(x), [w] "+r"(w), [n] "+r"(fours), [v] "=&r"(v), [t] "=&r"(t)
                         :
                         : "cc", "memory");
    }
    return k & ~3;
}

#else

KERNEL int32_t fully_connected_s8_fours(uint32_t *s, const int8_t *x, const int8_t *w, int32_t k) {
    (void)s, (void)x, (void)w, (void)k;
    return 0;
}

#endif

/* A sum as int8; `once` states that it is rounded once, as LiteRT does with uint8. */
KERNEL int8_t fully_connected_s8_requantize(const fully_connected_s8_t *p, int32_t once,
                                            uint32_t sum, const factor_t *f) {
    const requant_t q = {0, f->multiplier, f->shift};
    return once ? requantize_once((int32_t)sum, &q, p->zero, p->low, p->high)
                : requantize_sum(sum, &q, p->small, p->zero, p->low, p->high);
}

/* y[n], for n of 8, 4 or 1, from x[k] and weights[k][n]; `add` to each sum, `once` as above. */
KERNEL void fully_connected_s8_block(const fully_connected_s8_t *p, int32_t n, uint32_t add,
                                     int32_t once, const int8_t *x, const int8_t *w,
                                     const int32_t *b, const factor_t *f, int8_t *y) {
    uint32_t s[8];
    for (int32_t i = 0; i < n; i++) {
        s[i] = (uint32_t)b[i] + add;
    }
    if (n == 8) {
        const int32_t k = fully_connected_s8_fours(s, x, w, p->k);
        fully_connected_s8_four(s, x + k, w + 8 * k, 8, p->k - k);
        fully_connected_s8_four(s + 4, x + k, w + 8 * k + 4, 8, p->k - k);
    } else if (n == 4) {
        fully_connected_s8_four(s, x, w, 4, p->k);
    } else {
        for (int32_t k = 0; k < p->k; k++) {
            s[0] += (uint32_t)(x[k] * w[k]);
        }
    }
    for (int32_t i = 0; i < n; i++) {
        y[i] = fully_connected_s8_requantize(p, once, s[i], &f[i * p->next]);
    }
}

/* fully_connected_s8 with weights[...] + offset, each sum perhaps rounded once. */
KERNEL void fully_connected_s8_rows(const fully_connected_s8_t *p, int32_t offset, int32_t once,
                                    const int8_t *x, const int8_t *weights, const int32_t *bias,
                                    const factor_t *factors, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        uint32_t add = 0;
        if (offset) {
            int32_t sum = 0;
            for (int32_t k = 0; k < p->k; k++) {
                sum += x[k];
            }
            add = (uint32_t)sum * (uint32_t)offset;
        }
        const int8_t *w = weights;
        const int32_t *b = bias;
        const factor_t *f = factors;
        for (int32_t block = p->oc >> 3; block > 0; block--) {
            fully_connected_s8_block(p, 8, add, once, x, w, b, f, y);
            w += 8 * p->k;
            b += 8;
            f += 8 * p->next;
            y += 8;
        }
        if (p->oc & 4) {
            fully_connected_s8_block(p, 4, add, once, x, w, b, f, y);
            w += 4 * p->k;
            b += 4;
            f += 4 * p->next;
            y += 4;
        }
        for (int32_t rest = p->oc & 3; rest > 0; rest--) {
            fully_connected_s8_block(p, 1, add, once, x, w, b++, f, y++);
            w += p->k;
            f += p->next;
        }
        x += p->k;
    }
}

/* y[rows][oc] from x[rows][k], weights[oc / 8][k][8], [oc % 8 / 4][k][4] then [oc % 4][k], bias[oc]
   and factors[oc], or one factor. */
KERNEL void fully_connected_s8(const fully_connected_s8_t *p, const int8_t *x,
                               const int8_t *weights, const int32_t *bias, const factor_t *factors,
                               int8_t *y) {
    fully_connected_s8_rows(p, 0, 0, x, weights, bias, factors, y);
}

#endif
