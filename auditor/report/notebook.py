"""An audit as a notebook shows it: its page, in a frame of its own."""

from __future__ import annotations

from markupsafe import escape

from auditor.core.finding import Audit


def shown(audit: Audit) -> str:
    """An audit's page in a frame that runs nothing and leaves the notebook's style alone."""
    from auditor.report import html

    page = escape(html.render(audit))
    return (
        f'<iframe sandbox title="Privacy audit" srcdoc="{page}" '
        'width="100%" height="720" frameborder="0"></iframe>'
    )
