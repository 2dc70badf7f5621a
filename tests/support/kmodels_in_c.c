/* Opens kmodel files by the runtime in C, and runs those that it takes: `FILE` with FILE.in, whose
 * values come plane by plane, into FILE.out. A line a file: its status, and the layer of an error.
 */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "kmodel.h"
#include "kpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not one byte more than asked for: the sanitizer sees what is read behind the end. */
static uint8_t *aligned(size_t bytes) {
    void *held = NULL;
    if (posix_memalign(&held, KPU_ALIGN, bytes == 0 ? 1 : bytes) != 0) {
        exit(2);
    }
    return held;
}

static uint8_t *contents(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *held = aligned(*bytes);
    if (fread(held, 1, *bytes, file) != *bytes) {
        exit(2);
    }
    fclose(file);
    return held;
}

static kmodel_status run(kmodel_t *net, const char *path) {
    char name[4096];
    size_t bytes = 0, at = 0;
    snprintf(name, sizeof name, "%s.in", path);
    uint8_t *samples = contents(name, &bytes);
    if (samples == NULL) {
        return KMODEL_OK;
    }
    for (uint32_t i = 0; i < net->inputs; i++) {
        kmodel_shape shape;
        kmodel_input_shape(net, i, &shape);
        kmodel_set_input(net, i, samples + at, KMODEL_PLANES);
        at += shape.count * (shape.type == KMODEL_FLOAT ? 4u : 1u);
    }
    free(samples);
    kmodel_status status = kmodel_run(net);
    snprintf(name, sizeof name, "%s.out", path);
    FILE *to = fopen(name, "wb");
    for (uint32_t i = 0; status == KMODEL_OK && i < net->outputs; i++) {
        kmodel_shape shape;
        kmodel_output_shape(net, i, &shape);
        fwrite(kmodel_output(net, i), shape.type == KMODEL_FLOAT ? 4 : 1, shape.count, to);
    }
    fclose(to);
    return status;
}

int main(void) {
    char path[4000];
    while (fgets(path, sizeof path, stdin) != NULL) {
        path[strcspn(path, "\n")] = 0;
        size_t bytes = 0;
        uint8_t *file = contents(path, &bytes);
        if (file == NULL) {
            return 3;
        }
        uint32_t main_bytes = kmodel_work_bytes(file, (uint32_t)bytes);
        uint8_t *work = NULL;
        if (main_bytes <= 6u << 20) { /* what the chip has */
            work = aligned(main_bytes);
            memset(work, 0, main_bytes);
        }
        memset(kpu_ram(), 0, KPU_RAM_BYTES);
        kmodel_t net;
        kmodel_status status =
            kmodel_open(&net, file, (uint32_t)bytes, work, work == NULL ? 0 : main_bytes);
        if (status == KMODEL_OK) {
            status = run(&net, path);
        }
        printf("%d %u\n", (int)status, (unsigned)net.layer);
        free(work);
        free(file);
    }
    return 0;
}
