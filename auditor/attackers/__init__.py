"""Recognisers: how each kind of attacker sees a gallery and the records to be named.

Each file enters what it has in a registry; that it is here is enough to be found.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
