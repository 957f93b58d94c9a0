"""What a recipient gets to see of each record: one view per file.

A view computed from signals is a function of one record and some of its beats, entered in
`VIEWS`; `build` maps it over a release.
"""

from __future__ import annotations

from auditor.views import fiducials, metadata, template
from auditor.views.build import VIEWS, build

__all__ = ["VIEWS", "build", "fiducials", "metadata", "template"]
