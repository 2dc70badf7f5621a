/* What the operators of version 4 share, and which files have them. */
#ifndef V4_H
#define V4_H

#include "slow.h"

typedef struct {
    int64_t n[4];
} shape;

shape next_shape(reader *r);
int64_t volume(shape s);
int64_t width(range r);
/* Elements of a range. */
const uint8_t *elements(machine *m, range r, int64_t count);
uint8_t *written(machine *m, range r, int64_t count);
/* Place i of `whole` as coordinates. */
void unravel(int64_t i, shape whole, int64_t at[4]);
/* Where coordinates lie in `part`, whose sides of 1 stand for any. */
int64_t ravel(const int64_t at[4], shape part);
float clamped(float v, float low, float high);
float reduced(machine *m, uint32_t op, float sum, float v);

/* v4_numbers.c */
void binary(reader *r);
void quantized_binary(reader *r);
void dequantize(reader *r);
void quantize(reader *r);
void matmul(reader *r);
void quantized_matmul(reader *r);
void reduce(reader *r);
void softmax(reader *r);
void unary(reader *r);

/* v4_windows.c */
void conv2d(reader *r, int quantized);
void conv2d_transpose(reader *r);
void reduce_window2d(reader *r);
void resize_image(reader *r);

/* v4_moves.c */
void concat(reader *r);
void memory_copy(reader *r);
void pad(reader *r);
void transpose(reader *r);
void strided_slice(reader *r);
void table_lookup1d(reader *r);

#endif
