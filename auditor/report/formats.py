"""What an audit is drawn as, each from its JSON alone.

A module of this room that draws a file says so in a literal `FORMATS`, format → file name; the
function that draws is `render`, or called like the format where a module draws several. The literal
is read from the source, so that the command line names every format and loads none. An audit goes
through its JSON form before it is drawn, so whatever the JSON withholds no format tells.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from auditor.resources import package

if TYPE_CHECKING:
    from auditor.core.finding import Audit


@dataclass(frozen=True)
class Format:
    """A file that an audit is drawn as: what it is called beside audit.json, and who draws it."""

    name: str
    file: str
    module: str

    def render(self, audit: Audit) -> str:
        """The file's text."""
        from auditor.report.json import from_dict, to_dict

        drawing = import_module(self.module)
        draw = getattr(drawing, "render", None) or getattr(drawing, self.name)
        text: str = draw(from_dict(to_dict(audit)))
        return text


def _declared() -> Iterator[Format]:
    for path in sorted(package("report").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and [
                one.id for one in node.targets if isinstance(one, ast.Name)
            ] == ["FORMATS"]:
                for name, file in ast.literal_eval(node.value).items():
                    yield Format(name, file, f"auditor.report.{path.stem}")


FORMATS: Mapping[str, Format] = {one.name: one for one in _declared()}
