/* QEMU plugin: counts executed blocks of instructions by region of the program.
 *
 * regions.txt in the working directory has a line `first last region` (addresses in hexadecimal)
 * for each range of addresses that begins a region; a number of regions on its own comes first.
 * Executing a block that begins in a range makes its region the current one until a block of
 * another range is executed: so what a function calls is charged to the function. Region 0 is the
 * rest. Blocks of ranges beyond the last region are left out: interrupts, which come at any time.
 *
 * At exit, blocks.txt gets a line for each block and region that executed it: the address of its
 * first instruction (in hexadecimal), its instructions, the region, how often it was executed, and
 * how often another address followed than the one behind it. inferences.txt gets the least and the
 * most instructions between two stays in region 0.
 *
 * One emulated core. No header of QEMU is in any package, hence the declarations: version 1 of
 * the plugin interface, as its documentation has it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t,
                                                            struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          void (*callback)(unsigned, void *), int flags,
                                          void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void *),
                                    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

struct range {
    uint64_t first, last;
    unsigned region;
};

/* What a region executed of a block. */
struct count {
    unsigned region;
    uint64_t executed, left; /* `left`: what followed began elsewhere than behind the block */
    struct count *next;
};

struct block {
    uint64_t first, end;
    size_t instructions;
    bool enters;
    unsigned region; /* that it enters */
    struct count *counts;
    struct block *next;
};

static struct range *ranges;
static size_t range_count;
static unsigned region_count;
static unsigned current;
static struct block *blocks;
static struct count *before; /* of the block that was executed last, which ended at `end_before` */
static uint64_t end_before;
static uint64_t inference, least = UINT64_MAX, most; /* instructions since region 0 was left */

static void *allocated(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void end_of_inference(void) {
    least = inference < least ? inference : least;
    most = inference > most ? inference : most;
    inference = 0;
}

static void on_execution(unsigned cpu, void *data) {
    (void)cpu;
    struct block *block = data;
    /* Before a page ends, QEMU 7.2 counts two bytes too many where the next instruction crosses it:
       nothing else begins in the midst of an instruction. */
    if (before != NULL && end_before != block->first && end_before != block->first + 2) {
        before->left++;
    }
    if (block->enters) {
        if (block->region == 0 && current != 0) {
            end_of_inference();
        }
        current = block->region;
    }
    if (current != 0) {
        inference += block->instructions;
    }
    struct count *count = block->counts;
    while (count != NULL && count->region != current) {
        count = count->next;
    }
    if (count == NULL) {
        count = allocated(sizeof *count);
        count->region = current;
        count->next = block->counts;
        block->counts = count;
    }
    count->executed++;
    before = count;
    end_before = block->end;
}

static const struct range *range_of(uint64_t address) {
    for (size_t i = 0; i < range_count; i++) {
        if (address >= ranges[i].first && address <= ranges[i].last) {
            return &ranges[i];
        }
    }
    return NULL;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    const struct range *range = range_of(qemu_plugin_tb_vaddr(tb));
    if (range != NULL && range->region >= region_count) {
        return;
    }
    struct block *block = allocated(sizeof *block);
    block->first = qemu_plugin_tb_vaddr(tb);
    block->instructions = qemu_plugin_tb_n_insns(tb);
    const struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, block->instructions - 1);
    block->end = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
    block->enters = range != NULL;
    block->region = range != NULL ? range->region : 0;
    block->next = blocks;
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_execution, NO_REGISTERS, block);
}

static void on_exit_of_guest(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    FILE *file = fopen("blocks.txt", "w");
    if (file == NULL) {
        return;
    }
    for (const struct block *block = blocks; block != NULL; block = block->next) {
        for (const struct count *count = block->counts; count != NULL; count = count->next) {
            fprintf(file, "%" PRIx64 " %zu %u %" PRIu64 " %" PRIu64 "\n", block->first,
                    block->instructions, count->region, count->executed, count->left);
        }
    }
    fclose(file);
    file = fopen("inferences.txt", "w");
    if (file == NULL) {
        return;
    }
    fprintf(file, "%" PRIu64 " %" PRIu64 "\n", least, most);
    fclose(file);
}

static int read_regions(void) {
    FILE *file = fopen("regions.txt", "r");
    if (file == NULL || fscanf(file, "%u", &region_count) != 1 || region_count == 0) {
        return -1;
    }
    struct range range;
    while (fscanf(file, "%" SCNx64 " %" SCNx64 " %u", &range.first, &range.last, &range.region) ==
           3) {
        ranges = realloc(ranges, (range_count + 1) * sizeof *ranges);
        if (ranges == NULL) {
            return -1;
        }
        ranges[range_count++] = range;
    }
    fclose(file);
    return 0;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
    (void)info;
    (void)argc;
    (void)argv;
    if (read_regions() != 0) {
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_guest, NULL);
    return 0;
}
