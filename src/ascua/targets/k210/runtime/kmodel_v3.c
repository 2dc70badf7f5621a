/* The layers of version 3, of nncase 0.1. Addresses are bytes of the workspace. */
#include "kmodel_layer.h"

#include <math.h>
#include <string.h>

enum { MOST_PIXELS = 1 << 16, MOST_PARTS = 128, MOST_SHIFT = 63, TINY = 16 };
enum activation { LINEAR, RELU, RELU6 };

#define LEAST_NORMAL 1.17549435e-38f /* from where softmax looks for a maximum */
#define LEAST_SQUARE 1e-10f

static void flags(struct body *b) {
    kmodel_check(b, kmodel_word(b) <= 1);
}

static uint32_t size(struct body *b) {
    uint32_t value = kmodel_word(b);
    kmodel_check(b, value > 0);
    return value;
}

static uint32_t pixels(struct body *b) {
    uint32_t value = size(b);
    kmodel_check(b, value <= MOST_PIXELS);
    return value;
}

static uint32_t shift(struct body *b) {
    uint32_t value = kmodel_word(b);
    kmodel_check(b, value <= MOST_SHIFT);
    return value & MOST_SHIFT;
}

static struct span floats(struct body *b, uint32_t start, uint64_t count) {
    return kmodel_span(b, WORK, start, count, sizeof(float));
}

static struct span bytes(struct body *b, uint32_t start, uint64_t count) {
    return kmodel_span(b, WORK, start, count, 1);
}

static float activated(float y, uint32_t activation) {
    if (activation == LINEAR) {
        return y;
    }
    y = y < 0 ? 0 : y;
    return activation == RELU6 && y > 6 ? 6 : y;
}

static kmodel_status add(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_z = kmodel_word(b), at_y = kmodel_word(b), n = size(b);
    struct span x = floats(b, at_x, n), z = floats(b, at_z, n), y = floats(b, at_y, n);
    kmodel_apart(b, y, x, true);
    kmodel_apart(b, y, z, true);
    if (kmodel_ready(b, &status)) {
        const float *p = (const float *)(void *)x.at, *q = (const float *)(void *)z.at;
        float *to = (float *)(void *)y.at;
        for (uint32_t i = 0; i < n; i++) {
            to[i] = p[i] + q[i];
        }
    }
    return status;
}

/* Halves up; of a negative number one down where the bit below its floor is set. */
static int64_t half_up(int64_t x, uint32_t shift) {
    int64_t last = shift > 0 ? x >> (shift - 1) & 1 : 0;
    return (x >> shift) + (x < 0 ? -last : last);
}

static kmodel_status quantized_add(struct body *b) {
    enum { TOGETHER = 8 };
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_z = kmodel_word(b), at_y = kmodel_word(b), n = size(b);
    int64_t x_offset = kmodel_integer(b), x_mul = kmodel_integer(b);
    uint32_t x_shift = shift(b);
    int64_t z_offset = kmodel_integer(b), z_mul = kmodel_integer(b);
    uint32_t z_shift = shift(b);
    int64_t y_offset = kmodel_integer(b), y_mul = kmodel_integer(b);
    uint32_t y_shift = shift(b);
    struct span x = bytes(b, at_x, n), z = bytes(b, at_z, n), y = bytes(b, at_y, n);
    kmodel_apart(b, y, x, true);
    kmodel_apart(b, y, z, true);
    if (kmodel_ready(b, &status)) {
        /* The vendor's takes eight at a time, and so writes some behind the last one. */
        uint32_t last = at_x > at_z ? at_x : at_z;
        last = last > at_y ? last : at_y;
        uint64_t count = (n + (uint64_t)TOGETHER - 1) / TOGETHER * TOGETHER;
        count = count < b->net->main_bytes - last ? count : b->net->main_bytes - last;
        for (uint64_t i = 0; i < count; i++) {
            int64_t p = (x.at[i] + x_offset) * x_mul, q = (z.at[i] + z_offset) * z_mul;
            int64_t sum = x_shift == z_shift
                              ? (int64_t)((uint64_t)p + (uint64_t)q) >> x_shift
                              : (int64_t)((uint64_t)(p >> x_shift) + (uint64_t)(q >> z_shift));
            y.at[i] = kmodel_byte(half_up(kmodel_times(sum, y_mul), y_shift) + y_offset);
        }
    }
    return status;
}

