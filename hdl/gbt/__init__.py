"""The GBT link in gateware: frame, scrambler, Reed-Solomon code, transmitter and receiver."""
