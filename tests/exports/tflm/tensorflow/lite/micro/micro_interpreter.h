/* An interpreter that knows the answers: `answers.h` is written by the test. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "answers.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

enum TfLiteType { kTfLiteFloat32 = 1, kTfLiteOther = 0 };

union TfLitePtrUnion {
    void *data;
};

struct TfLiteTensor {
    TfLiteType type;
    TfLitePtrUnion data;
    size_t bytes;
};

namespace tflite {

/* An arena, and whether it has the states that the model names. */
struct MicroAllocator {
    size_t bytes;
    int states;

    static MicroAllocator *Create(uint8_t *, size_t bytes) {
        static MicroAllocator made{};
        made = {bytes, 0};
        return &made;
    }
};

struct MicroResourceVariables {
    static MicroResourceVariables *Create(MicroAllocator *allocator, int count) {
        static MicroResourceVariables made;
        allocator->states = count;
        return &made;
    }
};

class MicroInterpreter {
  public:
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *, size_t bytes)
        : MicroInterpreter(model, resolver, bytes, 0) {
    }
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, MicroAllocator *allocator,
                     MicroResourceVariables *)
        : MicroInterpreter(model, resolver, allocator->bytes, allocator->states) {
    }

    /* All that the file names is there, and nothing else. */
    TfLiteStatus AllocateTensors() {
        const size_t wanted = sizeof answers::operators / sizeof *answers::operators;
        bool same = resolver_.count == wanted && !(reinterpret_cast<uintptr_t>(model_) % 16);
        for (size_t i = 0; same && i < wanted; i++) {
            bool found = false;
            for (unsigned int j = 0; j < resolver_.count; j++) {
                found |= !std::strcmp(resolver_.names[j], answers::operators[i]);
            }
            same = found;
        }
        return same && bytes_ >= answers::arena && states_ == answers::states ? kTfLiteOk
                                                                              : kTfLiteError;
    }

    TfLiteStatus Invoke() {
        for (size_t n = 0; n < sizeof answers::given / sizeof *answers::given; n++) {
            if (!std::memcmp(in_, answers::given[n], sizeof in_)) {
                std::memcpy(out_, answers::answered[n], sizeof out_);
                return kTfLiteOk;
            }
        }
        return kTfLiteError;
    }

    size_t arena_used_bytes() const {
        return answers::arena;
    }
    size_t inputs_size() const {
        return sizeof answers::inputs / sizeof *answers::inputs;
    }
    size_t outputs_size() const {
        return sizeof answers::outputs / sizeof *answers::outputs;
    }
    TfLiteTensor *input(size_t index) {
        return at(in_, answers::inputs, index, kTfLiteOther);
    }
    TfLiteTensor *output(size_t index) {
        return at(out_, answers::outputs, index,
                  answers::floats[index] ? kTfLiteFloat32 : kTfLiteOther);
    }

  private:
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, size_t bytes, int states)
        : model_(model), resolver_(resolver), bytes_(bytes), states_(states) {
    }

    TfLiteTensor *at(uint8_t *from, const size_t *sizes, size_t index, TfLiteType type) {
        for (size_t i = 0; i < index; i++) {
            from += sizes[i];
        }
        tensor_ = {type, {from}, sizes[index]};
        return &tensor_;
    }

    const Model *model_;
    const MicroOpResolver &resolver_;
    size_t bytes_;
    int states_;
    TfLiteTensor tensor_{};
    uint8_t in_[sizeof *answers::given] = {};
    uint8_t out_[sizeof *answers::answered] = {};
};

} // namespace tflite
