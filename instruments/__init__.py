"""Laboratory instruments over VISA and serial, each beside its simulated twin."""