static kmodel_status global_average_pool(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), n = size(b), channels = size(b);
    struct span x = floats(b, at_x, (uint64_t)n * channels), y = floats(b, at_y, channels);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        const float *from = (const float *)(void *)x.at;
        float *to = (float *)(void *)y.at;
        for (uint32_t c = 0; c < channels; c++, from += n) {
            to[c] = kmodel_total(0, from, n) / (float)n;
        }
    }
    return status;
}

/* A window over images of the workspace. */
struct window {
    uint32_t at_x, at_y, channels;
    uint32_t in_width, in_height, out_width, out_height;
    uint32_t width, height, stride_x, stride_y, pad_x, pad_y;
};

static bool inside(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t pad) {
    return pad < kernel && (uint64_t)(out - 1) * stride < (uint64_t)in + pad;
}

static struct window window(struct body *b) {
    struct window w;
    flags(b);
    w.at_x = kmodel_word(b);
    w.at_y = kmodel_word(b);
    w.in_width = pixels(b);
    w.in_height = pixels(b);
    w.channels = pixels(b);
    w.out_width = pixels(b);
    w.out_height = pixels(b);
    kmodel_check(b, pixels(b) == w.channels);
    w.width = pixels(b);
    w.height = pixels(b);
    w.stride_x = pixels(b);
    w.stride_y = pixels(b);
    w.pad_x = kmodel_word(b);
    w.pad_y = kmodel_word(b);
    kmodel_check(b, inside(w.in_width, w.out_width, w.width, w.stride_x, w.pad_x) &&
                        inside(w.in_height, w.out_height, w.height, w.stride_y, w.pad_y));
    return w;
}

/* Where a window lies in an axis: from `first` to before `end`. */
struct reach {
    uint32_t first, end;
};

static struct reach reach(uint32_t out, uint32_t size, uint32_t kernel, uint32_t stride,
                          uint32_t pad) {
    int64_t first = (int64_t)out * stride - pad, end = first + kernel;
    return (struct reach){(uint32_t)(first < 0 ? 0 : first),
                          (uint32_t)(end > (int64_t)size ? (int64_t)size : end)};
}

static uint64_t images(uint32_t width, uint32_t height, uint32_t channels) {
    uint64_t plane = (uint64_t)width * height;
    return plane > UINT32_MAX ? UINT64_MAX >> 8 : plane * channels;
}

static kmodel_status average_pool(struct body *b) {
    kmodel_status status;
    const struct window w = window(b);
    uint32_t act = kmodel_word(b);
    kmodel_check(b, act <= RELU6);
    struct span x = floats(b, w.at_x, images(w.in_width, w.in_height, w.channels));
    struct span y = floats(b, w.at_y, images(w.out_width, w.out_height, w.channels));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    const float *image = (const float *)(void *)x.at;
    float *to = (float *)(void *)y.at;
    for (uint32_t c = 0; c < w.channels; c++, image += (size_t)w.in_width * w.in_height) {
        for (uint32_t oy = 0; oy < w.out_height; oy++) {
            struct reach rows = reach(oy, w.in_height, w.height, w.stride_y, w.pad_y);
            for (uint32_t ox = 0; ox < w.out_width; ox++) {
                struct reach columns = reach(ox, w.in_width, w.width, w.stride_x, w.pad_x);
                float sum = 0;
                for (uint32_t iy = rows.first; iy < rows.end; iy++) {
                    for (uint32_t ix = columns.first; ix < columns.end; ix++) {
                        sum += image[(size_t)iy * w.in_width + ix];
                    }
                }
                uint32_t taps = (rows.end - rows.first) * (columns.end - columns.first);
                *to++ = activated(sum / (float)taps, act);
            }
        }
    }
    return status;
}

