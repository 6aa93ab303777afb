"""The board controller: what sits between a PC and the GBT links of a board (`docs/controller.md`)."""
