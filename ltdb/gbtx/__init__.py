"""GBTx: the chip that turns a GBT link into clocks, e-links and slow control on the board.

Known are the register map, the states of the power-up sequence and the frames of the IC channel; the manual
was not available beyond its title pages. What the model adds to make a working chip is named as assumption
where it stands.
"""

from ltdb.gbtx.chip import Gbtx
from ltdb.gbtx.configuration import read_configuration, write_configuration
from ltdb.gbtx.power_up import State

__all__ = ["Gbtx", "State", "read_configuration", "write_configuration"]