static kmodel_status quantized_max_pool(struct body *b) {
    kmodel_status status;
    const struct window w = window(b);
    struct span x = bytes(b, w.at_x, images(w.in_width, w.in_height, w.channels));
    struct span y = bytes(b, w.at_y, images(w.out_width, w.out_height, w.channels));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    const uint8_t *image = x.at;
    uint8_t *to = y.at;
    for (uint32_t c = 0; c < w.channels; c++, image += (size_t)w.in_width * w.in_height) {
        for (uint32_t oy = 0; oy < w.out_height; oy++) {
            struct reach rows = reach(oy, w.in_height, w.height, w.stride_y, w.pad_y);
            for (uint32_t ox = 0; ox < w.out_width; ox++) {
                struct reach columns = reach(ox, w.in_width, w.width, w.stride_x, w.pad_x);
                uint8_t most = 0;
                for (uint32_t iy = rows.first; iy < rows.end; iy++) {
                    for (uint32_t ix = columns.first; ix < columns.end; ix++) {
                        uint8_t v = image[(size_t)iy * w.in_width + ix];
                        most = v > most ? v : most;
                    }
                }
                *to++ = most;
            }
        }
    }
    return status;
}

static kmodel_status unsupported(struct body *b) {
    (void)b;
    return KMODEL_UNSUPPORTED;
}

static kmodel_status quantize(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), n = size(b);
    float scale = kmodel_float(b), bias = kmodel_float(b);
    kmodel_check(b, scale != 0);
    struct span x = floats(b, at_x, n), y = bytes(b, at_y, n);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        const float *from = (const float *)(void *)x.at;
        float inverse = 1 / scale;
        for (uint32_t i = 0; i < n; i++) {
            y.at[i] = kmodel_rounded_byte((from[i] - bias) * inverse);
        }
    }
    return status;
}

static kmodel_status dequantize(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), n = size(b);
    float scale = kmodel_float(b), bias = kmodel_float(b);
    struct span x = bytes(b, at_x, n), y = floats(b, at_y, n);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        float *to = (float *)(void *)y.at;
        for (uint32_t i = 0; i < n; i++) {
            to[i] = (float)x.at[i] * scale + bias;
        }
    }
    return status;
}

static kmodel_status channelwise_dequantize(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), channels = size(b), each = size(b);
    const float *scale_bias = kmodel_take(b, 8 * (uint64_t)channels);
    uint64_t n = (uint64_t)channels * each;
    struct span x = bytes(b, at_x, n), y = floats(b, at_y, n);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        const uint8_t *from = x.at;
        float *to = (float *)(void *)y.at;
        for (uint32_t c = 0; c < channels; c++) {
            for (uint32_t i = 0; i < each; i++) {
                *to++ = (float)*from++ * scale_bias[2 * c] + scale_bias[2 * c + 1];
            }
        }
    }
    return status;
}

static kmodel_status requantize(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), n = size(b);
    const uint8_t *table = kmodel_take(b, UINT8_MAX + 1);
    struct span x = bytes(b, at_x, n), y = bytes(b, at_y, n);
    kmodel_apart(b, y, x, true);
    if (kmodel_ready(b, &status)) {
        kmodel_look_up(table, x.at, y.at, n);
    }
    return status;
}

/* A function of a vector of floats. */
static kmodel_status of_channels(struct body *b,
                                 void (*function)(const float *x, float *y, uint32_t n)) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), n = size(b);
    struct span x = floats(b, at_x, n), y = floats(b, at_y, n);
    kmodel_apart(b, y, x, true);
    if (kmodel_ready(b, &status)) {
        function((const float *)(void *)x.at, (float *)(void *)y.at, n);
    }
    return status;
}

static void normalize(const float *x, float *y, uint32_t n) {
    float square = 0;
    for (uint32_t i = 0; i < n; i++) {
        square += x[i] * x[i];
    }
    float inverse = 1 / sqrtf(square < LEAST_SQUARE ? LEAST_SQUARE : square);
    for (uint32_t i = 0; i < n; i++) {
        y[i] = x[i] * inverse;
    }
}

static void soften(const float *x, float *y, uint32_t n) {
    kmodel_softmax(x, y, n, LEAST_NORMAL, 1);
}

static void logistic_of(const float *x, float *y, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        y[i] = 1 / (1 + kmodel_exp(-x[i]));
    }
}

static kmodel_status l2_normalization(struct body *b) {
    return of_channels(b, normalize);
}

static kmodel_status softmax(struct body *b) {
    return of_channels(b, soften);
}

static kmodel_status logistic(struct body *b) {
    return of_channels(b, logistic_of);
}

