"""Which part of the heartbeat an attack lives on, and whether explanations of it hold."""

from auditor.attacks import ATTACKS
from auditor.attribution.parts import Parts

__all__ = ["ATTACKS", "Parts"]
