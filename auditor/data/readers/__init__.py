"""Files become signals in millivolts: one reader per format."""

from importlib import import_module
from pkgutil import iter_modules

from auditor.data.readers.base import READERS, OutsideError, Read, Reader, record_suffixes

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["READERS", "OutsideError", "Read", "Reader", "record_suffixes"]
