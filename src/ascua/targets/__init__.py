"""Targets turn a Plan into files: today C, later kmodel and FPGA."""
