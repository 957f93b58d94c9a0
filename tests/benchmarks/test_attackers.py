"""How much each rung of the ladder finds on real people, and forecasts on simulated ones.

Galleries hold each person's first record; rates are averaged within a person and then over people,
with probe averages beside them; intervals resample people. `make bench` prints the tables, and
MEASUREMENTS.md keeps what was seen last.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from scipy.stats import binom

from auditor.attackers import embedding
from auditor.attackers.demographics import Demographics
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.recogniser import RECOGNISERS
from auditor.attackers.search import search_gallery
from auditor.audit import Run, open_context
from auditor.checks.cross_release.check import CrossRelease
from auditor.core.errors import ModelError
from auditor.core.evidence import SearchResult
from auditor.data.protocols import Items, Split, later, split
from auditor.engine import engine
from auditor.signal.delineate import delineate_batch
from auditor.signal.filters import FS, clean
from auditor.signal.segment import AFTER, BEFORE, at_one_rate
from auditor.simulate.population import Population
from auditor.stats import metrics
from auditor.stats.forecast import forecast, rank1_at
from auditor.stats.intervals import person_bootstrap
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.benchmarks.test_speed import say

RUNGS = (
    *("template", "fiducials", "whitened", "subspace", "plda"),
    *("embedding", "adapted", "fusion"),
)


ROOM = "attackers"
ECG_ID, EIGHT_LEADS, ONE_LEAD = "ECG-ID, lead I", "PTB-XL, 8 leads", "PTB-XL, lead I"
#: Rank-1 and EER in percent: of the strongest rung but the fusion, of the fusion, of `embedding`.
WANTED = {
    (ECG_ID, "same-session"): {
        "strongest": (0.99, 1.0), "fusion": (0.99, 1.0), "embedding": (0.96, 2.0),
    },
    (ECG_ID, "cross-session"): {
        "strongest": (0.98, 1.0), "fusion": (0.98, 1.0), "embedding": (0.92, 2.0),
    },
    (EIGHT_LEADS, "any"): {"strongest": (0.90, 4.0)},
    (ONE_LEAD, "any"): {"strongest": (0.88, 6.0)},
}  # fmt: skip
BY_LUCK = "adapted, records of the next person"


@dataclass(frozen=True)
class Rates:
    """Rank-1 by person and EER, each with its interval, and of how many people."""

    rank1: tuple[float, float, float]
    by_probe: float
    eer: tuple[float, float, float]
    n: int


def told(name: str, seen: SearchResult) -> Rates:
    """One line of the table."""
    rng = np.random.default_rng(0)
    rank1 = metrics.rank_rate(seen, 1)
    genuine, impostor = metrics.acceptance(seen)

    def mean(weights: np.ndarray) -> np.ndarray:
        return weights @ rank1 / weights.sum(axis=1)

    def eer(weights: np.ndarray) -> np.ndarray:
        share = weights / weights.sum(axis=1, keepdims=True)
        return metrics.eer(share @ genuine, share @ impostor)

    n = len(rank1)
    value = float(eer(np.ones((1, n)))[0])
    by_probe = float(metrics.hits(seen.n_above, seen.n_tied, 1).mean())
    (low, high), (least, most) = (
        person_bootstrap(statistic, n, 0.95, rng) for statistic in (mean, eer)
    )
    say(
        f"{name:34} rank-1 {rank1.mean():.3f} ({low:.3f}-{high:.3f}), by probe {by_probe:.3f}; "
        f"EER {value:.2%} ({least:.2%}-{most:.2%}); n {n} of {seen.n_gallery}"
    )
    return Rates((float(rank1.mean()), low, high), by_probe, (value, least, most), n)


def kept(measured, name: str, protocol: str, found: dict[str, Rates]) -> None:
    """The ladder's rows, and beside what was wanted the rungs that it was wanted of."""
    for view, one in found.items():
        (rank1, low, high), (eer, least, most) = one.rank1, one.eer
        measured.row("ladder", {"data": name, "protocol": protocol, "rung": view}, {
            "rank-1": f"{rank1:.3f} ({low:.3f}–{high:.3f})", "by probe": f"{one.by_probe:.3f}",
            "EER": f"{100 * eer:.2f} % ({100 * least:.2f}–{100 * most:.2f})", "n": str(one.n),
        })  # fmt: skip
    for which, (rate, percent) in WANTED.get((name, protocol), {}).items():
        single = which == "strongest"
        views = [view for view in found if view != "fusion"] if single else [which]
        first = max(views, key=lambda view: found[view].rank1[0])
        second = min(views, key=lambda view: found[view].eer[0])
        place = f"{ROOM}/{name}/{protocol}/{which}".lower().replace(", ", "-").replace(" ", "-")
        said = {"room": ROOM, "data": f"{name}, {protocol}", "n": f"{found[first].n} people"}
        measured(f"{place}-rank1", f"Rank-1 of the {which} rung", found[first].rank1[0],
                 interval=found[first].rank1[1:], wanted=f">= {rate}",
                 note=f"{first}, the fusion apart" if single else "", **said)  # fmt: skip
        measured(f"{place}-eer", f"EER of the {which} rung", 100 * found[second].eer[0], unit="%",
                 interval=[100 * end for end in found[second].eer[1:]], wanted=f"<= {percent}",
                 digits=2, note=f"{second}, the fusion apart" if single else "",
                 **said)  # fmt: skip


