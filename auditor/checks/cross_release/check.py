"""Are people of one release in another?

Both are read by a network that knows neither. People are compared in the leads that both have, at
one rate and at one height: copies of a recording are met whose headers state different gains.
Nobody says who is in both, so the threshold comes from people who certainly are not their own
others: each person of a release is searched for among the other people of it, and the score that
hardly any of those reaches is what a claim needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.embedding import EMBEDDING, embed, load, trained_without
from auditor.checks.base import Draw, Measured, OnRecordings
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.signal.prepare import Prepared
from auditor.signal.segment import cut
from auditor.stats.intervals import clopper_pearson
from auditor.targets.context import Context
from auditor.targets.release import Release

Floats = NDArray[np.float32]
#: A lead by its name, and by the one that stands in for it.
_AS = {"MLII": "II"}
#: Strangers who may be taken for somebody: one in a hundred, or none where there are fewer.
_FPIR = 0.01
#: How seldom strangers may give so many claims before they are believed.
_BELIEVED = 0.01
#: About what beats of an adult have, mV.
_HEIGHT_MV = 0.2
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Links:
    """Who of the release looks most like whom of the other, and how often strangers do.

    Attributes
    ----------
    pairs : `a, b, score, claimed`, one row for each person of the release (b), the likeliest first
    threshold : the score a claim needs
    n_decoys : the people that the threshold was set by
    fpir : the share of them beyond it
    n_other : people of the other release
    leads : in which they were compared
    """

    pairs: pd.DataFrame
    threshold: float
    n_decoys: int
    fpir: float
    n_other: int
    leads: tuple[str, ...]

    @property
    def n_claimed(self) -> int:
        """How many people of the release are claimed to be in the other."""
        return int(self.pairs["claimed"].sum())

    @property
    def chance(self) -> float:
        """How often a stranger is claimed, as far as the decoys can show."""
        return (self.fpir * self.n_decoys + 1) / (self.n_decoys + 1)


@dataclass(frozen=True)
class CrossRelease(OnRecordings):
    """Somebody who holds another release looks in this one for the people they know.

    Attributes
    ----------
    other : the release whose people are known
    told : handed the pairs, which name people
    """

    view: str = "embedding"
    protocol: str = "cross-release"
    other: Release = field(kw_only=True)
    told: Callable[[Links], None] = field(kw_only=True, default=lambda links: None)
    id: ClassVar[str] = "cross-release"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on these releases; None when it can."""
        for release in (self.other, context.release):
            if why := release.prepared.silent:
                return f"{release.dataset.name}: {why}"
        if not _shared_leads(self.other.prepared, context.prepared):
            leads = (", ".join(one.leads) for one in (self.other.prepared, context.prepared))
            return "no lead is in both: {} in the first, {} in the second".format(*leads)
        sides = (self.other.records, context.records)
        sizes = [n for n in (one["subject"].nunique() for one in sides) if n > 1]
        if sum(sizes) < MIN_PEOPLE:
            return f"{sum(sizes)} people to set a threshold by, wanted {MIN_PEOPLE}"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Links:
        """Each person of the release searched for among those of the other.

        Raises
        ------
        ModelError
            Every network was taught on one of them.
        """
        del rng
        a, b = self.other.prepared, context.prepared
        leads = _shared_leads(a, b)
        names = self.other.dataset.name, context.dataset.name
        model = load(trained_without(*names).path).to(context.device)
        sides = []
        for prepared in (a, b):
            places = [_named(prepared).index(lead) for lead in leads]
            subject = prepared.records["subject"].to_numpy().astype(str)
            people, code = np.unique(subject, return_inverse=True)
            total = np.zeros((len(people), len(leads) * EMBEDDING))
            for row in range(len(subject)):
                signal, rr = cut(prepared, row, 0, context.seed)
                drawn = stream(context.seed, f"link/{prepared.records['record'].iloc[row]}")
                total[code[row]] += embed(model, (_of_one_height(signal[:, places]), rr), drawn)
                context.progress("reading beats", row + 1, len(subject))
            sides.append((people, _unit(total, len(leads))))
        (people_a, rows_a), (people_b, rows_b) = sides
        decoys = np.concatenate(
            [_best(rows, rows, itself=True)[0] for rows in (rows_a, rows_b) if len(rows) > 1]
        )
        threshold = float(np.sort(decoys)[::-1][int(_FPIR * len(decoys))])
        score, place = _best(rows_b, rows_a)
        pairs = pd.DataFrame(
            {"a": people_a[place], "b": people_b, "score": score, "claimed": score > threshold}
        ).sort_values("score", ascending=False, ignore_index=True)
        fpir = float((decoys > threshold).mean())
        links = Links(pairs, threshold, len(decoys), fpir, len(people_a), leads)
        self.told(links)
        return links

    def estimate(self, evidence: Links, level: float, draw: Draw) -> Measured:
        """The share of people who are claimed to be in the other release, and how much that is
        more than strangers would be.

        The interval of the excess is Clopper and Pearson's, with an error of one in a hundred at
        either end: its lower end is above 0 where so many claims would hardly be made of strangers.
        """
        del draw
        n, k, chance = len(evidence.pairs), evidence.n_claimed, evidence.chance
        sure = 1 - 2 * _BELIEVED
        low, high = clopper_pearson(k, n, sure)
        found = {
            "claimed": Estimate(k / n, *clopper_pearson(k, n, level), level, n, chance),
            "claimed_excess": Estimate(k / n - chance, low - chance, high - chance, sure, n, 0.0),
        }
        params = {"leads": list(evidence.leads), "people searched": evidence.n_other}
        return Measured(found, params=params | {"strangers compared": evidence.n_decoys})


def _shared_leads(a: Prepared, b: Prepared) -> tuple[str, ...]:
    return tuple(lead for lead in _named(a) if lead in _named(b))


def _named(prepared: Prepared) -> list[str]:
    return [_AS.get(lead, lead) for lead in prepared.leads]


def _of_one_height(beats: Floats) -> Floats:
    """Beats (n_beats, n_leads, n_samples) as though the leads' RMS together were `_HEIGHT_MV`."""
    away = beats - np.median(beats, axis=2, keepdims=True)
    rms = float(np.sqrt(np.square(away).mean()))
    return np.asarray(beats * np.float32(_HEIGHT_MV / max(rms, 1e-6)))


def _unit(rows: NDArray[np.float64], n_leads: int) -> Floats:
    """Each lead's direction of length 1/√leads, so that a dot product is the mean of cosines."""
    each = rows.reshape(len(rows), n_leads, -1)
    length = np.linalg.norm(each, axis=2, keepdims=True)
    unit = each / np.maximum(length, 1e-12) / np.sqrt(n_leads)
    return unit.reshape(len(rows), -1).astype(np.float32)


def _best(probe: Floats, gallery: Floats, itself: bool = False) -> tuple[Floats, NDArray[np.int64]]:
    """Each probe's best score in a gallery, and whose it is; its own does not count."""
    score, place = np.empty(len(probe), np.float32), np.empty(len(probe), np.int64)
    for start in range(0, len(probe), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores = probe[block] @ gallery.T
        if itself:
            scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -np.inf
        place[block] = scores.argmax(axis=1)
        score[block] = scores.max(axis=1)
    return score, place
