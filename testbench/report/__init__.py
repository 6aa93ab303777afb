"""Reports made from a record alone: HTML for people, JUnit for CI, JSON for programs. They say the same."""
