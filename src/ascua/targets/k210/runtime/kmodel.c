/* Opens kmodels, and walks through their layers. */
#include "kmodel_layer.h"

#include <math.h>
#include <string.h>

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "kmodels are little-endian, and are read as they lie in memory"
#endif

enum {
    MARK4 = 0x4b4d444c, /* "LDMK" */
    HEADER3 = 28,
    HEADER4 = 40,
    MOST_LAYERS = 4096,
    MOST_PORTS = 64,
    RANGE = 16,
    SHAPE = 16,
    CONV3 = 10240,
    DENSE3 = 18,
};

static uint32_t word_at(const kmodel_t *net, uint32_t at) {
    uint32_t word;
    memcpy(&word, net->file + at, sizeof word);
    return word;
}

const char *kmodel_said(kmodel_status status) {
    static const char *const WORDS[] = {
        "ok",
        "no kmodel",
        "a kmodel of another version, or for another chip",
        "a damaged kmodel",
        "a kmodel with a layer that is not executed",
        "the file or the workspace is not aligned",
        "the workspace is too small",
        "there is no such input or output",
        "the KPU does not answer",
    };
    return (unsigned)status < sizeof WORDS / sizeof *WORDS ? WORDS[status] : "?";
}

void kmodel_check(struct body *body, bool holds) {
    body->bad = body->bad || !holds;
}

const void *kmodel_take(struct body *body, uint64_t bytes) {
    if (body->bad || bytes > body->end - body->at) {
        body->bad = true;
        return NULL;
    }
    const uint8_t *taken = body->net->file + body->at;
    body->at += (uint32_t)bytes;
    return taken;
}

uint32_t kmodel_word(struct body *body) {
    uint32_t word = 0;
    const void *from = kmodel_take(body, sizeof word);
    if (from != NULL) {
        memcpy(&word, from, sizeof word);
    }
    return word;
}

int32_t kmodel_integer(struct body *body) {
    uint32_t word = kmodel_word(body);
    int32_t value;
    memcpy(&value, &word, sizeof value);
    return value;
}

float kmodel_bound(struct body *body) {
    uint32_t word = kmodel_word(body);
    float value;
    memcpy(&value, &word, sizeof value);
    kmodel_check(body, !isnan(value));
    return value;
}

float kmodel_float(struct body *body) {
    float value = kmodel_bound(body);
    kmodel_check(body, !isinf(value));
    return value;
}

void kmodel_align(struct body *body, uint32_t alignment) {
    uint32_t gap = -body->at & (alignment - 1);
    const uint8_t *zeros = kmodel_take(body, gap);
    for (uint32_t i = 0; body->only_checked && zeros != NULL && i < gap; i++) {
        kmodel_check(body, zeros[i] == 0);
    }
}

bool kmodel_whole(struct body *body) {
    if (body->end - body->at < KMODEL_PADDING) {
        kmodel_take(body, body->end - body->at);
    }
    return !body->bad && body->at == body->end;
}

struct span kmodel_span(struct body *body, enum memory memory, uint32_t start, uint64_t count,
                        uint32_t size) {
    kmodel_t *net = body->net;
    uint64_t sizes[] = {net->constant_bytes, net->main_bytes, KPU_RAM_BYTES};
    struct span span = {NULL, count * size};
    bool inside = count > 0 && count <= UINT32_MAX && start <= sizes[memory] &&
                  span.bytes <= sizes[memory] - start && start % size == 0;
    kmodel_check(body, inside);
    if (!body->bad) {
        /* Constants are only read: nothing writes through a span of theirs. */
        uint8_t *first[] = {(uint8_t *)(uintptr_t)net->constants, net->work, kpu_ram()};
        span.at = first[memory] + start;
    }
    return span;
}

void kmodel_apart(struct body *body, struct span a, struct span b, bool in_place) {
    if (a.at != NULL && b.at != NULL && a.at < b.at + b.bytes && b.at < a.at + a.bytes) {
        kmodel_check(body, in_place && a.at == b.at && a.bytes == b.bytes);
    }
}

/* What an input is, and where. */
struct port {
    kmodel_shape shape;
    uint32_t memory, start;
};

