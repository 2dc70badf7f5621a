/* How layers are read from a kmodel, checked, and executed. */
#ifndef KMODEL_LAYER_H
#define KMODEL_LAYER_H

#include "kmodel.h"
#include "kpu.h"

/* Products and sums are rounded each; GCC does so by itself in ISO C. */
#if defined __clang__
#pragma STDC FP_CONTRACT OFF
#elif defined __GNUC__ && !defined __STRICT_ANSI__
#pragma GCC optimize("fp-contract=off")
#endif

#include <stddef.h>

enum { KMODEL_PADDING = 8 };

/* The body of a layer, word by word. What is read behind its end is 0 and makes it `bad`. */
struct body {
    kmodel_t *net;
    uint32_t at, end; /* in the file */
    bool bad;
    bool only_checked;
};

enum memory { CONSTANTS, WORK, KPU_MEMORY };

/* Some bytes of a memory; `at` is NULL where they leave it. */
struct span {
    uint8_t *at;
    uint64_t bytes;
};

/* What a layer does: with `only_checked` nothing but read and check. */
typedef kmodel_status (*kmodel_layer)(struct body *body);
kmodel_layer kmodel_layer3(uint32_t type);
kmodel_layer kmodel_layer4(uint32_t type);

uint32_t kmodel_word(struct body *body);
int32_t kmodel_integer(struct body *body);
float kmodel_float(struct body *body);
/* A float that may be infinite. */
float kmodel_bound(struct body *body);
/* The next `bytes` bytes of the file; NULL, and bad, where there are fewer. */
const void *kmodel_take(struct body *body, uint64_t bytes);
/* Goes on at the next multiple of `alignment` of the file. */
void kmodel_align(struct body *body, uint32_t alignment);
/* Whether all was read that there is, and was well. */
bool kmodel_whole(struct body *body);

/* The same as a status: true where the layer is to be executed now. */
static inline bool kmodel_ready(struct body *body, kmodel_status *status) {
    *status = kmodel_whole(body) ? KMODEL_OK : KMODEL_DAMAGED;
    return *status == KMODEL_OK && !body->only_checked;
}

/* Products and sums of 64 bits, which wrap around. */
static inline int64_t kmodel_times(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a * (uint64_t)b);
}
static inline int64_t kmodel_plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* `count` elements of `size` bytes from byte `start` on, aligned to their size. */
struct span kmodel_span(struct body *body, enum memory memory, uint32_t start, uint64_t count,
                        uint32_t size);
/* Refuses spans that overlap, unless, with `in_place`, they are the same one. */
void kmodel_apart(struct body *body, struct span a, struct span b, bool in_place);
/* Refuses what does not hold. */
void kmodel_check(struct body *body, bool holds);

/* A feature map in the KPU's memory, whose lines `group` channels share. */
struct map {
    uint32_t width, height, channels;
    uint32_t group, row_lines;
};
struct map kmodel_map(uint32_t width, uint32_t height, uint32_t channels);
uint64_t kmodel_map_bytes(const struct map *map);
struct span kmodel_map_span(struct body *body, const struct map *map, uint32_t line);
/* Puts bytes there; values of a channel lie `step` bytes apart, channels `plane` bytes. */
void kmodel_upload(const struct map *map, uint8_t *to, const uint8_t *from, size_t step,
                   size_t plane);

/* The blocks of a convolution by the KPU, found and checked: `weights`, `norms`, `table` in the
 * file. `words` are its registers. */
struct convolution {
    uint64_t words[KPU_WORDS];
    struct map x, y;
    uint32_t kernel;
    bool depthwise;
};
/* Reads the twelve words, and checks that what they say goes together; `copied` where the map goes
 * to the workspace too. */
kmodel_status kmodel_registers(struct body *body, struct convolution *conv, bool copied);
uint64_t kmodel_weight_bytes(const struct convolution *conv, bool eight_bit);
bool kmodel_norms_fit(const uint64_t *norms, uint32_t count);
kmodel_status kmodel_convolve(const struct convolution *conv, const void *weights,
                              const void *norms, const void *table, struct span copied);

/* e**x as the nearest float. */
float kmodel_exp(float x);
void kmodel_exps(const float *x, float *y, size_t count);
/* exp((x - most) * beta) of each value, divided by their sum. */
void kmodel_softmax(const float *x, float *y, uint32_t count, float least, float beta);
/* The nearest byte of a whole number, halves away from zero; no number is 0. */
uint8_t kmodel_rounded_byte(float x);
uint8_t kmodel_byte(int64_t x);
/* y[i] = table[x[i]] of bytes; y may be x. */
void kmodel_look_up(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t count);
float kmodel_total(float start, const float *x, size_t count);
/* y[j] = sum of x[i] * w[j * count + i], in order. */
void kmodel_dot(const float *x, const float *w, float *y, uint32_t rows, uint32_t count);
/* Sums of (p[i] + offset) * w[i * columns + c] of the first columns, as many as it answers: at most
 * `left` and KMODEL_COLUMNS. */
enum { KMODEL_COLUMNS = 16 };
uint32_t kmodel_columns(const uint8_t *p, int64_t offset, const uint8_t *w, uint32_t inner,
                        uint32_t columns, uint32_t left, int64_t *sums);
/* Which of `size` elements lies before place `i` of `out`, and how far that is from it. */
uint32_t kmodel_before(uint32_t i, uint32_t size, uint32_t out, bool aligned, float *behind);

#endif
