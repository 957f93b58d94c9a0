"""Recall and precision by class, of any tool, on a corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType

from tests.data.identifiers.corpus import Cells, Text

#: What a tool says of a text: (class, start, stop).
Told = Sequence[tuple[str, int, int]]


@dataclass
class Score:
    """Of one class: how many were planted and found, and how many were told and right."""

    n: int = 0
    found: int = 0
    told: int = 0
    right: int = 0

    @property
    def recall(self) -> float:
        return self.found / self.n if self.n else float("nan")

    @property
    def precision(self) -> float:
        return self.right / self.told if self.told else float("nan")


def scores(
    corpus: ModuleType,
    told_text: Callable[[Text], Told],
    told_column: Callable[[Cells], str | None] | None = None,
    seed: int = 0,
) -> dict[str, Score]:
    """A planted text is found where something of its class is told that overlaps it; what is told
    is right where it overlaps a planted text of its class.
    """
    found: dict[str, Score] = defaultdict(Score)
    for one in (*corpus.texts(seed), *corpus.lookalikes(seed)):
        _count(found, one, told_text(one))
    if told_column:
        for cells in (*corpus.columns(seed), *corpus.ordinary_columns()):
            kind = told_column(cells)
            if cells.kind:
                found[cells.kind].n += 1
                found[cells.kind].found += kind == cells.kind
            if kind:
                found[kind].told += 1
                found[kind].right += kind == cells.kind
    return dict(found)


def _count(found: dict[str, Score], one: Text, told: Told) -> None:
    for kind, start, stop in one.planted:
        found[kind].n += 1
        found[kind].found += any(k == kind and a < stop and b > start for k, a, b in told)
    for kind, start, stop in told:
        found[kind].told += 1
        found[kind].right += any(k == kind and a < stop and b > start for k, a, b in one.planted)


def whole(seen: Iterable[Score]) -> Score:
    """All classes together."""
    total = Score()
    for one in seen:
        total.n += one.n
        total.found += one.found
        total.told += one.told
        total.right += one.right
    return total
