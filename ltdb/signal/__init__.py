"""Signal engine: captured or simulated waveforms to eye, jitter and bit error ratio.

The journey is ``waveform`` (or ``files``) -> ``levels`` -> ``crossings`` -> ``clock`` -> ``eye`` and
``jitter``; ``link`` makes waveforms, ``mask``, ``ber`` and ``phase_noise`` judge them. Nothing is imported
here, so that asking for help on a command does not compile kernels.
"""
