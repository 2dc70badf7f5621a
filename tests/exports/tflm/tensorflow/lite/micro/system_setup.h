/* What a target begins with. */
#pragma once

namespace tflite {

inline void InitializeTarget() {
}

} // namespace tflite
