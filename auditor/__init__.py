"""Measure how far ECG recordings, and models trained on them, give people away.

>>> import auditor
>>> audit = auditor.scan("dataset/", profile="public")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

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
