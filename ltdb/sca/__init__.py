"""GBT-SCA, the slow-control chip of the board (user manual V.2019-002; frames captured from chips)."""

from ltdb.sca.chip import Sca
from ltdb.sca.commands import Channel, Command, ErrorFlag, Reply

__all__ = ["Channel", "Command", "ErrorFlag", "Reply", "Sca"]
