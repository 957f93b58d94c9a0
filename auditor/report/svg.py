"""A matplotlib figure as SVG that belongs to the page it stands in.

What matplotlib writes is a document of its own, in its own colours. Here it loses its
namespaces, metadata and styles, which the page's content policy would refuse; its colours become
the page's, so that it turns dark with it; and its ids get a prefix, so that many figures can share
one page.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree

#: What a plot draws with → what the page paints. The page's style sheet defines the variables.
PAINT = {
    "#010101": "var(--ink)",
    "#020202": "var(--soft)",
    "#030303": "var(--rule)",
    "#040404": "var(--bar)",
    "#050505": "var(--limit)",
    "#060606": "var(--paper)",
}
INK, SOFT, RULE, BAR, LIMIT, PAPER = PAINT

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "auditor",
    "text.parse_math": False,
    "text.usetex": False,
    "path.simplify": True,
    "font.size": 13,
}


def styled() -> Any:
    """The matplotlib settings that a figure for a page is drawn under, as a context."""
    import matplotlib

    return matplotlib.rc_context(_STYLE)


def figure(width: float, height: float) -> Any:
    """An empty figure, sizes in CSS pixels."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    made = Figure(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasSVG(made)
    made.patch.set_visible(False)
    return made


def embed(drawn: Any, key: str, alt: str) -> str:
    """A figure as an inline `<svg>`.

    Parameters
    ----------
    drawn : the figure
    key : what its ids begin with; one per figure of a page
    alt : what it shows, for somebody who cannot see it
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # The reader's browser has the glyphs that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    for element in root.iter():
        _adopt(element, key)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    _forget_unused_ids(root, key)
    width = root.attrib["viewBox"].split()[2]
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "width": width,
        "role": "img",
        "aria-label": alt,
        "stroke-linejoin": "round",
    }
    root.text = root.tail = None
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r">\s+<", "><", text)


def _adopt(element: ElementTree.Element, key: str) -> None:
    element.tag = element.tag.rpartition("}")[2]
    plain = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    if plain.get("transform", "").startswith("rotate(-0 "):
        del plain["transform"]
    styled = _attributes(plain.pop("style", ""))
    element.attrib = {name: _value(name, value, key) for name, value in (plain | styled).items()}


def _attributes(style: str) -> dict[str, str]:
    """The attributes that say what a `style` says; the family of letters is the page's."""
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    said = {name.strip(): value.strip() for name, value in pairs}
    if font := said.pop("font", None):
        *looks, size = font[: font.index("px") + 2].split()
        said["font-size"] = size
        if set(looks) & {"bold", "600", "700"}:
            said["font-weight"] = "bold"
        if "italic" in looks:
            said["font-style"] = "italic"
    said.pop("font-family", None)
    return said


def _value(name: str, value: str, key: str) -> str:
    if name == "id":
        return f"{key}-{value}"
    value = re.sub(r"url\(#", f"url(#{key}-", value)
    if name.endswith("href"):
        return value.replace("#", f"#{key}-", 1)
    if name in ("fill", "stroke"):
        return PAINT.get(value, value)
    if name in ("d", "x", "y", "width", "height", "transform"):
        return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", value)
    return value


def _forget_unused_ids(root: ElementTree.Element, key: str) -> None:
    used = set(re.findall(rf"#({re.escape(key)}-[\w-]+)", ElementTree.tostring(root, "unicode")))
    for element in root.iter():
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
