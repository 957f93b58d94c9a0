"""One question to a release per file; each returns evidence, never a verdict."""

from importlib import import_module
from pkgutil import iter_modules

from auditor.attacks.case import ATTACKS, Attack, Case, ModelAttack

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["ATTACKS", "Attack", "Case", "ModelAttack"]
