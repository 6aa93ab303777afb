"""The GBTx in logic, at word level: one 120-bit frame each way in 25 ns."""
