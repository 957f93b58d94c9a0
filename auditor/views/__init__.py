"""What a recipient gets to see of each record: one view per file.

A view computed from signals is a function of one record and some of its beats, entered in
`VIEWS`; `build` maps it over a release.
"""

from importlib import import_module
from pkgutil import iter_modules

from auditor.views.build import VIEWS, build

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["VIEWS", "build"]
