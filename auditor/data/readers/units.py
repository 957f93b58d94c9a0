"""Units as signals state them: which are of voltage, and which are surely of something else."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: A micro sign, and what is left of one that was read in the code page of another place: twice as
#: UTF-8, DOS (437, 850), Greek (8859-7). No unit begins with these otherwise.
_MICRO = ("Âµ", "Î¼", "µ", "æ", "ì")
#: To mV. `MV` is read as `mV`: exporters write whole headers in capitals, and nobody records
#: megavolts.
_PREFIXES = {
    "": 1000.0,
    **dict.fromkeys(("m", "milli", "mili"), 1.0),
    **dict.fromkeys(("u", "mc", "micro", "mikro"), 1e-3),
    **dict.fromkeys(("n", "nano"), 1e-6),
}
_VOLTAGE = re.compile(r"([a-z]*?)[ _-]?(?:v|volts?|voltios?)")
#: Of what is recorded beside an ECG, in small letters. Counts of a converter and arbitrary units
#: are not among them: a lead in counts is an ECG all the same.
_OTHER = {
    *("mmhg", "cmh2o", "mmh2o", "pa", "hpa", "kpa", "bar", "mbar", "torr", "psi"),
    *("%", "percent", "pct", "nu", "n.u"),
    *("bpm", "pm", "rpm", "brpm", "/min", "1/min", "min-1", "min^-1", "beats/min", "breaths/min"),
    *("hz", "khz", "/s", "1/s"),
    *(
        "l",
        "ml",
        "dl",
        "l/min",
        "l/min/m2",
        "ml/min",
        "l/s",
        "ml/s",
        "lpm",
        "slpm",
        "ml/kg",
        "ml/m2",
    ),
    *("mm", "cm", "um", "nm", "inch", "mm/s", "cm/s", "m/s", "m/s2", "m/s^2", "mm2", "cm2", "m2"),
    *("s", "ms", "us", "ns", "sec", "secs", "second", "seconds", "min", "mins", "minute"),
    *("minutes", "hour", "hours"),
    *("deg", "degree", "degrees", "°", "deg/s", "°/s", "dps", "rad", "rad/s"),
    *("c", "°c", "degc", "deg_c", "celsius", "f", "°f", "degf", "deg_f", "fahrenheit", "kelvin"),
    *("ohm", "ohms", "ω", "kohm", "kohms", "kω", "mohm", "mω"),
    *("siemens", "microsiemens", "umho", "mho", "umhos"),
    *("a", "ma", "ua", "na", "ampere", "amperes", "mt", "ut", "nt", "tesla", "g", "mg", "gauss"),
    *("kg", "mg/dl", "g/dl", "mmol", "mmol/l", "joule", "watt"),
    *("db", "dba", "lux", "lx"),
}


@lru_cache(maxsize=256)
def millivolts(unit: str) -> float | None:
    """The factor of a unit of voltage to mV; None where it is no such unit."""
    stated = _VOLTAGE.fullmatch(_plain(unit))
    return _PREFIXES.get(stated[1]) if stated else None


@lru_cache(maxsize=256)
def is_no_voltage(unit: str) -> bool:
    """Whether a unit is known to be of something other than voltage."""
    return _plain(unit) in _OTHER


def _plain(unit: str) -> str:
    bare = unit.strip(" \t()[]{}<>\"'.,;:")
    for micro in _MICRO:
        if bare.startswith(micro):
            bare = "u" + bare.removeprefix(micro)
    # Both micro signs become the Greek letter, an ohm sign the Greek letter, ² becomes 2.
    return unicodedata.normalize("NFKC", bare).casefold().replace("μ", "u")
