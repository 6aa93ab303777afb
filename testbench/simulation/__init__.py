"""HDL simulation: builds designs, runs cocotb tests on Verilator or Icarus, and checks every frame.

Only this room imports cocotb. `runner.run` builds and runs one test module, `regression` all of them.
"""
