"""For whom is linkage easier, and what does an intruder need to hold?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers import embedding
from auditor.attackers.demographics import groups_of
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.recogniser import RECOGNISERS, Recogniser
from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.core.evidence import SearchResult
from auditor.core.streams import stream
from auditor.data.protocols import split, unmet
from auditor.signal.filters import FS
from auditor.signal.segment import Cut, cut
from auditor.stats.estimators import measure
from auditor.stats.small_cells import disclosable_groups
from auditor.targets.context import Context

#: Heart rates differ much from here on, 1/min; a rhythm is irregular when times between beats
#: differ from the ones before by this share of themselves.
_FASTER, _IRREGULAR = 15.0, 0.1
_BEATS, _NOISE_DB = (1, 3, 10), (20, 10, 0)


def plan(settings: Settings) -> list[OnRecordings]:
    """One search under each honest protocol."""
    return [Subgroups(protocol=protocol) for protocol in settings.honest_protocols]


@dataclass(frozen=True, eq=False)
class Groups:
    """Searches by who is looked for, and by what the intruder holds.

    Attributes
    ----------
    everybody : the search of all probes
    of : by group, the same of its probes alone
    holding : by what the intruder holds, the search by that
    """

    everybody: SearchResult
    of: Mapping[str, SearchResult]
    holding: Mapping[str, SearchResult]


@dataclass(frozen=True)
class Subgroups(OnRecordings):
    """Linkage by the shipped network, by who is looked for and by what the intruder holds."""

    protocol: str = "cross-session"
    view: str = "embedding"
    id: ClassVar[str] = "slices"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        unavailable = RECOGNISERS.unavailable(context, self.view)
        return unavailable or unmet(context.records, self.protocol)

    def attack(self, context: Context, rng: np.random.Generator) -> Groups:
        """The searches of all probes and of each group that has ten people; smaller ones are left
        out. Noise is added to beats that were found without it.
        """
        enrolment = Enrolment.of_release(context, split(context.records, self.protocol))
        whole = RECOGNISERS[self.view](context, enrolment)
        seen = whole.search(rng)
        of = {
            name: seen.of(groups[name])
            for groups in _groups(context, enrolment)
            for name in disclosable_groups(groups, seen.subject)
        }
        holding = {name: part.search(rng) for name, part in _held(context, whole)}
        return Groups(seen, of, holding)

    def estimate(self, evidence: Groups, level: float, draw: Draw) -> Measured:
        """How often the right person is named first: of everybody, by group, by what is held."""
        found, curves = measure("", evidence.everybody, level=level, rng=draw(""))
        parts = {f"among_{name}": one for name, one in evidence.of.items()}
        parts |= {f"holding_{name}": one for name, one in evidence.holding.items()}
        for name, one in parts.items():
            found |= measure(name, one, level=level, rng=draw(name))[0]
        return Measured(found, curves)


def _groups(context: Context, who: Enrolment) -> Iterator[dict[str, NDArray[np.bool_]]]:
    """The probes of an enrolment in groups of one kind after the other, by name."""
    records = context.records
    row = who.pool.row[who.probe]
    first = dict(zip(who.gallery_subject[::-1], who.gallery.row[::-1], strict=True))
    home = np.array([first[one] for one in who.pool_subject[who.probe]])
    probe, gallery = records.iloc[row], records.iloc[home]
    for kind in groups_of(records).values():
        yield {name: chosen[row] for name, chosen in kind.items()}
    dates = (pd.to_datetime(one["taken_at"]).to_numpy() for one in (probe, gallery))
    days = np.abs(np.subtract(*dates) / np.timedelta64(1, "D"))
    yield {
        "days_up_to_30": days <= 30,
        "days_31_to_365": (days > 30) & (days <= 365),
        "days_over_365": days > 365,
    }
    rhythm = {int(one): _rhythm(context.prepared.anchors(int(one))) for one in {*row, *home}}
    here, there = (np.array([rhythm[int(one)] for one in rows]) for rows in (row, home))
    faster = np.abs(here[:, 0] - there[:, 0]) >= _FASTER
    yield {"heart_rate_alike": ~faster, "heart_rate_15_apart": faster}
    irregular = here[:, 1] >= _IRREGULAR
    yield {"rhythm_regular": ~irregular, "rhythm_irregular": irregular}
    rest = np.array([_rest(cut(context.prepared, int(one), 0, context.seed)) for one in row])
    worse = rest > np.median(rest)
    yield {"quality_of_the_better_half": ~worse, "quality_of_the_worse_half": worse}


def _rhythm(anchor: NDArray[np.int64]) -> tuple[float, float]:
    """Heart rate, 1/min, and the median jump from one time between beats to the next."""
    rr = np.diff(anchor)
    if len(rr) < 2:
        return np.nan, 0.0
    return 60 * FS / float(np.median(rr)), float(np.median(np.abs(np.diff(rr)) / rr[:-1]))


def _rest(beats: Cut) -> float:
    """How far beats stray from their median, as a share of its size."""
    signal = beats[0]
    middle = np.median(signal, axis=0)
    return float(np.median(np.abs(signal - middle)) / max(float(middle.std()), 1e-6))


def _held(context: Context, whole: Recogniser) -> Iterator[tuple[str, Recogniser]]:
    """What the recogniser sees of probes of which the intruder holds less."""
    model = embedding.load(embedding.trained_without(context.dataset.name).path).to(context.device)
    who = whole.enrolment

    def seen(name: str, change: Callable[[Cut, np.random.Generator], Cut]) -> Recogniser:
        pool = whole.pool.copy()
        for place in who.probe:
            row, half = int(who.pool.row[place]), int(who.pool.half[place])
            rng = stream(context.seed, f"slices/{name}/{context.records['record'].iloc[row]}")
            beats = cut(context.prepared, row, half, context.seed)
            pool[place] = embedding.embed(model, change(beats, rng), rng)
        return replace(whole, pool=pool)

    for n in _BEATS:
        name = "1_beat" if n == 1 else f"{n}_beats"
        yield name, seen(name, partial(_few, n))
    for db in _NOISE_DB:
        name = f"noise_of_{db}_db"
        yield name, seen(name, partial(_noisy, db))
    if len(context.prepared.leads) > 1:
        first = slice(0, embedding.EMBEDDING)
        yield (
            f"lead_{context.prepared.leads[0]}_alone",
            replace(whole, gallery=whole.gallery[:, first], pool=whole.pool[:, first]),
        )


def _few(n: int, beats: Cut, rng: np.random.Generator) -> Cut:
    return beats[0][:n], beats[1][:n]


def _noisy(db: float, beats: Cut, rng: np.random.Generator) -> Cut:
    """Beats with white noise, each lead's so many dB below its signal."""
    size = beats[0].std(axis=(0, 2), keepdims=True) * 10 ** (-db / 20)
    noise = rng.normal(size=beats[0].shape) * size
    return (beats[0] + noise).astype(np.float32), beats[1]
