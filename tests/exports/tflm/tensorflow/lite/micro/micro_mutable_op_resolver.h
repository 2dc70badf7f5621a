/* The methods of TFLM's resolver that take no argument: here they note their names. */
#pragma once

#include <cstring>

#include "tensorflow/lite/status.h"

#define ADDS(name)             \
    TfLiteStatus Add##name() { \
        return add(#name);     \
    }

namespace tflite {

class MicroOpResolver {
  public:
    unsigned int count = 0;
    const char *names[128] = {};

  protected:
    explicit MicroOpResolver(unsigned int most) : most_(most) {
    }

    TfLiteStatus add(const char *name) {
        for (unsigned int i = 0; i < count; i++) {
            if (!std::strcmp(names[i], name)) {
                return kTfLiteError;
            }
        }
        if (count >= most_) {
            return kTfLiteError;
        }
        names[count++] = name;
        return kTfLiteOk;
    }

  private:
    unsigned int most_;
};

template <unsigned int N> class MicroMutableOpResolver : public MicroOpResolver {
  public:
    MicroMutableOpResolver() : MicroOpResolver(N) {
    }

    ADDS(Abs)
    ADDS(Add)
    ADDS(AddN)
    ADDS(ArgMax)
    ADDS(ArgMin)
    ADDS(AssignVariable)
    ADDS(AveragePool2D)
    ADDS(BatchMatMul)
    ADDS(BatchToSpaceNd)
    ADDS(BroadcastArgs)
    ADDS(BroadcastTo)
    ADDS(CallOnce)
    ADDS(Cast)
    ADDS(Ceil)
    ADDS(Concatenation)
    ADDS(Conv2D)
    ADDS(Cos)
    ADDS(CumSum)
    ADDS(DepthToSpace)
    ADDS(DepthwiseConv2D)
    ADDS(Dequantize)
    ADDS(Div)
    ADDS(DynamicUpdateSlice)
    ADDS(Elu)
    ADDS(EmbeddingLookup)
    ADDS(Equal)
    ADDS(Exp)
    ADDS(ExpandDims)
    ADDS(Fill)
    ADDS(Floor)
    ADDS(FloorDiv)
    ADDS(FloorMod)
    ADDS(FullyConnected)
    ADDS(Gather)
    ADDS(GatherNd)
    ADDS(Greater)
    ADDS(GreaterEqual)
    ADDS(HardSwish)
    ADDS(If)
    ADDS(L2Normalization)
    ADDS(L2Pool2D)
    ADDS(LeakyRelu)
    ADDS(Less)
    ADDS(LessEqual)
    ADDS(Log)
    ADDS(LogSoftmax)
    ADDS(LogicalAnd)
    ADDS(LogicalNot)
    ADDS(LogicalOr)
    ADDS(Logistic)
    ADDS(MaxPool2D)
    ADDS(Maximum)
    ADDS(Mean)
    ADDS(Minimum)
    ADDS(MirrorPad)
    ADDS(Mul)
    ADDS(Neg)
    ADDS(NotEqual)
    ADDS(Pack)
    ADDS(Pad)
    ADDS(PadV2)
    ADDS(Prelu)
    ADDS(Quantize)
    ADDS(ReadVariable)
    ADDS(ReduceAll)
    ADDS(ReduceMax)
    ADDS(ReduceMin)
    ADDS(Relu)
    ADDS(Relu6)
    ADDS(Reshape)
    ADDS(ResizeBilinear)
    ADDS(ResizeNearestNeighbor)
    ADDS(ReverseV2)
    ADDS(Round)
    ADDS(Rsqrt)
    ADDS(SelectV2)
    ADDS(Shape)
    ADDS(Sin)
    ADDS(Slice)
    ADDS(Softmax)
    ADDS(SpaceToBatchNd)
    ADDS(SpaceToDepth)
    ADDS(Split)
    ADDS(SplitV)
    ADDS(Sqrt)
    ADDS(Square)
    ADDS(SquaredDifference)
    ADDS(Squeeze)
    ADDS(StridedSlice)
    ADDS(Sub)
    ADDS(Sum)
    ADDS(Svdf)
    ADDS(Tanh)
    ADDS(Transpose)
    ADDS(TransposeConv)
    ADDS(UnidirectionalSequenceLSTM)
    ADDS(Unpack)
    ADDS(VarHandle)
    ADDS(While)
    ADDS(ZerosLike)
};

} // namespace tflite
