"""Speed measurements of ``ltdb bench``."""
