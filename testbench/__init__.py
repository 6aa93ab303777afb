"""Transaction layer, transports, procedures, records, reports and the ``ltdb`` command."""