static kmodel_status concat(struct body *b, uint32_t unit) {
    kmodel_status status;
    flags(b);
    uint32_t out = kmodel_word(b), parts = kmodel_word(b);
    kmodel_check(b, parts > 0 && parts <= MOST_PARTS);
    const uint32_t *said = kmodel_take(b, 8 * (uint64_t)parts);
    uint64_t total = 0;
    for (uint32_t i = 0; said != NULL && i < parts; i++) {
        total += said[2 * i + 1];
        kmodel_check(b, said[2 * i + 1] % unit == 0);
    }
    struct span y = kmodel_span(b, WORK, out, total / unit, unit);
    uint8_t *to = y.at;
    for (uint32_t i = 0; !b->bad && i < parts; i++) {
        struct span x = kmodel_span(b, WORK, said[2 * i], said[2 * i + 1] / unit, unit);
        kmodel_apart(b, y, x, false);
        if (!b->bad && !b->only_checked) {
            memcpy(to, x.at, x.bytes);
            to += x.bytes;
        }
    }
    kmodel_ready(b, &status);
    return status;
}

static kmodel_status float_concat(struct body *b) {
    return concat(b, sizeof(float));
}

static kmodel_status quantized_concat(struct body *b) {
    return concat(b, 1);
}

static kmodel_status fully_connected(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), in = size(b), out = size(b);
    uint32_t act = kmodel_word(b);
    kmodel_check(b, act <= RELU6);
    uint64_t taken = (uint64_t)in * out;
    const float *weights = kmodel_take(b, taken > UINT32_MAX ? UINT64_MAX : 4 * taken);
    const float *bias = kmodel_take(b, 4 * (uint64_t)out);
    struct span x = floats(b, at_x, in), y = floats(b, at_y, out);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        float *to = (float *)(void *)y.at;
        kmodel_dot((const float *)(void *)x.at, weights, to, out, in);
        for (uint32_t i = 0; i < out; i++) {
            to[i] = activated(to[i] + bias[i], act);
        }
    }
    return status;
}

static kmodel_status flatten(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b);
    uint32_t width = pixels(b), height = pixels(b), channels = pixels(b);
    uint64_t n = images(width, height, channels);
    struct span x = floats(b, at_x, n), y = floats(b, at_y, n);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        const float *from = (const float *)(void *)x.at;
        for (uint32_t c = 0; c < channels; c++) {
            float *to = (float *)(void *)y.at + c;
            for (uint64_t i = 0; i < n / channels; i++, to += channels) {
                *to = *from++;
            }
        }
    }
    return status;
}

static kmodel_status resize(struct body *b, uint32_t unit) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), width = pixels(b), height = pixels(b);
    uint32_t channels = pixels(b), out_width = pixels(b), out_height = pixels(b);
    uint32_t aligned = kmodel_word(b);
    kmodel_check(b, aligned <= 1);
    struct span x = kmodel_span(b, WORK, at_x, images(width, height, channels), unit);
    struct span y = kmodel_span(b, WORK, at_y, images(out_width, out_height, channels), unit);
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    const uint8_t *image = x.at;
    uint8_t *to = y.at;
    float behind;
    for (uint32_t c = 0; c < channels; c++, image += (size_t)width * height * unit) {
        for (uint32_t oy = 0; oy < out_height; oy++) {
            size_t row = kmodel_before(oy, height, out_height, aligned, &behind);
            for (uint32_t ox = 0; ox < out_width; ox++, to += unit) {
                size_t column = kmodel_before(ox, width, out_width, aligned, &behind);
                memcpy(to, image + (row * width + column) * unit, unit);
            }
        }
    }
    return status;
}

static kmodel_status float_resize(struct body *b) {
    return resize(b, sizeof(float));
}

static kmodel_status quantized_resize(struct body *b) {
    return resize(b, 1);
}

/* Whether the file says that a block is where the body has come to. */
static void here(struct body *b, uint32_t said, uint32_t alignment) {
    kmodel_align(b, alignment);
    kmodel_check(b, said == b->at);
}

