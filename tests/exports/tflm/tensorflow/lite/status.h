/* What TFLM answers. */
#pragma once

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
