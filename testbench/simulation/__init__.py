"""HDL simulation: builds designs, runs cocotb tests on Verilator or Icarus, and checks every frame.

This is the only room that imports cocotb. `runner.run` builds and runs one test module, `regression` all of them.
"""
