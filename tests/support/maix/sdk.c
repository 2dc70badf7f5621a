/* The board: a camera whose frames are in frame.rgb (planes), a display that writes shown.bin. */
#include "sdk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "camera.h"

enum { PIXELS = CAMERA_WIDTH * CAMERA_HEIGHT, FRAMES = 2 };

static int chosen, asked, frames;
static uint64_t microseconds;

void dvp_start_convert(void) {
    FILE *file = fopen("frame.rgb", "rb");
    if (file == NULL || fread(camera_planes, 1, 3 * PIXELS, file) != 3 * PIXELS) {
        exit(3);
    }
    fclose(file);
    memset(camera_pixels, 0x55, 2 * PIXELS);
}

uint8_t dvp_sccb_receive_data(uint8_t device, uint16_t reg) {
    return device == 0x60 && reg == 0x0a && chosen && getenv("NO_CAMERA") == NULL ? 0x26 : 0xff;
}

void dvp_sccb_send_data(uint8_t device, uint16_t reg, uint8_t data) {
    chosen = device == 0x60 && reg == 0xff ? data == 1 : chosen;
}

int dvp_get_interrupt(uint32_t interrupt) {
    (void)interrupt;
    return ++asked % 3 == 0; /* not at once */
}

void spi_send_data_normal_dma(dmac_channel_number_t channel, spi_device_num_t spi,
                              spi_chip_select_t chip, const void *buffer, size_t length,
                              spi_transfer_width_t width) {
    (void)channel, (void)spi, (void)chip;
    if (width != SPI_TRANS_INT || length != PIXELS / 2) {
        return;
    }
    FILE *file = fopen("shown.bin", "wb");
    fwrite(buffer, 4, length, file);
    fclose(file);
    if (++frames == FRAMES) {
        fflush(stdout);
        exit(0);
    }
}

uint64_t sysctl_get_time_us(void) {
    if (getenv("NO_CAMERA") != NULL && microseconds > 5000000) {
        fflush(stdout);
        exit(4);
    }
    return microseconds += 50000;
}

void dvp_init(uint8_t reg_len) {
    (void)reg_len;
}
uint32_t dvp_set_xclk_rate(uint32_t rate) {
    return rate;
}
void dvp_enable_burst(void) {
}
void dvp_set_output_enable(dvp_output_mode_t index, int enable) {
    (void)index, (void)enable;
}
void dvp_set_image_format(uint32_t format) {
    (void)format;
}
void dvp_set_image_size(uint32_t width, uint32_t height) {
    (void)width, (void)height;
}
void dvp_set_ai_addr(uint32_t r, uint32_t g, uint32_t b) {
    if (g - r != PIXELS || b - g != PIXELS) {
        exit(5);
    }
}
void dvp_set_display_addr(uint32_t addr) {
    (void)addr;
}
void dvp_config_interrupt(uint32_t interrupt, uint8_t enable) {
    (void)interrupt, (void)enable;
}
void dvp_disable_auto(void) {
}
void dvp_clear_interrupt(uint32_t interrupt) {
    (void)interrupt;
}
int fpioa_set_function(int number, fpioa_function_t function) {
    (void)number, (void)function;
    return 0;
}
void gpiohs_set_drive_mode(uint8_t pin, gpio_drive_mode_t mode) {
    (void)pin, (void)mode;
}
void gpiohs_set_pin(uint8_t pin, gpio_pin_value_t value) {
    (void)pin, (void)value;
}
void plic_init(void) {
}
void spi_init(spi_device_num_t spi, spi_work_mode_t mode, spi_frame_format_t format,
              size_t data_bit_length, uint32_t endian) {
    (void)spi, (void)mode, (void)format, (void)data_bit_length, (void)endian;
}
void spi_init_non_standard(spi_device_num_t spi, uint32_t instruction_length,
                           uint32_t address_length, uint32_t wait_cycles,
                           spi_instruction_address_trans_mode_t mode) {
    (void)spi, (void)instruction_length, (void)address_length, (void)wait_cycles, (void)mode;
}
uint32_t spi_set_clk_rate(spi_device_num_t spi, uint32_t clk) {
    (void)spi;
    return clk;
}
int sysctl_clock_enable(sysctl_clock_t clock) {
    return (int)clock;
}
uint32_t sysctl_pll_set_freq(sysctl_pll_t pll, uint32_t frequency) {
    (void)pll;
    return frequency;
}
void sysctl_set_power_mode(sysctl_power_bank_t bank, sysctl_io_power_mode_t mode) {
    (void)bank, (void)mode;
}
uint32_t sysctl_set_spi0_dvp_data(uint8_t enable) {
    return enable;
}
void uarths_init(void) {
}
