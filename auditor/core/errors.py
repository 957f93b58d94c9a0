"""What a user can mend, as one tree.

    AuditorError
    ├── ConfigError      a setting, flag, profile or descriptor is wrong
    ├── DataError        a file or a folder of recordings is wrong
    │   └── SignalError  one recording is unfit for what was asked of it
    ├── ModelError       a model file is wrong
    └── EvidenceError    the evidence is too thin for the number asked of it
        └── NotFittedError  a model has no answer, and that is not an answer of nothing

A message says what, where, seen, wanted and the cure, on one line. A broken assumption of
our own stays an `assert` or a `ValueError`.
"""

from __future__ import annotations


class AuditorError(Exception):
    """Something a user can mend."""


class ConfigError(AuditorError):
    """A setting, a flag, a profile or a descriptor is wrong."""


class DataError(AuditorError):
    """A file or a folder of recordings is wrong."""


class SignalError(DataError):
    """One recording is unfit for what was asked of it."""


class ModelError(AuditorError):
    """A model file is wrong."""


class EvidenceError(AuditorError):
    """The evidence is too thin for the number asked of it."""


class NotFittedError(EvidenceError):
    """A model does not fit, or its solver did not converge: no number can be had of it."""