/* An input's port; its `count` is 0 where the file contradicts itself. */
static struct port input_of(const kmodel_t *net, uint32_t input) {
    struct port port = {0};
    uint32_t n = 1, bytes = 0;
    if (net->version == 4) {
        uint32_t at = HEADER4 + input * RANGE;
        port.memory = word_at(net, at);
        port.shape.type = word_at(net, at + 4) == 0 ? KMODEL_FLOAT : KMODEL_BYTE;
        bool known = port.memory <= KPU_MEMORY && word_at(net, at + 4) <= 1;
        port.start = word_at(net, at + 8);
        bytes = word_at(net, at + 12);
        at = HEADER4 + net->inputs * RANGE + input * SHAPE;
        n = word_at(net, at);
        port.shape.channels = word_at(net, at + 4);
        port.shape.height = word_at(net, at + 8);
        port.shape.width = word_at(net, at + 12);
        if (!known || port.memory == CONSTANTS) {
            return (struct port){0};
        }
    } else {
        uint32_t body = HEADER3 + 8 * net->outputs + 8 * net->layers;
        if (word_at(net, body - 8 * net->layers) == CONV3) {
            uint32_t words = word_at(net, body + 8);
            port.memory = KPU_MEMORY;
            port.shape.type = KMODEL_BYTE;
            port.start = KPU_LINE * (word_at(net, words + 8) & 0x7fff);
            port.shape.channels = (word_at(net, words + 16) & 0x3ff) + 1;
            port.shape.width = (word_at(net, words + 24) & 0x3ff) + 1;
            port.shape.height = (word_at(net, words + 24) >> 10 & 0x1ff) + 1;
            struct map map = kmodel_map(port.shape.width, port.shape.height, port.shape.channels);
            bytes = (uint32_t)kmodel_map_bytes(&map);
        } else {
            port.memory = WORK;
            port.shape.type = KMODEL_FLOAT;
            port.start = word_at(net, body + 4);
            port.shape.channels = word_at(net, body + 12);
            port.shape.width = port.shape.height = 1;
            bytes = 4 * port.shape.channels;
        }
    }
    kmodel_shape *s = &port.shape;
    uint64_t size = s->type == KMODEL_FLOAT ? 4 : 1;
    if (n != 1 || s->channels > UINT16_MAX + 1 || s->height > UINT16_MAX || s->width > UINT16_MAX) {
        return (struct port){0};
    }
    uint64_t count = (uint64_t)s->channels * s->height * s->width, taken = count * size;
    if (port.memory == KPU_MEMORY) {
        struct map map = kmodel_map(s->width, s->height, s->channels);
        taken = count == 0 ? 0 : kmodel_map_bytes(&map);
    }
    uint64_t room = port.memory == KPU_MEMORY ? KPU_RAM_BYTES : net->main_bytes;
    uint32_t unit = port.memory == KPU_MEMORY ? KPU_LINE : (uint32_t)size;
    bool fits = taken == bytes && taken > 0 && port.start <= room && taken <= room - port.start &&
                port.start % unit == 0 && (port.memory == WORK || s->type == KMODEL_BYTE);
    s->count = fits ? (uint32_t)count : 0;
    return port;
}

/* An output's port; its `count` is 0 where it is not all in the workspace. */
static struct port output_of(const kmodel_t *net, uint32_t output) {
    struct port port = {.memory = WORK};
    uint32_t bytes, type = 0;
    if (net->version == 4) {
        uint32_t at = HEADER4 + net->inputs * (RANGE + SHAPE) + output * RANGE;
        port.memory = word_at(net, at);
        type = word_at(net, at + 4);
        port.start = word_at(net, at + 8);
        bytes = word_at(net, at + 12);
    } else {
        uint32_t at = HEADER3 + 8 * output;
        port.start = word_at(net, at);
        bytes = word_at(net, at + 4);
    }
    uint32_t size = type == 0 ? 4 : 1;
    port.shape.type = type == 0 ? KMODEL_FLOAT : KMODEL_BYTE;
    bool fits = port.memory == WORK && type <= 1 && port.start <= net->main_bytes &&
                bytes <= net->main_bytes - port.start && port.start % size == 0 &&
                bytes % size == 0;
    port.shape.count = fits ? bytes / size : 0;
    return port;
}

