"""What another day costs each attacker in reference sets, and how well that foretells a set that is
left out.

`python -m tests.benchmarks.transfer WORK [SET ...]` measures some sets, or all; what was measured
before in the folder WORK is kept. When all are there it writes the table that ships with the
package, `auditor/stats/other_days.csv`, and what is told in MEASUREMENTS.md. Of a set nothing is
kept but scores; the table holds one number of each set and attacker, and none of a person.

Not among the sets is qtdb: its excerpts of MIT-BIH are the same recordings, and no other day.
"""

from __future__ import annotations

import csv
import datetime
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auditor.attackers.embedding import trained_without
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.fiducials import fiducial_table
from auditor.attackers.recogniser import RECOGNISERS
from auditor.audit import Run, open_context
from auditor.core.evidence import Margins, SearchResult
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.data.leads import LeadSet
from auditor.data.protocols import Items, split
from auditor.engine import engine
from auditor.simulate.population import Population
from auditor.stats.estimators import rate
from auditor.stats.forecast import rank1_at
from auditor.stats.metrics import rank_rate, tpir_at_fpir
from auditor.stats.transfer import TABLE, OtherDay, expected_loss, foretold, mean_loss
from auditor.targets.context import Context
from tests.benchmarks.measurements import Measurement, record, record_row

RUNGS = (
    *("template", "fiducials", "whitened", "subspace", "plda"),
    *("embedding", "adapted", "fusion"),
)
#: Whose network reads beats: rungs that it has a part in.
NETWORK = ("embedding", "adapted", "fusion")
LEVEL = 0.9
DATA = Path(os.environ.get("AUDITOR_DATA") or Path(__file__).parents[3] / "shared" / "data")
COMMAND = "python -m tests.benchmarks.transfer"


@dataclass(frozen=True)
class Reference:
    """A set whose people were recorded again.

    Attributes
    ----------
    folder : of the real recordings; "" of a simulated set
    leads : by which they are looked at, where not by all
    people : that are simulated
    beyond : whether days differ more than real ones do: it is foretold, and foretells nothing
    """

    folder: str = ""
    leads: tuple[str, ...] = ()
    people: Population | None = None
    beyond: bool = False


def recorder(n_subjects: int, *, beyond: bool = False, **knobs: Any) -> Reference:
    """A simulated recorder: one record on each of two days."""
    people = Population(n_subjects, n_sessions=2, n_records=1, **knobs)
    return Reference(people=people, beyond=beyond)


REFERENCES = {
    "ecgiddb": Reference("ecgiddb"),
    "heartprint": Reference("heartprint-dev"),
    "ptbxl8": Reference("ptb-xl"),
    "ptbxlI": Reference("ptb-xl", ("I",)),
    "ptbxl3": Reference("ptb-xl", ("I", "II", "V2")),
    # In the real sets a person's fiducials differ between days by about a third as much as people
    # do (`spread_of_days`), and here by 0.2 to 0.6 times as much.
    "sim-a": recorder(90, seconds=20, leads=("I",), noise_mv=0.02, drift=0.3, seed=471),
    "sim-b": recorder(90, seconds=15, leads=("I",), noise_mv=0.05, drift=0.6, seed=472),
    "sim-d": recorder(150, seconds=10, noise_mv=0.02, drift=0.3, seed=474),
    "sim-g": recorder(
        100, seconds=10, leads=("II", "V5"), noise_mv=0.06, drift=0.5, identity=0.6, seed=477
    ),
    "sim-i": recorder(120, seconds=30, leads=("II",), noise_mv=0.04, drift=0.4, seed=479),
    "sim-j": recorder(120, seconds=10, leads=("I", "V2", "V5"), noise_mv=0.06, drift=0.2, seed=480),
    # Here they differ by 0.8 to 1.5 times as much.
    "sim-c": recorder(
        150, seconds=10, leads=("I", "II"), noise_mv=0.03, drift=1.0, beyond=True, seed=473
    ),
    "sim-e": recorder(200, seconds=10, noise_mv=0.05, drift=1.0, beyond=True, seed=475),
    "sim-f": recorder(
        120, seconds=30, leads=("II",), noise_mv=0.04, drift=0.8, beyond=True, seed=476
    ),
    "sim-h": recorder(
        120, seconds=10, noise_mv=0.03, drift=1.5, identity=0.5, beyond=True, seed=478
    ),
}


