"""Which part of the heartbeat an attack lives on, and whether an explanation of it can be believed."""

from auditor.attacks import ATTACKS
from auditor.attribution.parts import Parts

__all__ = ["ATTACKS", "Parts"]
