"""The GBT-SCA in logic, and the master that talks to it."""
