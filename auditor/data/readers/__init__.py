"""Files become signals in millivolts: one reader per format."""

from __future__ import annotations

from auditor.data.readers import wfdb
from auditor.data.readers.base import READERS, OutsideError, Read, Reader

__all__ = ["READERS", "OutsideError", "Read", "Reader", "wfdb"]
