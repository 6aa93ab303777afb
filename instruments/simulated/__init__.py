"""Simulated twins of the instruments: they speak the instruments' own commands over TCP, on loopback only."""
