/* The one main program: runs the network on each sample of input.bin, writes output.bin.
 *
 * A network that keeps states begins with those in states.bin, where that is, and leaves its last
 * ones there.
 */
#include "harness.h"

int32_t input_file;

/* Reads the inputs of one sample; answers 1, 0 at the end of the file, or -1 within a sample. */
static int read_sample(int32_t file) {
    for (int i = 0; i < network.inputs; i++) {
        int32_t bytes = network.input_bytes(i);
        int32_t missing = io_read(file, network.input(i), bytes);
        if (missing != 0) {
            return i == 0 && missing == bytes ? 0 : -1;
        }
    }
    return 1;
}

static int write_sample(int32_t file) {
    for (int i = 0; i < network.outputs; i++) {
        if (io_write(file, network.output(i), network.output_bytes(i)) != 0) {
            return 0;
        }
    }
    return 1;
}

/* Takes the states from states.bin; answers 0 where that is too short. */
static int read_state_file(void) {
    int32_t file = network.state_bytes > 0 ? io_open_read("states.bin") : -1;
    if (file < 0) {
        return 1;
    }
    int whole = io_read(file, network.states(), network.state_bytes) == 0;
    io_close(file);
    return whole;
}

static int write_state_file(void) {
    if (network.state_bytes == 0) {
        return 1;
    }
    int32_t file = io_open_write("states.bin");
    if (file < 0) {
        return 0;
    }
    int whole = io_write(file, network.states(), network.state_bytes) == 0;
    io_close(file);
    return whole;
}

static enum status run_all(struct report *report) {
    int32_t from = input_file = io_open_read("input.bin");
    if (from < 0) {
        return STATUS_NO_INPUT;
    }
    int32_t to = io_open_write("output.bin");
    if (to < 0) {
        return STATUS_NO_OUTPUT;
    }
    if (!read_state_file()) {
        return STATUS_SHORT_INPUT;
    }
    int more;
    while ((more = read_sample(from)) > 0) {
        board_infer(report, report->samples == 0);
        if (report->status != STATUS_OK) {
            return (enum status)report->status;
        }
        if (!write_sample(to)) {
            return STATUS_NO_OUTPUT;
        }
        report->samples++;
    }
    io_close(to);
    if (more < 0) {
        return STATUS_SHORT_INPUT;
    }
    return write_state_file() ? STATUS_OK : STATUS_NO_OUTPUT;
}

void write_report(const struct report *report) {
    int32_t file = io_open_write("report.bin");
    if (file >= 0) {
        io_write(file, report, sizeof *report);
        io_close(file);
    }
}

int main(void) {
    struct report report = {.status = STATUS_OK};
    board_spin(&report);
    report.status = run_all(&report);
    write_report(&report);
    io_exit((int)report.status);
}