/* Reads the header, as far as the layers' headers. */
static kmodel_status header(kmodel_t *net) {
    if (net->bytes < 8) {
        return KMODEL_NOT_ONE;
    }
    uint32_t first = word_at(net, 0);
    bool four = first == MARK4;
    if (!four && first != 3) {
        return first == 1 || first == 2 || first == 4 || first == 5 ? KMODEL_VERSION
                                                                    : KMODEL_NOT_ONE;
    }
    if (four && word_at(net, 4) != 4) {
        return KMODEL_VERSION;
    }
    if (net->bytes < (four ? HEADER4 : HEADER3)) {
        return KMODEL_DAMAGED;
    }
    uint64_t end;
    net->version = four ? 4 : 3;
    if (four) {
        if (word_at(net, 8) != 0 || word_at(net, 12) != 1) {
            return KMODEL_VERSION;
        }
        net->eight_bit = true;
        net->constant_bytes = word_at(net, 16);
        net->main_bytes = word_at(net, 20);
        net->layers = word_at(net, 24);
        net->inputs = word_at(net, 28);
        net->outputs = word_at(net, 32);
    } else {
        if (word_at(net, 4) > 1) {
            return KMODEL_DAMAGED;
        }
        if (word_at(net, 8) != 0) {
            return KMODEL_VERSION;
        }
        net->eight_bit = word_at(net, 4) == 1;
        net->constant_bytes = 0;
        net->layers = word_at(net, 12);
        net->main_bytes = word_at(net, 20);
        net->inputs = 1;
        net->outputs = word_at(net, 24);
    }
    if (net->layers == 0 || net->layers > MOST_LAYERS || net->inputs == 0 ||
        net->inputs > MOST_PORTS || net->outputs == 0 || net->outputs > MOST_PORTS) {
        return KMODEL_DAMAGED;
    }
    if (four) {
        end = HEADER4 + (uint64_t)net->inputs * (RANGE + SHAPE) + net->outputs * RANGE;
        net->constants = net->file + end;
        end += net->constant_bytes;
    } else {
        end = HEADER3 + 8 * (uint64_t)net->outputs;
        net->constants = net->file;
    }
    if (end + 8 * (uint64_t)net->layers > net->bytes || end % 4 != 0) {
        return KMODEL_DAMAGED;
    }
    return KMODEL_OK;
}

/* Where the layers' headers begin. */
static uint32_t headers_of(const kmodel_t *net) {
    return net->version == 4 ? HEADER4 + net->inputs * (RANGE + SHAPE) + net->outputs * RANGE +
                                   net->constant_bytes
                             : HEADER3 + 8 * net->outputs;
}

/* Words of eight bytes, as the DMA writes them. */
static uint64_t whole_words(uint32_t bytes) {
    return ((uint64_t)bytes + 7) / 8 * 8;
}

uint32_t kmodel_work_bytes(const void *file, uint32_t bytes) {
    kmodel_t net = {.file = file, .bytes = bytes};
    uint64_t needed = header(&net) == KMODEL_OK ? whole_words(net.main_bytes) : 0;
    return needed > UINT32_MAX ? UINT32_MAX : (uint32_t)needed;
}

/* Reads, checks and, unless it is `only_checked`, executes the next layer. */
static kmodel_status next(kmodel_t *net, bool only_checked) {
    uint32_t at = headers_of(net) + 8 * net->layer;
    uint32_t type = word_at(net, at), size = word_at(net, at + 4);
    bool last = net->layer + 1 == net->layers;
    uint64_t end = (uint64_t)net->at + size;
    if (only_checked) {
        uint64_t missing = end > net->bytes ? end - net->bytes : 0;
        /* Compilers may leave out the padding behind the last layer. */
        if (net->at % 4 != 0 || end % KMODEL_PADDING != 0 ||
            (missing > 0 && !(last && missing < KMODEL_PADDING)) ||
            (last && end - missing != net->bytes)) {
            return KMODEL_DAMAGED;
        }
    }
    kmodel_layer execute = net->version == 4 ? kmodel_layer4(type) : kmodel_layer3(type);
    if (execute == NULL) {
        return KMODEL_UNSUPPORTED;
    }
    struct body body = {
        .net = net,
        .at = net->at,
        .end = end > net->bytes ? net->bytes : (uint32_t)end,
        .only_checked = only_checked,
    };
    kmodel_status status = execute(&body);
    if (status == KMODEL_OK) {
        net->layer++;
        net->at = body.end;
    }
    return status;
}

