"""The chips of the board, and the board-controller gateware, as Amaranth logic."""
