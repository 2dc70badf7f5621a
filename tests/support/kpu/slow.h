/* A slow simulator of kmodel files: scalar, in 64-bit integers, one step after another as the
 * runtimes take them. Written from the specification of the formats and of the KPU alone. */
#ifndef SLOW_H
#define SLOW_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE = 64, LINES = 32768, KPU_BYTES = LINE * LINES };
enum { CONSTANT, MAIN, KPU }; /* memories, as V4 numbers them */

typedef struct {
    const uint8_t *file;
    uint64_t file_bytes;
    const uint8_t *constants; /* V4 */
    uint64_t constant_bytes;
    uint8_t *main;
    uint64_t main_bytes;
    uint8_t *kpu;
    int wide;      /* weights have 16 bits */
    int half_even; /* the rounding of activations; a segment then begins after its x_start */
    int fma;       /* float layers as the chip's compiler contracts them */
    void *blocks;  /* what is freed in the end */
    jmp_buf failed;
    char *message; /* 200 bytes */
} machine;

/* A position in a body that is read field by field. */
typedef struct {
    machine *m;
    uint64_t at, end;
} reader;

/* Where a tensor lies. V3 has no such record: its layers make them. */
typedef struct {
    uint32_t memory, dtype; /* dtype: 0 float, 1 byte */
    uint32_t start, size;   /* bytes */
} range;

/* The parameters of a KPU layer, wherever a version keeps them in its file. */
typedef struct {
    uint64_t registers, norms, activation, weights; /* bytes from the start of the file */
} blocks;

/* file.c: reading, and memories whose ends are watched */
_Noreturn void fail(machine *m, const char *format, ...);
void *block(machine *m, uint64_t bytes);
uint64_t word(machine *m, uint64_t at, int bytes);
uint32_t next_u32(reader *r);
int32_t next_i32(reader *r);
float next_f32(reader *r);
range next_range(reader *r);
uint64_t next_bytes(reader *r, uint64_t count);
const uint8_t *source(machine *m, range r, int64_t bytes);
uint8_t *target(machine *m, range r, int64_t bytes);
float f32(const uint8_t *bytes, int64_t i);
void set_f32(uint8_t *bytes, int64_t i, float value);

/* conv.c: the KPU */
uint64_t kpu_byte(int64_t line, int64_t w, int64_t h, int64_t c, int64_t y, int64_t x);
void upload(machine *m, int64_t line, const uint8_t *chw, int64_t c, int64_t h, int64_t w);
void convolve(machine *m, blocks b, range main_out);
void conv_input(machine *m, uint64_t registers, int64_t shape[4]);

/* numbers.c: the rules of arithmetic that have names */
int64_t product(machine *m, int64_t a, int64_t b);
int64_t total(machine *m, int64_t a, int64_t b);
uint8_t clip8(int64_t v);
uint8_t clip8f(float v);
int64_t shift_half_up(int64_t p, int s);
int64_t shift_half_even(int64_t p, int s);
int32_t scaled(machine *m, int64_t v, int64_t mul, int s);
float multiply_add(const machine *m, float a, float b, float c);

/* v3.c, v4.c */
void v3_layer(machine *m, uint32_t type, reader body);
void v4_layer(machine *m, uint32_t opcode, reader body);

#endif
