/* QEMU plugin: counts executed instructions by region of the program.
 *
 * regions.txt in the working directory has a line `first last region` (addresses in hexadecimal)
 * for each range of addresses that begins a region; a number of regions on its own comes first.
 * Executing a block that begins in a range makes its region the current one until a block of
 * another range is executed: so what a function calls is charged to the function. At exit,
 * counts.txt gets the number of instructions of each region, one a line. Region 0 is the rest.
 * Blocks of ranges beyond the last region are left out: interrupts, which come at any time.
 *
 * One emulated core. No header of QEMU is in any package, hence the declarations: version 1 of
 * the plugin interface, as its documentation has it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
enum { NO_REGISTERS = 0, INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t,
                                                            struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          void (*callback)(unsigned, void *), int flags,
                                          void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int operation, void *to,
                                              uint64_t value);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void *),
                                    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

struct range {
    uint64_t first, last;
    unsigned region;
};

static struct range *ranges;
static size_t range_count;
static uint64_t *counts;
static unsigned region_count;
static unsigned current;
static uint64_t total;   /* all instructions; blocks outside the ranges add to it in line */
static uint64_t charged; /* of them, those that are in `counts` */

/* Blocks that begin a region. They add to `total` here, after the region before was charged. */
struct entry {
    unsigned region;
    uint64_t instructions;
};

static void charge(void) {
    counts[current] += total - charged;
    charged = total;
}

static void on_entry(unsigned cpu, void *data) {
    (void)cpu;
    const struct entry *entry = data;
    charge();
    current = entry->region;
    total += entry->instructions;
}

static const struct range *range_of(uint64_t address) {
    for (size_t i = 0; i < range_count; i++) {
        if (address >= ranges[i].first && address <= ranges[i].last) {
            return &ranges[i];
        }
    }
    return NULL;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    uint64_t instructions = qemu_plugin_tb_n_insns(tb);
    const struct range *range = range_of(qemu_plugin_tb_vaddr(tb));
    if (range == NULL) {
        qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &total, instructions);
        return;
    }
    if (range->region >= region_count) {
        return;
    }
    struct entry *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        abort();
    }
    *entry = (struct entry){range->region, instructions};
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_entry, NO_REGISTERS, entry);
}

static void on_exit_of_guest(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    charge();
    FILE *file = fopen("counts.txt", "w");
    if (file == NULL) {
        return;
    }
    for (unsigned i = 0; i < region_count; i++) {
        fprintf(file, "%" PRIu64 "\n", counts[i]);
    }
    fclose(file);
}

static int read_regions(void) {
    FILE *file = fopen("regions.txt", "r");
    if (file == NULL || fscanf(file, "%u", &region_count) != 1 || region_count == 0) {
        return -1;
    }
    counts = calloc(region_count, sizeof *counts);
    struct range range;
    while (fscanf(file, "%" SCNx64 " %" SCNx64 " %u", &range.first, &range.last, &range.region) ==
           3) {
        ranges = realloc(ranges, (range_count + 1) * sizeof *ranges);
        if (ranges == NULL || counts == NULL) {
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
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, on_exit_of_guest, NULL);
    return 0;
}
