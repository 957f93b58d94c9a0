"""Direct identifiers, in texts and in columns of tables, in any spelling.

`hits` tells what stands in a text and where; `column` what a column of a table holds, by its name
and its cells; `codes` whether each person has a code of their own in it. Each module knows one kind
of identifier; what words mean, in eleven languages, stands in words.yaml.
"""

from auditor.data.identifiers.classes import (
    AGE_OVER_89,
    CODE,
    DIRECT,
    FREE_TEXT,
    HIPAA,
    Column,
    Hit,
)
from auditor.data.identifiers.codes import Rows, codes
from auditor.data.identifiers.columns import column
from auditor.data.identifiers.search import classes_in, hits

__all__ = [
    "AGE_OVER_89", "CODE", "DIRECT", "FREE_TEXT", "HIPAA", "Column", "Hit", "Rows", "classes_in",
    "codes", "column", "hits",
]  # fmt: skip
