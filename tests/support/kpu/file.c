/* Reads kmodel files, and runs them: headers, memories, inputs, layers, outputs. */
#include "slow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fail(machine *m, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m->message, 200, format, arguments);
    va_end(arguments);
    longjmp(m->failed, 1);
}

/* Bytes, zeros at first, that are freed when the run ends, however it does. */
void *block(machine *m, uint64_t bytes) {
    void **start = bytes > (64u << 20) ? NULL : calloc(1, (size_t)bytes + 2 * sizeof(void *));
    if (start == NULL)
        fail(m, "%llu bytes are too many", (unsigned long long)bytes);
    *start = m->blocks;
    m->blocks = start;
    return start + 2;
}

uint64_t word(machine *m, uint64_t at, int bytes) {
    if (at > m->file_bytes || m->file_bytes - at < (uint64_t)bytes)
        fail(m, "the file ends before byte %llu", (unsigned long long)(at + (uint64_t)bytes));
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | m->file[at + (uint64_t)i];
    return value;
}

uint64_t next_bytes(reader *r, uint64_t count) {
    if (r->at > r->end || r->end - r->at < count)
        fail(r->m, "a body is too short");
    r->at += count;
    return r->at - count;
}

uint32_t next_u32(reader *r) {
    return (uint32_t)word(r->m, next_bytes(r, 4), 4);
}

int32_t next_i32(reader *r) {
    return (int32_t)next_u32(r);
}

