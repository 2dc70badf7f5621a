"""Networks for Kendryte's K210: what its KPU computes, chosen as well as the chip allows."""
