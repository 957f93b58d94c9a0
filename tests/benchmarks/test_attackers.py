"""How much each rung of the ladder finds on real people, and forecasts on simulated ones.

Galleries hold each person's first record; rates are averaged within a person and then over people,
with probe averages beside them; intervals resample people. `make bench` prints the tables and
MEASUREMENTS.md keeps those that were seen.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from scipy.stats import binom

from auditor.attackers import embedding
from auditor.attackers.demographics import Demographics
from auditor.attackers.ladder import Field, rung, search_enrolment, untaught
from auditor.attackers.search import search_gallery
from auditor.audit import Run, open_case
from auditor.checks.cross_release.check import link
from auditor.core.evidence import SearchResult
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.protocols import Items, Split, later, split
from auditor.engine import engine
from auditor.signal.delineate import delineate_batch
from auditor.signal.filters import FS, clean
from auditor.signal.prepare import prepare
from auditor.signal.segment import AFTER, BEFORE, at_one_rate
from auditor.simulate.population import Population
from auditor.stats import metrics
from auditor.stats.forecast import forecast, rank1_at
from auditor.stats.intervals import person_bootstrap
from auditor.targets.context import Case
from tests.benchmarks.test_speed import say

RUNGS = (
    *("template", "fiducials", "whitened", "subspace", "plda"),
    *("embedding", "adapted", "fusion"),
)


def told(name: str, seen: SearchResult) -> float:
    """One line of the table; returns rank-1 by person."""
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
    return float(rank1.mean())


def ladder(folder: Path, name: str, protocols: tuple[str, ...]) -> dict[str, float]:
    """Every rung that can be climbed, under each protocol; `any` asks of all later records."""
    found = {}
    with engine() as workers:
        case = open_case(folder, Run.of(preset="quick"), workers)
        for protocol in protocols:
            first = np.flatnonzero(~case.records["subject"].duplicated())
            parts = (
                Split("any", Items.whole(first), Items.whole(later(case.records)))
                if protocol == "any"
                else split(case.records, protocol)
            )
            field = Field.of(case, parts)
            for view in RUNGS:
                if not untaught(case, view):
                    seen = search_enrolment(rung(view, case, field), case, np.random.default_rng(0))
                    found[f"{view} {protocol}"] = told(f"{name} {protocol} {view}", seen)
            by_luck(name, protocol, case, field)
    return found


def by_luck(name: str, protocol: str, case: Case, field: Field) -> None:
    """Everybody's later records given to the next person: they are found no more than by chance,
    and less, as the one they are of is still there to be found.
    """
    people, code = np.unique(field.pooled, return_inverse=True)
    fold_of = field.fold[np.unique(code, return_index=True)[1]]
    found = []
    for shift in range(1, 9):
        other = (code + shift) % len(people)
        dealt = replace(field, pooled=people[other], fold=fold_of[other])
        # What was learned of who repeats what is forgotten.
        fresh = replace(case, shared={})
        seen = search_enrolment(rung("adapted", fresh, dealt), fresh, np.random.default_rng(0))
        found.append(metrics.rank_rate(seen, 1).mean())
    chance = 1 / len(np.unique(field.enrolled))
    say(
        f"{name} {protocol}: adapted, records of the next person {np.mean(found):.4f}, "
        f"chance {chance:.4f}"
    )
    n = len(found) * len(np.unique(field.pooled[field.probe]))
    assert np.mean(found) * n <= binom.ppf(0.9999, n, chance) + 1


def test_ecg_id(data):
    found = ladder(data / "ecgiddb", "ecgiddb", ("random-segment", "same-session", "cross-session"))
    assert found["embedding same-session"] > found["template same-session"]


def test_ptb_xl_on_all_leads(data):
    found = ladder(data / "ptb-xl", "ptb-xl 8 leads", ("any",))
    assert found["fusion any"] > found["template any"]


def test_ptb_xl_on_lead_one_alone(data, tmp_path):
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
    found = ladder(tmp_path, "ptb-xl lead I", ("any",))
    assert found["fusion any"] > found["template any"]


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [("mitdb", "qtdb", 9), ("ptb-xl", "challenge-2021", 3), ("ecgiddb", "challenge-2021", 0)],
)
def test_hearts_in_two_releases(data, first, second, shared):
    with engine() as workers:
        one, other = (
            prepare(
                open_dataset(data / name, describe(data / name), engine=workers),
                workers,
                max_seconds=600,
            )
            for name in (first, second)
        )
    # Weights that saw either are left out by name; where all did, the pair is not judged.
    try:
        found = link(one, other, (first, second))
    except Exception as error:  # the reason is what is measured here
        pytest.skip(str(error))
    best = found.pairs[found.pairs["claimed"]]
    say(f"link {first} {second}: {found.claimed} of {found.n_b} claimed, {shared} shared; "
        f"threshold {found.threshold:.3f} by {found.n_decoys} strangers; scores of claims "
        f"{[round(float(one), 3) for one in best['score']]}")  # fmt: skip
    assert found.beyond_luck == (shared > 0)


def test_twenty_thousand_simulated_people_are_foretold_from_two_thousand():
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
    for view, parts in rows.items():
        whole = np.stack(parts)
        for noise in (0.0, 0.5, 1.0):
            moved = whole + noise * rng.normal(0, whole.std(axis=0), whole.shape)
            moved = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
            seen = search_gallery(
                lambda fold, moved=moved: (moved[first], moved[again[probe]]),
                names[first], names[again[probe]], dict.fromkeys(names[first], Demographics()), rng,
            )  # fmt: skip
            told = forecast(sizes.astype(float), rank1_at(seen, sizes), np.array([len(first)]))
            truth = float(rank1_at(seen, np.array([len(first)])).mean())
            models = {name: round(float(rate[0]), 3) for name, rate in told.rates.items()}
            say(f"forecast, {len(first)} people, {view}, noise {noise}: {truth:.3f}, {models}, "
                f"chosen {told.best}")  # fmt: skip
            assert abs(told.rates[told.best][0] - truth) < 0.05


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
