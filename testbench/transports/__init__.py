"""Ways to a board. Each module is one transport and imports nothing that only another one needs."""
