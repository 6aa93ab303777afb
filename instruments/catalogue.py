"""The table of drivers, each with its simulated twin. Imports nothing heavy; classes are loaded when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltdb.errors import InputError

if TYPE_CHECKING:
    from instruments.driver import Driver
    from instruments.simulated.bench import Bench
    from instruments.simulated.twin import Twin


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A family of instruments this bench can use."""

    name: str
    """Used on the command line and in bench files."""
    kind: str
    """Class of instrument: oscilloscope, power supply, multimeter, clock source, bit-error tester."""
    title: str
    driver: str
    """``module:class`` of the driver."""
    twin: str
    """``module:class`` of its twin."""

    def driver_class(self) -> type[Driver]:
        """Load the driver."""
        loaded: type[Driver] = _load(self.driver)
        return loaded

    def twin_class(self) -> Callable[[Bench], Twin]:
        """Load the twin."""
        loaded: Callable[[Bench], Twin] = _load(self.twin)
        return loaded


CATALOGUE = (
    CatalogueEntry(
        "tektronix_mso",
        "oscilloscope",
        "Tektronix 5/6 Series MSO, MSO/DPO/DSA70000",
        "instruments.drivers.tektronix_mso:TektronixMso",
        "instruments.simulated.tektronix_mso:SimulatedDpo71604c",
    ),
    CatalogueEntry(
        "keysight_infiniium",
        "oscilloscope",
        "Keysight Infiniium S, V, Z, 90000",
        "instruments.drivers.keysight_infiniium:KeysightInfiniium",
        "instruments.simulated.keysight_infiniium:SimulatedDsav134a",
    ),
    CatalogueEntry(
        "keysight_dca",
        "oscilloscope",
        "Keysight DCA 86100D, N1000A (sampling)",
        "instruments.drivers.keysight_dca:KeysightDca",
        "instruments.simulated.keysight_dca:SimulatedN1000A",
    ),
    CatalogueEntry(
        "keysight_e36300",
        "power supply",
        "Keysight E36311A, E36312A, E36313A",
        "instruments.drivers.keysight_e36300:KeysightE36300",
        "instruments.simulated.keysight_e36300:SimulatedE36312A",
    ),
    CatalogueEntry(
        "rohde_schwarz_hmp",
        "power supply",
        "Rohde & Schwarz HMP4030, HMP4040",
        "instruments.drivers.rohde_schwarz_hmp:RohdeSchwarzHmp",
        "instruments.simulated.rohde_schwarz_hmp:SimulatedHmp4040",
    ),
    CatalogueEntry(
        "keysight_34461a",
        "multimeter",
        "Keysight 34461A, 34465A, 34470A",
        "instruments.drivers.keysight_34461a:Keysight34461A",
        "instruments.simulated.keysight_34461a:Simulated34461A",
    ),
    CatalogueEntry(
        "stanford_cg635",
        "clock source",
        "Stanford Research CG635",
        "instruments.drivers.stanford_cg635:StanfordCg635",
        "instruments.simulated.stanford_cg635:SimulatedCg635",
    ),
    CatalogueEntry(
        "keysight_n4903b",
        "bit-error tester",
        "Keysight J-BERT N4903A, N4903B",
        "instruments.drivers.keysight_n4903b:KeysightN4903",
        "instruments.simulated.keysight_n4903b:SimulatedN4903B",
    ),
)


def find(name: str) -> CatalogueEntry:
    """Return the entry of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    raise InputError("driver", repr(name), ", ".join(entry.name for entry in CATALOGUE))


def _load(path: str) -> type:
    module, _, name = path.partition(":")
    loaded: type = getattr(importlib.import_module(module), name)
    return loaded
