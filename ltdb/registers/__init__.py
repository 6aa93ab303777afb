"""Register maps of the chips: data compiled from SystemRDL, and what can be asked of it.

The source of a map is ``<chip>.rdl``; ``python -m ltdb.registers.compile`` turns it into ``<chip>.json``,
which is what is loaded here. Gateware, models and device handles read the same map.
"""

from ltdb.registers.maps import Access, Field, Piece, Register, RegisterMap, Value, load_registers

__all__ = ["Access", "Field", "Piece", "Register", "RegisterMap", "Value", "load_registers"]