@dataclass(frozen=True, eq=False)
class Seen:
    """One attacker before one set: halves of one record of each person, and records of other days.

    `row` is the set's in the table, its loss apart.
    """

    row: OtherDay
    halves: Margins
    day: SearchResult

    @property
    def rank1(self) -> np.ndarray:
        """(n_people,) how often each was found by another day, among as many as the halves were."""
        size = min(self.halves.n_gallery, self.day.n_gallery)
        return rank1_at(self.day, np.array([size]))[:, 0]

    @property
    def measured(self) -> OtherDay:
        """The set's row; half a person more of either kind, so that nobody is found always."""
        found = self.rank1
        shrunk = (found.sum() + 0.5) / (len(found) + 1)
        return replace(self.row, loss=mean_loss(self.halves, float(shrunk)))


@contextmanager
def opened(name: str, work: Path) -> Iterator[Context]:
    """A reference set."""
    one = REFERENCES[name]
    root = DATA / one.folder
    if one.people is not None and not (root := work / "sets" / name).exists():
        one.people.write(root)
    with engine() as workers:
        context = open_context(root, Run.of("public", "quick", device="cpu"), workers)
        if one.leads:
            every = np.arange(len(context.dataset.manifest))
            by_leads = replace(context.release, lead_set=LeadSet(one.leads, every))
            context = replace(context, release=by_leads, memo={})
        yield context


def single(context: Context) -> Context:
    """The same with each person's first record alone."""
    records, dataset = context.records, context.dataset
    first = records["record"][~records["subject"].duplicated()]
    rows = np.flatnonzero(dataset.manifest["record"].isin(set(first)))
    part = replace(dataset.part(rows), fingerprint=f"{dataset.fingerprint}+first")
    return replace(context, release=replace(context.release, dataset=part), memo={})


def days_apart(records: pd.DataFrame, day: SearchResult) -> float:
    """Days between a person's first record and their other days, the median over people."""
    if not records["taken_at"].notna().all():
        return float("nan")
    taken = pd.to_datetime(records["taken_at"])
    apart = (taken - taken.groupby(records["subject"]).transform("first")).dt.days
    asked = records["subject"].isin(set(day.subject)) & (apart > 0)
    return float(apart[asked].groupby(records["subject"]).median().median())


def measured(name: str, work: Path) -> list[Seen]:
    """Every attacker before one set."""
    if (kept := work / f"{name}.npz").exists():
        return _read(kept)
    found = []
    with opened(name, work) as context:
        alone, records = single(context), context.records
        for view in RUNGS:
            rng = stream(0, f"transfer/{name}/{view}")
            halves = Enrolment.of_release(alone, split(alone.records, "random-segment"))
            other = Enrolment.of_release(context, split(records, "cross-session"))
            seen = RECOGNISERS[view](alone, halves).margins(rng, 2000)
            day = RECOGNISERS[view](context, other).search(rng)
            network = trained_without(context.dataset.name).path.stem if view in NETWORK else ""
            row = OtherDay(
                data=name if REFERENCES[name].people else context.dataset.name,
                real=REFERENCES[name].people is None,
                view=view,
                people=len(np.unique(day.subject)),
                gallery=day.n_gallery,
                leads=" ".join(context.prepared.leads),
                seconds=round(float(records["duration_s"].median()), 1),
                fs=float(context.dataset.manifest["fs"].median()),
                days=days_apart(records, day),
                weights=network,
                loss=float("nan"),
            )
            found.append(Seen(row, seen, day))
            print(name, view, f"rank-1 {rank_rate(day, 1).mean():.3f}", flush=True)
    _write(kept, found)
    return found


