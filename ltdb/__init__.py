"""What the board is: bit-exact chip models, register maps, netlist, budgets and signal analysis.

This room needs numpy and numba only and does no I/O beyond its own data files and the files it is given.
"""
