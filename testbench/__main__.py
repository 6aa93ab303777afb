"""``python -m testbench``: the ``ltdb`` command without installing it."""

import sys

from testbench.cli import main

sys.exit(main())