kmodel_status kmodel_begin(kmodel_t *net) {
    net->layer = 0;
    net->at = headers_of(net) + 8 * net->layers;
    kpu_begin(net->file, (int)net->version, net->eight_bit);
    return KMODEL_OK;
}

kmodel_status kmodel_step(kmodel_t *net) {
    return net->layer < net->layers ? next(net, false) : KMODEL_OK;
}

kmodel_status kmodel_run(kmodel_t *net) {
    kmodel_status status = kmodel_begin(net);
    while (status == KMODEL_OK && net->layer < net->layers) {
        status = next(net, false);
    }
    return status;
}

kmodel_status kmodel_open(kmodel_t *net, const void *file, uint32_t bytes, void *work,
                          uint32_t work_bytes) {
    *net = (kmodel_t){.file = file, .bytes = bytes, .work = kpu_uncached(work)};
    if ((uintptr_t)file % KPU_ALIGN != 0 || (uintptr_t)work % 8 != 0) {
        return KMODEL_ALIGNMENT;
    }
    kmodel_status status = header(net);
    if (status != KMODEL_OK) {
        return status;
    }
    if (whole_words(net->main_bytes) > work_bytes) {
        return KMODEL_WORKSPACE;
    }
    if (net->version == 3) {
        uint32_t first = word_at(net, headers_of(net));
        if (first != CONV3 && first != DENSE3) {
            return KMODEL_DAMAGED;
        }
    }
    kmodel_begin(net);
    while (net->layer < net->layers) {
        if ((status = next(net, true)) != KMODEL_OK) {
            return status;
        }
    }
    for (uint32_t i = 0; i < net->inputs; i++) {
        if (input_of(net, i).shape.count == 0) {
            return KMODEL_DAMAGED;
        }
    }
    for (uint32_t i = 0; i < net->outputs; i++) {
        if (output_of(net, i).shape.count == 0) {
            return KMODEL_DAMAGED;
        }
    }
    kpu_load(file, bytes);
    return kmodel_begin(net);
}

kmodel_status kmodel_input_shape(const kmodel_t *net, uint32_t input, kmodel_shape *shape) {
    if (input >= net->inputs) {
        return KMODEL_NO_INPUT;
    }
    *shape = input_of(net, input).shape;
    return KMODEL_OK;
}

kmodel_status kmodel_output_shape(const kmodel_t *net, uint32_t output, kmodel_shape *shape) {
    if (output >= net->outputs) {
        return KMODEL_NO_INPUT;
    }
    *shape = output_of(net, output).shape;
    return KMODEL_OK;
}

const void *kmodel_output(const kmodel_t *net, uint32_t output) {
    return output < net->outputs ? net->work + output_of(net, output).start : NULL;
}

kmodel_status kmodel_set_input(kmodel_t *net, uint32_t input, const void *values,
                               kmodel_order order) {
    if (input >= net->inputs) {
        return KMODEL_NO_INPUT;
    }
    const struct port port = input_of(net, input);
    const kmodel_shape *s = &port.shape;
    size_t size = s->type == KMODEL_FLOAT ? 4 : 1, pixels = (size_t)s->height * s->width;
    bool planes = order == KMODEL_PLANES;
    size_t step = planes ? 1 : s->channels, plane = planes ? pixels : 1;
    if (port.memory == KPU_MEMORY) {
        struct map map = kmodel_map(s->width, s->height, s->channels);
        kmodel_upload(&map, kpu_ram() + port.start, values, step, plane);
        return KMODEL_OK;
    }
    uint8_t *to = net->work + port.start;
    for (uint32_t c = 0; c < s->channels; c++) {
        for (size_t i = 0; i < pixels; i++, to += size) {
            memcpy(to, (const uint8_t *)values + (c * plane + i * step) * size, size);
        }
    }
    return KMODEL_OK;
}
