/* The board's display, an ST7789 of 320 x 240 pixels. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdint.h>

void screen_start(void);

/* Shows a frame of RGB565, two pixels a word. */
void screen_show(const uint32_t *pixels);

/* Writes text into such a frame, white on black, twelve pixels a letter. */
void screen_text(uint32_t *pixels, int x, int y, const char *text);

#endif
