"""Views of a finished audit: the JSON that is the report, and what is drawn from it alone."""

from auditor.core.finding import Audit
from auditor.report import notebook

Audit.shown = notebook.shown
