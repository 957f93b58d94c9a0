"""What an audit is drawn as, each from its JSON alone.

An audit goes through its JSON form before it is drawn, so whatever the JSON withholds no format
tells. What draws is imported when it draws: the command line names every format, and loads none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.core.finding import Audit


@dataclass(frozen=True)
class Format:
    """A file that an audit is drawn as: what it is called beside audit.json, and how."""

    file: str
    draw: Callable[[Audit], str]

    def render(self, audit: Audit) -> str:
        """The file's text."""
        from auditor.report.json import from_dict, to_dict

        return self.draw(from_dict(to_dict(audit)))


def _html(audit: Audit) -> str:
    from auditor.report import html

    return html.render(audit)


def _sarif(audit: Audit) -> str:
    from auditor.report import sarif

    return sarif.render(audit)


def _junit(audit: Audit) -> str:
    from auditor.report import junit

    return junit.render(audit)


def _markdown(audit: Audit) -> str:
    from auditor.report import markdown

    return markdown.render(audit)


def _csv(audit: Audit) -> str:
    from auditor.report import csv as table

    return table.render(audit)


def _croissant(audit: Audit) -> str:
    from auditor.report import cards

    return cards.croissant(audit)


def _huggingface(audit: Audit) -> str:
    from auditor.report import cards

    return cards.huggingface(audit)


FORMATS: Mapping[str, Format] = {
    "html": Format("report.html", _html),
    "sarif": Format("audit.sarif", _sarif),
    "junit": Format("junit.xml", _junit),
    "markdown": Format("summary.md", _markdown),
    "csv": Format("estimates.csv", _csv),
    "croissant": Format("croissant.json", _croissant),
    "huggingface": Format("dataset-card.md", _huggingface),
}
