"""Handles of the chips: fields and units above, transactions below, nothing cached in between."""
