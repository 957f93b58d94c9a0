"""Copies of recordings without identifiers, with signals untouched: one cleaner per format.

A cleaner builds a file anew from what was understood of it, and hands the signals on as they are:
what it does not know does not reach the copy.
"""

from importlib import import_module
from pkgutil import iter_modules

from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Said

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["CLEANERS", "Cleaner", "Piece", "Said"]
