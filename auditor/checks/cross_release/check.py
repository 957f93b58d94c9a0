"""Are people of one release in another? The protocol `cross-release`.

Both are read by a network that knows neither. People are compared in the leads that both have, at
one rate and at one height: copies of a recording are met whose headers state different gains.
Nobody says who is in both, so the threshold comes from people who certainly are not their own
others: each person of a release is searched for among the other people of it, and the score that
hardly any of those reaches is what a claim needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from auditor.attackers.embedding import EMBEDDING, embed, load, trained_without
from auditor.core.errors import DataError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.streams import stream
from auditor.signal.prepare import Prepared
from auditor.signal.segment import cut

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
    """Who of B looks most like whom of A, and whether more than strangers do.

    Attributes
    ----------
    pairs : `a, b, score, claimed`, one row for each person of B, the likeliest first
    threshold : the score a claim needs
    n_decoys : the people that the threshold was set by
    fpir : the share of them beyond it
    n_a, n_b : people compared
    leads : in which they were
    """

    pairs: pd.DataFrame
    threshold: float
    n_decoys: int
    fpir: float
    n_a: int
    n_b: int
    leads: tuple[str, ...]

    @property
    def claimed(self) -> int:
        """How many people of B are claimed to be in A."""
        return int(self.pairs["claimed"].sum())

    @property
    def beyond_luck(self) -> bool:
        """Whether so many claims would hardly ever be made of strangers."""
        chance = (self.fpir * self.n_decoys + 1) / (self.n_decoys + 1)
        return bool(binom.sf(self.claimed - 1, self.n_b, chance) < _BELIEVED)


def link(
    a: Prepared,
    b: Prepared,
    names: tuple[str, str],
    *,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda task, done, total: None,
) -> Links:
    """Search each person of B among those of A.

    Parameters
    ----------
    names : of the two data sets, so that no network is asked about people it was taught on

    Raises
    ------
    DataError
        One holds no heartbeat, they share no lead, or too few people to set a threshold by.
    ModelError
        Every network was taught on one of them.
    """
    for prepared, name in zip((a, b), names, strict=True):
        if why := prepared.silent:
            raise DataError(f"{name}: {why}")
    leads = tuple(lead for lead in _named(a) if lead in _named(b))
    if not leads:
        raise DataError(
            f"no lead is in both: {', '.join(a.leads)} in the first, {', '.join(b.leads)} in the "
            "second"
        )
    model = load(trained_without(*names).path).to(device)
    sides = []
    for prepared in (a, b):
        places = [_named(prepared).index(lead) for lead in leads]
        subject = prepared.records["subject"].to_numpy().astype(str)
        people, code = np.unique(subject, return_inverse=True)
        total = np.zeros((len(people), len(leads) * EMBEDDING))
        for row in range(len(subject)):
            signal, rr = cut(prepared, row, 0, seed)
            rng = stream(seed, f"link/{prepared.records['record'].iloc[row]}")
            total[code[row]] += embed(model, (_of_one_height(signal[:, places]), rr), rng)
            progress("reading beats", row + 1, len(subject))
        sides.append((people, _unit(total, len(leads))))
    (people_a, rows_a), (people_b, rows_b) = sides
    decoys = np.concatenate(
        [_best(rows, rows, itself=True)[0] for rows in (rows_a, rows_b) if len(rows) > 1]
    )
    if len(decoys) < MIN_PEOPLE:
        raise DataError(f"{len(decoys)} people to set a threshold by, wanted {MIN_PEOPLE}")
    allowed = int(_FPIR * len(decoys))
    threshold = float(np.sort(decoys)[::-1][allowed])
    score, place = _best(rows_b, rows_a)
    pairs = pd.DataFrame(
        {"a": people_a[place], "b": people_b, "score": score, "claimed": score > threshold}
    ).sort_values("score", ascending=False, ignore_index=True)
    fpir = float((decoys > threshold).mean())
    return Links(pairs, threshold, len(decoys), fpir, len(people_a), len(people_b), leads)


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