def ladder(folder: Path, name: str, protocols: tuple[str, ...], measured) -> dict[str, float]:
    """Every rung that can be climbed, under each protocol; `any` asks of all later records."""
    found: dict[str, float] = {}
    with engine() as workers:
        context = open_context(folder, Run.of(preset="quick"), workers)
        for protocol in protocols:
            first = np.flatnonzero(~context.records["subject"].duplicated())
            parts = (
                Split("any", Items.whole(first), Items.whole(later(context.records)))
                if protocol == "any"
                else split(context.records, protocol)
            )
            who = Enrolment.of_release(context, parts)
            rates = {
                view: told(
                    f"{name} {protocol} {view}",
                    RECOGNISERS[view](context, who).search(np.random.default_rng(0)),
                )
                for view in RUNGS
                if not RECOGNISERS.unavailable(context, view)
            }
            kept(measured, name, protocol, rates)
            found |= {f"{view} {protocol}": one.rank1[0] for view, one in rates.items()}
            by_luck(name, protocol, context, who, measured)
    return found


def by_luck(name: str, protocol: str, context: Context, who: Enrolment, measured) -> None:
    """Everybody's later records given to the next person: they are found no more than by chance,
    and less, as the one they are of is still there to be found.
    """
    people, code = np.unique(who.pool_subject, return_inverse=True)
    fold_of = who.pool_fold[np.unique(code, return_index=True)[1]]
    found = []
    for shift in range(1, 9):
        other = (code + shift) % len(people)
        dealt = replace(who, pool_subject=people[other], pool_fold=fold_of[other])
        # What was learned of who repeats what is forgotten.
        fresh = replace(context, memo={})
        seen = RECOGNISERS["adapted"](fresh, dealt).search(np.random.default_rng(0))
        found.append(metrics.rank_rate(seen, 1).mean())
    chance = 1 / len(np.unique(who.gallery_subject))
    say(
        f"{name} {protocol}: adapted, records of the next person {np.mean(found):.4f}, "
        f"chance {chance:.4f}"
    )
    n_people = len(np.unique(who.pool_subject[who.probe]))
    measured.row(
        "ladder",
        {"data": name, "protocol": protocol, "rung": BY_LUCK},
        {"rank-1": f"{np.mean(found):.4f}, chance {chance:.4f}", "n": str(n_people)},
    )
    n = len(found) * n_people
    assert np.mean(found) * n <= binom.ppf(0.9999, n, chance) + 1


def test_ecg_id(data, measured):
    protocols = ("random-segment", "same-session", "cross-session")
    found = ladder(data / "ecgiddb", ECG_ID, protocols, measured)
    assert found["embedding same-session"] > found["template same-session"]


def test_ptb_xl_on_all_leads(data, measured):
    found = ladder(data / "ptb-xl", EIGHT_LEADS, ("any",), measured)
    assert found["fusion any"] > found["template any"]


def test_ptb_xl_on_lead_one_alone(data, tmp_path, measured):
    """Files that hold lead I and nothing else: no other lead helps to find a heartbeat."""
    shutil.copy(data / "ptb-xl" / "ptbxl_database.csv", tmp_path)
    for header in sorted((data / "ptb-xl" / "records100").rglob("*.hea")):
        record = wfdb.rdrecord(str(header.with_suffix("")), channels=[0])
        folder = tmp_path / header.parent.relative_to(data / "ptb-xl")
        folder.mkdir(parents=True, exist_ok=True)
        wfdb.wrsamp(
            header.stem, fs=record.fs, units=["mV"], sig_name=["I"], p_signal=record.p_signal,
            fmt=["16"], adc_gain=[1000.0], baseline=[0], write_dir=str(folder),
        )  # fmt: skip
    found = ladder(tmp_path, ONE_LEAD, ("any",), measured)
    assert found["fusion any"] > found["template any"]


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [("mitdb", "qtdb", 9), ("ptb-xl", "challenge-2021", 3), ("ecgiddb", "challenge-2021", 0)],
)
def test_hearts_in_two_releases(data, first, second, shared, measured):
    with engine() as workers:
        one, other = (Release.open(data / name, workers) for name in (first, second))
        check, context = CrossRelease(other=one), Context(other, "cpu", 0, None)
        # Weights that saw either are left out by name; where all did, the pair is not judged.
        try:
            seen = check.attack(context, np.random.default_rng(0))
        except ModelError as error:  # the reason is what is measured here
            pytest.skip(str(error))
    best = seen.pairs[seen.pairs["claimed"]]
    say(f"link {first} {second}: {seen.n_claimed} of {len(seen.pairs)} claimed, {shared} shared; "
        f"threshold {seen.threshold:.3f} by {seen.n_decoys} strangers; scores of claims "
        f"{[round(float(one), 3) for one in best['score']]}")  # fmt: skip
    scores = best["score"]
    between = f"; scores {scores.min():.3f} to {scores.max():.3f}" if len(best) else ""
    measured(f"shortcuts/link-{first}-{second}", "Hearts of one release claimed to be in the other",
             seen.n_claimed, room="shortcuts", data=f"{first} and {second}", digits=0,
             n=f"{len(seen.pairs)} people, {shared} shared",
             note=f"threshold {seen.threshold:.3f} by {seen.n_decoys} strangers{between}",
    )  # fmt: skip
    excess = check.estimate(seen, 0.95, np.random.default_rng).estimates["claimed_excess"]
    assert (excess.low > 0) == (shared > 0)


