"""One question to a release or to a model per folder; each returns evidence, never a verdict."""

from importlib import import_module
from pkgutil import iter_modules

from auditor.checks.base import ATTACKS, Attack, ModelAttack
from auditor.targets.context import Case

for _module in iter_modules(__path__):
    if _module.ispkg:
        import_module(f"{__name__}.{_module.name}.check")

__all__ = ["ATTACKS", "Attack", "Case", "ModelAttack"]
