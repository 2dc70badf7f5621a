/* What the project for Maix boards calls of Kendryte's standalone SDK, played by a computer. */
#ifndef SDK_H
#define SDK_H

#include <stddef.h>
#include <stdint.h>

typedef enum { DVP_OUTPUT_AI, DVP_OUTPUT_DISPLAY } dvp_output_mode_t;
typedef enum { GPIO_PV_LOW, GPIO_PV_HIGH } gpio_pin_value_t;
typedef enum { GPIO_DM_INPUT, GPIO_DM_OUTPUT } gpio_drive_mode_t;
typedef enum { SYSCTL_PLL0, SYSCTL_PLL1 } sysctl_pll_t;
typedef enum { SYSCTL_CLOCK_AI } sysctl_clock_t;
typedef enum { SYSCTL_POWER_BANK6, SYSCTL_POWER_BANK7 } sysctl_power_bank_t;
typedef enum { SYSCTL_POWER_V33, SYSCTL_POWER_V18 } sysctl_io_power_mode_t;
typedef enum { SPI_DEVICE_0 } spi_device_num_t;
typedef enum { SPI_WORK_MODE_0 } spi_work_mode_t;
typedef enum { SPI_FF_OCTAL } spi_frame_format_t;
typedef enum { SPI_CHIP_SELECT_3 } spi_chip_select_t;
typedef enum { SPI_AITM_AS_FRAME_FORMAT } spi_instruction_address_trans_mode_t;
typedef enum { SPI_TRANS_CHAR = 1, SPI_TRANS_SHORT = 2, SPI_TRANS_INT = 4 } spi_transfer_width_t;
typedef enum { DMAC_CHANNEL0 } dmac_channel_number_t;
typedef enum {
    FUNC_SCCB_SDA,
    FUNC_SCCB_SCLK,
    FUNC_CMOS_RST,
    FUNC_CMOS_VSYNC,
    FUNC_CMOS_PWDN,
    FUNC_CMOS_HREF,
    FUNC_CMOS_XCLK,
    FUNC_CMOS_PCLK,
    FUNC_SPI0_SS3,
    FUNC_SPI0_SCLK,
    FUNC_GPIOHS0
} fpioa_function_t;

#define DVP_CFG_RGB_FORMAT 0u
#define DVP_CFG_START_INT_ENABLE 1u
#define DVP_CFG_FINISH_INT_ENABLE 2u
#define DVP_STS_FRAME_START 1u
#define DVP_STS_FRAME_FINISH 0x100u

void dvp_init(uint8_t reg_len);
uint32_t dvp_set_xclk_rate(uint32_t xclk_rate);
void dvp_enable_burst(void);
void dvp_set_output_enable(dvp_output_mode_t index, int enable);
void dvp_set_image_format(uint32_t format);
void dvp_set_image_size(uint32_t width, uint32_t height);
void dvp_set_ai_addr(uint32_t r, uint32_t g, uint32_t b);
void dvp_set_display_addr(uint32_t addr);
void dvp_config_interrupt(uint32_t interrupt, uint8_t enable);
void dvp_disable_auto(void);
void dvp_start_convert(void);
int dvp_get_interrupt(uint32_t interrupt);
void dvp_clear_interrupt(uint32_t interrupt);
void dvp_sccb_send_data(uint8_t device, uint16_t reg, uint8_t data);
uint8_t dvp_sccb_receive_data(uint8_t device, uint16_t reg);
int fpioa_set_function(int number, fpioa_function_t function);
void gpiohs_set_drive_mode(uint8_t pin, gpio_drive_mode_t mode);
void gpiohs_set_pin(uint8_t pin, gpio_pin_value_t value);
void plic_init(void);
void spi_init(spi_device_num_t spi, spi_work_mode_t mode, spi_frame_format_t format,
              size_t data_bit_length, uint32_t endian);
void spi_init_non_standard(spi_device_num_t spi, uint32_t instruction_length,
                           uint32_t address_length, uint32_t wait_cycles,
                           spi_instruction_address_trans_mode_t mode);
uint32_t spi_set_clk_rate(spi_device_num_t spi, uint32_t clk);
void spi_send_data_normal_dma(dmac_channel_number_t channel, spi_device_num_t spi,
                              spi_chip_select_t chip, const void *buffer, size_t length,
                              spi_transfer_width_t width);
int sysctl_clock_enable(sysctl_clock_t clock);
uint32_t sysctl_pll_set_freq(sysctl_pll_t pll, uint32_t frequency);
void sysctl_set_power_mode(sysctl_power_bank_t bank, sysctl_io_power_mode_t mode);
uint32_t sysctl_set_spi0_dvp_data(uint8_t enable);
uint64_t sysctl_get_time_us(void);
void uarths_init(void);

#endif