def _write(path: Path, every: Sequence[Seen]) -> None:
    parts = {
        f"{seen.row.view}/{side}/{one.name}": getattr(getattr(seen, side), one.name)
        for seen in every
        for side, of in _SIDES.items()
        for one in fields(of)
    }
    np.savez_compressed(path, rows=json.dumps([asdict(seen.row) for seen in every]), **parts)


def _read(path: Path) -> list[Seen]:
    kept = np.load(path)
    found = []
    for said in json.loads(str(kept["rows"])):
        sides = {
            side: of(**{one.name: kept[f"{said['view']}/{side}/{one.name}"] for one in fields(of)})
            for side, of in _SIDES.items()
        }
        sides = {name: replace(one, n_gallery=int(one.n_gallery)) for name, one in sides.items()}
        found.append(Seen(OtherDay(**said), **sides))
    return found


_SIDES: dict[str, Any] = {"halves": Margins, "day": SearchResult}


def spread_of_days(name: str, work: Path) -> tuple[float, float, float]:
    """How far a person's fiducials differ between days beside how far people do: quartiles over the
    columns of the table.

    Spreads are by medians: of how far a person's other days lie from their first, and of how far
    people's first days lie from the middle.
    """
    with opened(name, work) as context:
        records = context.records
        table = fiducial_table(context, Items.whole(np.arange(len(records))))
        days = pd.DataFrame(table).groupby([records["subject"], records["session"]], sort=False)
        by_day = days.median()
    shares = []
    for place in by_day.columns:
        known = by_day[place].dropna()
        first = known.groupby(level=0, sort=False).transform("first")
        again = known.index.get_level_values(0).duplicated()
        moved = (known - first).abs()[again].groupby(level=0).median()
        people = known[~again]
        within = 1.4826 * moved.median() / np.sqrt(2)
        every = 1.4826 * (people - people.median()).abs().median()
        if every > 0:
            shares.append(within / np.sqrt(max(every**2 - within**2, 1e-9)))
    low, middle, high = np.quantile(shares, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def write_table(rows: Sequence[OtherDay]) -> None:
    """The table that ships."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        columns = list(asdict(rows[0]))
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        for one in rows:
            days = "" if np.isnan(one.days) else f"{one.days:g}"
            numbers = {"seconds": f"{one.seconds:g}", "fs": f"{one.fs:g}", "days": days}
            told = {"real": "yes" if one.real else "no", "loss": f"{one.loss:.3f}"}
            table.writerow(asdict(one) | numbers | told)


@dataclass(frozen=True)
class LeftOut:
    """What was foretold of a set by all others, and what was measured."""

    set: str
    view: str
    name: str
    told: Estimate
    measured: float

    @property
    def inside(self) -> bool:
        """Whether what was measured lies in the interval."""
        return self.told.low <= self.measured <= self.told.high


def judged(seen: SearchResult) -> dict[str, Estimate]:
    """What is foretold of a search, in its own gallery, in a small one, and for certain."""
    found = {"rank1": rate(rank_rate(seen, 1), LEVEL, None)}
    found["rank1_among_40"] = rate(rank1_at(seen, np.array([40]))[:, 0], LEVEL, None)
    if len(np.unique(seen.subject)) >= 100:
        found["tpir_at_fpir_1pct"] = rate(tpir_at_fpir(seen, 0.01), LEVEL, None)
    return found


def left_out(every: dict[str, list[Seen]], rows: Sequence[OtherDay]) -> list[LeftOut]:
    """Each set foretold by the rows of the others."""
    found = []
    for name, some in every.items():
        for seen in some:
            loss = expected_loss(rows, seen.row.view, seen.row.data, LEVEL)
            if loss is None:
                continue
            truth = {"rank1": float(seen.rank1.mean())} | {
                key: one.value for key, one in judged(seen.day).items() if key != "rank1"
            }
            for key, told in foretold(seen.halves, loss, judged).items():
                if key in truth:
                    found.append(LeftOut(name, seen.row.view, key, told, truth[key]))
    return found


TOLD = {
    "rank1": "Rank-1",
    "rank1_among_40": "Rank-1 among 40 people",
    "tpir_at_fpir_1pct": "TPIR at FPIR 1 %",
}


def tell(found: Sequence[LeftOut], by: str = "the others") -> None:
    """How often what was measured lay in the interval, and how wide that was.

    Parameters
    ----------
    by : the sets that each was foretold by
    """
    alone = "" if by == "the others" else f"/{by.replace(' ', '-')}"
    today = datetime.date.today().isoformat()

    def kept(place: str, claim: str, value: str, data: str, n: int, note: str = "",
             unit: str = "", wanted: str | None = None) -> None:  # fmt: skip
        record(Measurement(
            id=f"forecast/other-day{alone}/{place}", room="forecast", claim=claim, command=COMMAND,
            data=data, n=f"{n} pairs of a set and a rung", value=value, unit=unit, interval=None,
            wanted=wanted, date=today, note=note,
        ))  # fmt: skip

    for name, title in TOLD.items():
        for beyond in (False, True):
            some = [
                one for one in found if one.name == name and REFERENCES[one.set].beyond == beyond
            ]
            sets = sorted({one.set for one in some})
            n, inside = len(some), sum(one.inside for one in some)
            data = f"{', '.join(sets)}; each foretold by {by}"
            place = f"{name}{'-beyond' if beyond else ''}"
            where = ", days that differ as people do" if beyond else ""
            kept(f"{place}/inside", f"{title} by an ECG of another day{where}: measured inside "
                 "what is foretold at 90 %", f"{100 * inside / n:.0f}", data, n, f"{inside} of {n}",
                 "%", None if beyond else ">= 90")  # fmt: skip
            if not beyond:
                for end, values in (
                    ("width", [one.told.high - one.told.low for one in some]),
                    ("lower end", [one.told.low for one in some]),
                ):
                    claim = f"{title} by an ECG of another day: {end} of what is foretold, median"
                    kept(f"{place}/{end.replace(' ', '-')}", claim,
                         f"{np.median(values):.2f}", data, n)  # fmt: skip
    for name in REFERENCES if not alone else ():
        cells = {
            one.view: f"{one.measured:.2f} ({one.told.low:.2f}–{one.told.high:.2f})"
            + ("" if one.inside else " outside")
            for one in found
            if one.set == name and one.name == "rank1"
        }
        record_row("other-days", {"set": name}, cells, today)


def tell_spread(name: str, quartiles: tuple[float, float, float]) -> None:
    """How far days differ in one set."""
    low, middle, high = (f"{one:.2f}" for one in quartiles)
    record(Measurement(
        id=f"forecast/other-day/spread-{name}", room="forecast",
        claim="How far a person's fiducials differ between days, beside how far people do",
        command=COMMAND, data=name, n=None, value=middle, unit="", interval=(low, high),
        wanted=None, date=datetime.date.today().isoformat(),
        note="median and quartiles over the columns of the table",
    ))  # fmt: skip


def main(work: Path, *names: str) -> None:
    """What the module says."""
    work.mkdir(parents=True, exist_ok=True)
    every = {name: measured(name, work) for name in names or REFERENCES}
    if list(every) == list(REFERENCES):
        rows = [
            one.measured for name in every if not REFERENCES[name].beyond for one in every[name]
        ]
        write_table(rows)
        tell(left_out(every, rows))
        tell(left_out(every, [one for one in rows if one.real]), "the real sets alone")
        for name in ("ecgiddb", "heartprint", "ptbxlI"):
            tell_spread(name, spread_of_days(name, work))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