def test_twenty_thousand_simulated_people_are_foretold_from_two_thousand(measured):
    """Two sessions of each, leads I and II; templates and the network, with noise added to both."""
    population = Population(
        n_subjects=20_000, n_sessions=2, n_records=1, leads=("I", "II"), fs=FS, seed=5
    )
    model = embedding.shipped()[0].model()
    rows: dict[str, list[np.ndarray]] = {"template": [], "embedding": []}
    subject, held = [], []
    for record in population.records():
        held.append(record)
        if len(held) == 64:
            _read(held, model, rows, subject)
            held = []
    _read(held, model, rows, subject)
    names = np.array(subject)
    order = np.argsort(names, kind="stable")
    again = order[1:][names[order][1:] == names[order][:-1]]
    first = order[:-1][names[order][1:] == names[order][:-1]]
    rng = np.random.default_rng(0)
    probe = rng.permutation(len(again))[:4000]
    sizes = np.array([20, 50, 100, 200, 500, 1000, 2000])
    off: dict[str, float] = {}
    for view, parts in rows.items():
        whole = np.stack(parts)
        for noise in (0.0, 0.5, 1.0):
            moved = whole + noise * rng.normal(0, whole.std(axis=0), whole.shape)
            moved = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
            seen = search_gallery(
                lambda fold, moved=moved: (moved[first], moved[again[probe]]),
                names[first], names[again[probe]], dict.fromkeys(names[first], Demographics()), rng,
            )  # fmt: skip
            told = forecast(
                sizes.astype(float), rank1_at(seen, sizes), np.array([len(first)]), level=0.95
            )
            truth = float(rank1_at(seen, np.array([len(first)])).mean())
            models = {name: round(float(rate[0]), 3) for name, rate in told.rates.items()}
            say(f"forecast, {len(first)} people, {view}, noise {noise}: {truth:.3f}, {models}, "
                f"chosen {told.best}")  # fmt: skip
            measured.row(
                "forecast",
                {"view": view, "noise": str(noise)},
                {"observed": f"{truth:.3f}", "chosen": told.best}
                | {name: f"{rate:.3f}" for name, rate in models.items()},
            )
            for name in ("chosen", "pitman_yor"):
                rate = models[told.best if name == "chosen" else name]
                off[name] = max(off.get(name, 0.0), 100 * abs(rate - truth))
            assert abs(told.rates[told.best][0] - truth) < 0.05
    for name, wanted in (("chosen", "<= 3"), ("pitman_yor", None)):
        measured(f"forecast/simulated-{name}", f"Largest error of the {name} model, rank-1",
                 off[name], room="forecast", data="simulated, two sessions, leads I and II, "
                 f"foretold from {sizes[-1]:,}", n=f"{len(first):,} people", unit="points",
                 digits=1, wanted=wanted)  # fmt: skip


def _read(held: list, model, rows: dict[str, list[np.ndarray]], subject: list[str]) -> None:
    """Each record's median beat, and what the network makes of it."""
    import torch

    if not held:
        return
    signals = np.stack([clean(record.signal, record.fs) for record in held])
    for signal, beats, record in zip(
        signals, delineate_batch(signals, ("I", "II")), held, strict=True
    ):
        if len(beats) < 3:
            continue
        anchor = np.rint(beats["r"]).astype(int)
        rr = np.diff(anchor, prepend=anchor[0]) / FS
        rr[0] = np.median(rr[1:])
        at = np.clip(anchor[:, None] + np.arange(-BEFORE, AFTER), 0, signal.shape[1] - 1)
        cut = signal[:, at].transpose(1, 0, 2), np.clip(rr, 0.3, 2.0)
        middle = np.median(at_one_rate(cut, embedding.PLACES), axis=0).astype(np.float32)
        rows["template"].append((middle - middle.mean(axis=1, keepdims=True)).ravel())
        with torch.inference_mode():
            rows["embedding"].append(model(torch.from_numpy(middle)).numpy().ravel())
        subject.append(str(record.subject))
