"""An ECG as a printed page: 25 mm/s, 10 mm/mV, three rows of four leads and a rhythm strip.

Of a paper ECG every millimetre means something, so a page is drawn here to the dot: whoever
measures it reads the recording back, which is why a picture is a view like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: How time and voltage are drawn.
MM_PER_S, MM_PER_MV = 25.0, 10.0
#: The page, and where its first baseline and its strips begin.
WIDTH_MM, HEIGHT_MM = 270.0, 130.0
_FIRST_MM, _ROW_MM, _LEFT_MM = 20.0, 30.0, 15.0


class Strip(NamedTuple):
    """A lead from `begin_s` to `end_s` of the recording; its row, counted from the top."""

    lead: str
    row: int
    begin_s: float
    end_s: float

    def at(self, t_s: Floats, mv: Floats) -> Floats:
        """(n, 2) where a voltage at a time is drawn: mm from the left, mm from the top."""
        return _at(self.row, MM_PER_S * t_s, mv)


def _at(row: int, right_mm: Floats, mv: Floats) -> Floats:
    down = _FIRST_MM + _ROW_MM * row - MM_PER_MV * mv
    return np.stack([_LEFT_MM + right_mm, down], axis=-1)


_ROWS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
#: What stands where on a page.
STRIPS = (
    *(
        Strip(lead, row, 2.5 * column, 2.5 * (column + 1))
        for row, leads in enumerate(_ROWS)
        for column, lead in enumerate(leads)
    ),
    Strip("II", len(_ROWS), 0.0, 10.0),
)

#: Half the width of the trace, and of letters, mm.
_PEN_MM = 0.15
#: Paper and grid are all of full red: what is dark there is the trace.
_PAPER, _FINE, _COARSE = (255, 255, 255), (255, 222, 222), (255, 168, 168)
#: The standard pulse before each row, 1 mV for 200 ms: mm right of where strips begin, and mV.
_PULSE_MM, _PULSE_MV = np.array([[-12, -10, -10, -5, -5, -3], [0, 0, 1, 1, 0, 0]], dtype=np.float64)
#: Letters as strokes, each a polyline of (x, y) in a box 2 wide and 3 high, y downwards.
_GLYPHS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "I": (((1, 0), (1, 3)),),
    "V": (((0, 0), (1, 3), (2, 0)),),
    "R": (((0, 3), (0, 0), (1.6, 0), (2, 0.7), (1.6, 1.5), (0, 1.5)), ((1, 1.5), (2, 3))),
    "L": (((0, 0), (0, 3), (2, 3)),),
    "F": (((2, 0), (0, 0), (0, 3)), ((0, 1.4), (1.6, 1.4))),
    "a": (((0.3, 1.2), (1.6, 1), (2, 1.5), (2, 3), (0.5, 3), (0, 2.5), (0.5, 1.9), (2, 1.9)),),
    "1": (((0.4, 0.7), (1.1, 0), (1.1, 3)),),
    "2": (((0, 0.6), (0.6, 0), (1.5, 0), (2, 0.6), (2, 1.1), (0, 3), (2, 3)),),
    "3": (((0, 0), (2, 0), (0.9, 1.2), (1.7, 1.4), (2, 2.2), (1.5, 3), (0.5, 3), (0, 2.6)),),
    "4": (((1.5, 3), (1.5, 0), (0, 2), (2, 2)),),
    "5": (((2, 0), (0.2, 0), (0, 1.4), (1.4, 1.2), (2, 1.9), (1.6, 2.9), (0.5, 3), (0, 2.6)),),
    "6": (((1.7, 0), (0.4, 1), (0, 2.2), (0.6, 3), (1.5, 3), (2, 2.2), (1.4, 1.5), (0.2, 1.8)),),
}
_GLYPH_MM = 0.8

#: Pieces that are drawn together.
_AT_ONCE = 500


def page(
    signal: NDArray[np.floating], fs: float, leads: Sequence[str], *, dots_per_mm: int = 8
) -> NDArray[np.uint8]:
    """The first ten seconds of a recording, as printed.

    A lead that is absent leaves its strip empty, and a sample that is missing a gap.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, NaN where missing
    fs : Hz
    leads : (n_leads,) names
    dots_per_mm : 8 are about 200 dpi, the fewest that are exact are 2

    Returns
    -------
    (HEIGHT_MM · dots_per_mm, WIDTH_MM · dots_per_mm, 3) red, green and blue; the dot in row i and
    column j has its centre i / dots_per_mm below, and j / dots_per_mm right of, the corner
    """
    if dots_per_mm < 2:
        raise ValueError(f"dots_per_mm is {dots_per_mm}, wanted at least 2")
    paper = _paper(dots_per_mm)
    t_s = np.arange(signal.shape[1]) / fs
    lines = []
    for strip in STRIPS:
        if strip.lead not in leads:
            continue
        lines.append(_letters(strip))
        inside = (t_s >= strip.begin_s) & (t_s <= strip.end_s)
        values = signal[leads.index(strip.lead), inside].astype(np.float64)
        lines.append(_pieces(strip.at(t_s[inside], values)))
    lines += [_pieces(_at(row, _PULSE_MM, _PULSE_MV)) for row in {one.row for one in STRIPS}]
    ink = _ink(np.concatenate(lines) * dots_per_mm, _PEN_MM * dots_per_mm, paper.shape[:2])
    return np.rint(paper * (1 - ink[..., None])).astype(np.uint8)


def _paper(dots_per_mm: int) -> NDArray[np.uint8]:
    height, width = round(HEIGHT_MM * dots_per_mm), round(WIDTH_MM * dots_per_mm)
    paper = np.full((height, width, 3), _PAPER, dtype=np.uint8)
    for every, colour in ((dots_per_mm, _FINE), (5 * dots_per_mm, _COARSE)):
        paper[::every] = colour
        paper[:, ::every] = colour
    return paper


def _pieces(points: Floats) -> Floats:
    """(n − 1, 4) the straight pieces of a polyline (n, 2), without those that have no end."""
    pieces = np.concatenate([points[:-1], points[1:]], axis=1)
    return pieces[np.isfinite(pieces).all(axis=1)]


def _letters(strip: Strip) -> Floats:
    """A lead's name above the beginning of its strip."""
    corner = strip.at(np.array([strip.begin_s]), np.array([1.2]))[0] + (1, -3 * _GLYPH_MM)
    pieces, right = [], 0.0
    for letter in strip.lead:
        begin = corner + np.array([right, 0.0])
        pieces += [_pieces(np.array(stroke) * _GLYPH_MM + begin) for stroke in _GLYPHS[letter]]
        right += _GLYPH_MM * (1.5 if letter == "I" else 2.9)
    return np.concatenate(pieces)


