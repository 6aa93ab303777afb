"""The link as a whole: what disturbs the line, what is sent over it, and what is said of what arrives."""
