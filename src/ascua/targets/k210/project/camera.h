/* The board's camera, an OV2640: frames of 320 x 240 pixels. */
#ifndef CAMERA_H
#define CAMERA_H

#include <stdbool.h>
#include <stdint.h>

enum { CAMERA_WIDTH = 320, CAMERA_HEIGHT = 240 };

/* Starts it; false where no OV2640 answers. */
bool camera_start(void);

/* Waits for a frame. Its pixels are then at `camera_pixels` (RGB565, two a word, as the display
 * takes them) and, each channel by itself, at `camera_planes`. They stay until the next frame. */
void camera_frame(void);

extern uint32_t *camera_pixels;
extern uint8_t *camera_planes;

#endif