def _ink(pieces: Floats, half: float, shape: tuple[int, int]) -> NDArray[np.float32]:
    """How much of each dot straight pieces (n, 4) cover, 0 to 1.

    A dot is covered by as much of its width as lies within `half` of a piece. Pieces overlap where
    they meet, so a dot takes the most that one of them gives it, not their sum.

    Parameters
    ----------
    pieces : x, y, x, y of both ends, dots
    half : half the width of the line, dots
    shape : rows and columns
    """
    reach = half + 0.5
    limit = np.array(shape)[::-1] - 1
    ink = np.zeros(shape[0] * shape[1], dtype=np.float32)
    # Few at a time, for the boxes of steep pieces hold many dots.
    for some in np.array_split(pieces, -(-len(pieces) // _AT_ONCE)):
        begin, along = some[:, :2], some[:, 2:] - some[:, :2]
        first = np.ceil(np.minimum(begin, some[:, 2:]) - reach)
        last = np.floor(np.maximum(begin, some[:, 2:]) + reach)
        first, last = (np.clip(one, 0, limit).astype(np.int64) for one in (first, last))
        # Every dot of every piece's box: which piece, and where.
        across, down = (last - first + 1).T
        counts = across * down
        piece = np.repeat(np.arange(len(some)), counts)
        place = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
        dot = first[piece] + np.stack([place % across[piece], place // across[piece]], axis=1)
        away = dot - begin[piece]
        squared = np.maximum((along**2).sum(axis=1), 1e-12)
        share = np.clip((away * along[piece]).sum(axis=1) / squared[piece], 0, 1)
        distance = np.hypot(*(away - share[:, None] * along[piece]).T)
        cover = np.clip(reach - distance, 0, min(1.0, 2 * half)).astype(np.float32)
        np.maximum.at(ink, dot[:, 1] * shape[1] + dot[:, 0], cover)
    return ink.reshape(shape)
