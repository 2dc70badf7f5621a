"""Kmodels with the numbers that nncase chose: its ranges, weights, tables and layers of the CPU.

0.1.0-rc5 wrote V3, computed in float64 and rounded halves to even; 0.2.0-beta2 wrote V4, in float32
and away from zero. Both give all channels of a layer one zero point: each channel is stretched
until it touches the range of all, which batch normalisation undoes.
"""
