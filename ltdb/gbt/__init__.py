"""The GBT link between back end and board: 120-bit frames at 40 MHz, 4.8 Gb/s (GBT-FPGA 6.0)."""