float next_f32(reader *r) {
    uint32_t bits = next_u32(r);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

range next_range(reader *r) {
    range y = {0};
    y.memory = next_u32(r);
    y.dtype = next_u32(r);
    y.start = next_u32(r);
    y.size = next_u32(r);
    return y;
}

/* Where the first `bytes` of a range are read. */
const uint8_t *source(machine *m, range r, int64_t bytes) {
    const uint8_t *memories[] = {m->constants, m->main, m->kpu};
    const uint64_t sizes[] = {m->constant_bytes, m->main_bytes, KPU_BYTES};
    if (r.memory > KPU)
        fail(m, "memory %u", r.memory);
    if (bytes < 0 || (uint64_t)bytes > r.size)
        fail(m, "%lld bytes of a range of %u", (long long)bytes, r.size);
    if ((uint64_t)r.start + (uint64_t)bytes > sizes[r.memory])
        fail(m, "bytes %u+%lld of memory %u", r.start, (long long)bytes, r.memory);
    return memories[r.memory] + r.start;
}

uint8_t *target(machine *m, range r, int64_t bytes) {
    if (r.memory == CONSTANT)
        fail(m, "constants are not written");
    return (uint8_t *)source(m, r, bytes);
}

float f32(const uint8_t *bytes, int64_t i) {
    float value;
    memcpy(&value, bytes + 4 * i, 4);
    return value;
}

void set_f32(uint8_t *bytes, int64_t i, float value) {
    memcpy(bytes + 4 * i, &value, 4);
}

typedef void (*output_of)(int index, const uint8_t *bytes, uint64_t count);
typedef void (*state_of)(int layer, uint32_t type, const uint8_t *kpu, const uint8_t *main,
                         uint64_t main_bytes);

/* What is asked for: the file, its inputs one after another, the switches, and who listens. */
typedef struct {
    const uint8_t *file;
    uint64_t file_bytes;
    const uint8_t *inputs;
    uint64_t input_bytes;
    int half_even; /* -1: as the file's version has it */
    int fma;
    int fill; /* what memories hold before the run */
    output_of output;
    state_of state; /* NULL: nobody asks */
} request;

static void memories(machine *m, uint64_t main_bytes, int fill) {
    m->main_bytes = main_bytes;
    m->main = block(m, main_bytes);
    m->kpu = block(m, KPU_BYTES);
    memset(m->main, fill, main_bytes);
    memset(m->kpu, fill, KPU_BYTES);
}

static const uint8_t *take(machine *m, const request *q, uint64_t *taken, int64_t bytes) {
    if (bytes < 0 || q->input_bytes - *taken < (uint64_t)bytes)
        fail(m, "the input is too short");
    *taken += (uint64_t)bytes;
    return q->inputs + *taken - bytes;
}

/* Layer headers at `at`, their bodies behind them. */
static void layers(machine *m, const request *q, uint32_t count, uint64_t at,
                   void (*layer)(machine *, uint32_t, reader)) {
    uint64_t body = at + 8 * (uint64_t)count;
    for (uint32_t i = 0; i < count; i++, at += 8) {
        uint32_t type = (uint32_t)word(m, at, 4);
        uint64_t end = body + word(m, at + 4, 4);
        layer(m, type, (reader){m, body, end});
        if (q->state)
            q->state((int)i, type, m->kpu, m->main, m->main_bytes);
        body = end;
    }
}

static uint64_t v3_input(machine *m, const request *q, uint64_t headers, uint64_t body) {
    uint64_t taken = 0;
    uint32_t first = (uint32_t)word(m, headers, 4);
    if (first == 10240) {
        int64_t shape[4]; /* line, c, h, w */
        conv_input(m, word(m, body + 8, 4), shape);
        int64_t bytes = shape[1] * shape[2] * shape[3];
        upload(m, shape[0], take(m, q, &taken, bytes), shape[1], shape[2], shape[3]);
    } else if (first == 18) {
        range x = {MAIN, 0, (uint32_t)word(m, body + 4, 4), UINT32_MAX};
        int64_t bytes = 4 * (int64_t)word(m, body + 12, 4);
        uint8_t *at = target(m, x, bytes);
        memcpy(at, take(m, q, &taken, bytes), (size_t)bytes);
    } else {
        fail(m, "the first layer has type %u", first);
    }
    return taken;
}

static void v3(machine *m, const request *q) {
    uint32_t count = (uint32_t)word(m, 12, 4), outputs = (uint32_t)word(m, 24, 4);
    uint64_t headers = 28 + 8 * (uint64_t)outputs;
    m->wide = !(word(m, 4, 4) & 1);
    memories(m, word(m, 20, 4), q->fill);
    if (v3_input(m, q, headers, headers + 8 * (uint64_t)count) != q->input_bytes)
        fail(m, "the input is too long");
    layers(m, q, count, headers, v3_layer);
    for (uint32_t i = 0; i < outputs; i++) {
        range y = {MAIN, 0, (uint32_t)word(m, 28 + 8 * (uint64_t)i, 4), UINT32_MAX};
        uint64_t bytes = word(m, 32 + 8 * (uint64_t)i, 4);
        q->output((int)i, source(m, y, (int64_t)bytes), bytes);
    }
}

static void v4_input(machine *m, const request *q, range x, const int64_t s[4], uint64_t *taken) {
    int64_t bytes = s[0] * s[1] * s[2] * s[3] * (x.dtype ? 1 : 4);
    const uint8_t *from = take(m, q, taken, bytes);
    if (x.memory == KPU) {
        if (x.start % LINE || s[0] != 1 || !x.dtype)
            fail(m, "an input that the KPU has not");
        upload(m, x.start / LINE, from, s[1], s[2], s[3]);
    } else {
        memcpy(target(m, x, bytes), from, (size_t)bytes);
    }
}

static void v4(machine *m, const request *q) {
    uint32_t nodes = (uint32_t)word(m, 24, 4), inputs = (uint32_t)word(m, 28, 4);
    uint32_t outputs = (uint32_t)word(m, 32, 4);
    reader ranges = {m, 40, m->file_bytes};
    reader shapes = {m, 40 + 16 * (uint64_t)inputs, m->file_bytes};
    reader ends = {m, 40 + 32 * (uint64_t)inputs, m->file_bytes};
    uint64_t constants = ends.at + 16 * (uint64_t)outputs, taken = 0;
    m->constant_bytes = word(m, 16, 4);
    next_bytes(&(reader){m, constants, m->file_bytes}, m->constant_bytes);
    m->constants = m->file + constants;
    memories(m, word(m, 20, 4), q->fill);
    for (uint32_t i = 0; i < inputs; i++) {
        range x = next_range(&ranges);
        int64_t shape[4];
        for (int k = 0; k < 4; k++)
            shape[k] = next_i32(&shapes);
        v4_input(m, q, x, shape, &taken);
    }
    if (taken != q->input_bytes)
        fail(m, "the input is too long");
    layers(m, q, nodes, constants + m->constant_bytes, v4_layer);
    for (uint32_t i = 0; i < outputs; i++) {
        range y = next_range(&ends);
        q->output((int)i, source(m, y, y.size), y.size);
    }
}

/* Answers 0, or 1 with the reason in `message` (200 bytes). */
int slow_run(const request *q, char *message) {
    machine *m = calloc(1, sizeof *m);
    if (m == NULL)
        return 1;
    m->file = q->file;
    m->file_bytes = q->file_bytes;
    m->fma = q->fma;
    m->message = message;
    volatile int failed = 1;
    if (setjmp(m->failed) == 0) {
        int version = word(m, 0, 4) == 3                                  ? 3
                      : word(m, 0, 4) == 0x4B4D444C && word(m, 4, 4) == 4 ? 4
                                                                          : 0;
        m->half_even = q->half_even < 0 ? version == 4 : q->half_even;
        if (version == 0)
            fail(m, "no kmodel of version 3 or 4");
        if (version == 3)
            v3(m, q);
        if (version == 4)
            v4(m, q);
        failed = 0;
    }
    while (m->blocks != NULL) {
        void *next = *(void **)m->blocks;
        free(m->blocks);
        m->blocks = next;
    }
    free(m);
    return failed;
}
