/* ESP-IDF's main task, and its pause, for a program without tasks. */
#include "include/freertos/task.h"

void app_main(void);

void vTaskDelay(TickType_t ticks) {
    (void)ticks;
}

int main(void) {
    app_main();
    return 0;
}
