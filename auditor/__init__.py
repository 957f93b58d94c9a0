"""Measure how far ECG recordings, and models trained on them, give people away.

>>> import auditor
>>> audit = auditor.scan("dataset/", profile="public")  # doctest: +SKIP
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# OpenMP's threads spin while they wait: beside any other busy process that makes training many
# times slower, and asleep they cost nothing. It counts only when it is set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from auditor.audit import scan

__all__ = ["__version__", "scan"]


def __getattr__(name: str) -> Any:
    # `auditor --help` must not wait for torch, so the run is imported when it is asked for.
    if name == "scan":
        import auditor.report  # noqa: F401 - lets a notebook show what a scan returns
        from auditor.audit import scan

        return scan
    raise AttributeError(f"module 'auditor' has no attribute {name!r}")