static kmodel_status convolve(struct body *b) {
    enum { WORDS_ALIGN = 8, BLOCK_ALIGN = 128, TABLE_ALIGN = 256, TABLE_BYTES = 144 };
    bool eight_bit = b->net->eight_bit;
    uint32_t copied = kmodel_word(b), main_out = kmodel_word(b);
    kmodel_check(b, copied <= 1);
    uint32_t words_at = kmodel_word(b), weights_at = kmodel_word(b);
    uint32_t norms_at = kmodel_word(b), table_at = kmodel_word(b);
    here(b, words_at, WORDS_ALIGN);
    struct convolution conv;
    kmodel_status status = kmodel_registers(b, &conv, copied);
    if (status == KMODEL_DAMAGED) {
        return status;
    }
    if (b->only_checked) {
        uint64_t addresses = conv.words[4] >> 32 | conv.words[5] >> 32 | conv.words[7] >> 32;
        kmodel_check(b, addresses == 0);
    }
    here(b, weights_at, BLOCK_ALIGN);
    const void *weights = kmodel_take(b, kmodel_weight_bytes(&conv, eight_bit));
    here(b, norms_at, BLOCK_ALIGN);
    const uint64_t *norms = kmodel_take(b, 8 * (uint64_t)conv.y.channels);
    here(b, table_at, TABLE_ALIGN);
    const void *table = kmodel_take(b, TABLE_BYTES);
    kmodel_align(b, b->end - b->at < KMODEL_PADDING ? 1 : KMODEL_PADDING);
    if (b->only_checked && norms != NULL) {
        kmodel_check(b, kmodel_norms_fit(norms, conv.y.channels));
    }
    uint64_t source = conv.words[1] & 0x7fff, target = conv.words[1] >> 32 & 0x7fff;
    struct span x = kmodel_map_span(b, &conv.x, (uint32_t)source);
    struct span y = kmodel_map_span(b, &conv.y, (uint32_t)target), to = {0};
    kmodel_apart(b, y, x, false);
    if (copied) {
        to = bytes(b, main_out, images(conv.y.width, conv.y.height, conv.y.channels));
    }
    kmodel_status whole;
    if (!kmodel_ready(b, &whole)) {
        return whole == KMODEL_OK ? status : whole;
    }
    return kmodel_convolve(&conv, weights, norms, table, to);
}

/* Of each channel, a byte at the first pixel of a map of 4 x 4. */
static kmodel_status add_padding(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), line = kmodel_word(b), channels = size(b);
    const struct map map = kmodel_map(4, 4, channels);
    struct span x = bytes(b, at_x, channels), y = kmodel_map_span(b, &map, line);
    if (kmodel_ready(b, &status)) {
        for (uint32_t c = 0; c < channels; c++) {
            y.at[(size_t)(c / 4) * 4 * KPU_LINE + c % 4 * TINY] = x.at[c];
        }
    }
    return status;
}

static kmodel_status remove_padding(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), at_y = kmodel_word(b), channels = size(b);
    struct span x = bytes(b, at_x, TINY * (uint64_t)channels), y = bytes(b, at_y, channels);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        for (uint32_t c = 0; c < channels; c++) {
            y.at[c] = x.at[(size_t)TINY * c];
        }
    }
    return status;
}

static kmodel_status upload(struct body *b) {
    kmodel_status status;
    flags(b);
    uint32_t at_x = kmodel_word(b), line = kmodel_word(b);
    uint32_t width = pixels(b), height = pixels(b), channels = pixels(b);
    const struct map map = kmodel_map(width, height, channels);
    struct span x = bytes(b, at_x, images(width, height, channels));
    struct span y = kmodel_map_span(b, &map, line);
    if (kmodel_ready(b, &status)) {
        kmodel_upload(&map, y.at, x.at, 1, (size_t)width * height);
    }
    return status;
}

kmodel_layer kmodel_layer3(uint32_t type) {
    static const kmodel_layer LAYERS[] = {
        [1] = add,
        [2] = quantized_add,
        [5] = global_average_pool,
        [7] = unsupported,
        [8] = quantized_max_pool,
        [9] = average_pool,
        [11] = quantize,
        [12] = dequantize,
        [13] = requantize,
        [14] = l2_normalization,
        [15] = softmax,
        [16] = float_concat,
        [17] = quantized_concat,
        [18] = fully_connected,
        [20] = flatten,
        [22] = float_resize,
        [23] = quantized_resize,
        [24] = channelwise_dequantize,
        [25] = logistic,
    };
    static const kmodel_layer KPU[] = {convolve, add_padding, remove_padding, upload};
    enum { FIRST_OF_KPU = 10240 };
    if (type - FIRST_OF_KPU < sizeof KPU / sizeof *KPU) {
        return KPU[type - FIRST_OF_KPU];
    }
    return type < sizeof LAYERS / sizeof *LAYERS ? LAYERS[type] : NULL;
}
