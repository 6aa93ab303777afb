"""The cocotb tests, one module a subject. They run inside a simulator: `ltdb sim`, or `runner.run`."""
