"""TransECG (Wang et al., arXiv 2503.13495) as published, under three protocols, on ECG-ID.

One network per task: sex, age group (under 30, 30-44, 45-59, 60 and over), identity. Its paper
states no split; were segments of one recording on both sides, the network can recognise the person
and recall the attribute. So each task is asked three times: of random segments, of other sessions
(identity), and of people who were not trained on (sex and age). `AUDITOR_DEVICE=cuda` adds the
strip variant, which a CPU does not train within an hour.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from auditor.attackers.transformer import MODELS, Labels, create, predict
from auditor.attackers.vit import train_vit
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.protocols import Items, subject_folds
from auditor.engine import engine
from auditor.signal.prepare import prepare
from auditor.signal.windows import beat_windows, strip_windows
from auditor.targets.context import ViTTraining
from tests.benchmarks.test_speed import say

ROOM, DATA = "transecg", "ECG-ID 1.0.0, lead I"
DEVICE = os.environ.get("AUDITOR_DEVICE", "cpu")
#: A CPU takes about a quarter of a minute for each.
EPOCHS = int(os.environ.get("AUDITOR_EPOCHS", "12" if DEVICE == "cpu" else "60"))
VARIANTS = ("beat",) if DEVICE == "cpu" else ("beat", "strip")
#: Published by its authors, and by ECG Unveiled (arXiv 2408.10228).
PUBLISHED = {"sex": 0.899, "age group": 0.899, "identity": 0.886}
UNVEILED = {"sex": 0.76, "age group": 0.67, "identity": 0.82}
WANTED = {"sex": 0.95, "age group": 0.95, "identity": 0.97}
BANDS = (30, 45, 60)
PER_PERSON = 30


@dataclass(frozen=True)
class Task:
    """What is asked of each window, −1 where nobody knows."""

    name: str
    answer: np.ndarray

    @property
    def n_classes(self) -> int:
        return int(self.answer.max()) + 1


@pytest.fixture(scope="module")
def ecgiddb(data: Path):
    folder = data / "ecgiddb"
    with engine() as workers:
        return prepare(
            open_dataset(folder, describe(folder), engine=workers), workers, max_seconds=600
        )


def taught(windows, task: Task, person, train, held, variant: str, epochs: int, seed: int):
    """A network for one task, taught on some windows; the chance of each class for all windows."""
    rng = np.random.default_rng(seed)
    leads = len(windows.prepared.leads)
    model = create(MODELS[variant](n_leads=leads, n_ids=task.n_classes), rng)
    training = ViTTraining(
        epochs=epochs,
        patience=epochs,
        learning_rate=1e-3,
        margin=0.2 if task.name == "identity" else 0.0,
    )
    # Classes are drawn evenly, whatever the number of their people.
    labels = Labels.of(task.answer, identity=task.answer)
    train_vit(
        model,
        windows,
        labels,
        train,
        held,
        training,
        per_epoch=PER_PERSON * len(np.unique(person[train])),
        rng=rng,
        device=DEVICE,
    )
    found = predict(model, windows, len(windows), device=DEVICE).identity
    assert found is not None
    return found


def by_person(right: np.ndarray, person: np.ndarray, rng: np.random.Generator) -> tuple:
    """How often people are told rightly, its bootstrap interval, and how many people there are."""
    people = np.unique(person)
    rate = np.array([right[person == one].mean() for one in people])
    drawn = rate[rng.integers(len(rate), size=(2000, len(rate)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return rate.mean(), low, high, len(people)


def shown(found: tuple) -> str:
    value, low, high, n = found
    return f"{value:.3f} ({low:.3f}-{high:.3f}, n {n})"


@pytest.mark.parametrize("variant", VARIANTS)
def test_transecg_under_three_protocols(ecgiddb, variant, measured):
    def keep(task: str, protocol: str, found: tuple, wanted: float | None, note: str) -> None:
        value, low, high, n = found
        measured(f"transecg/{variant}/{task}/{protocol}".replace(" ", "-"),
                 f"TransECG, `{variant}` variant, {task}, {protocol}: accuracy of people", value,
                 interval=(low, high), wanted=None if wanted is None else f">= {wanted}",
                 room=ROOM, data=f"{DATA}, {EPOCHS} epochs at most", n=f"{n} people",
                 note=note)  # fmt: skip

    records = ecgiddb.records
    cut = beat_windows if variant == "beat" else (lambda p, i, s: strip_windows(p, i, s, 2000))
    windows = cut(ecgiddb, Items.whole(np.arange(len(records))), 0)
    people, code = np.unique(records["subject"], return_inverse=True)
    person = code[windows.row]
    first = records.drop_duplicates("subject").set_index("subject").loc[people]
    band = np.digitize(first["age"].astype(float), BANDS)
    tasks = [
        Task("sex", (first["sex"] == "male").to_numpy(dtype=np.int64)[person]),
        Task("age group", band.astype(np.int64)[person]),
        Task("identity", person),
    ]
    rng = np.random.default_rng(0)
    random = rng.permutation(len(windows))
    # Test, stop, train: a tenth to tell when to stop, two tenths to ask.
    asked, held, train = np.split(random, [len(random) // 5, 3 * len(random) // 10])
    for task in tasks:
        said = taught(windows, task, person, train, held, variant, EPOCHS, 1)
        right = said[asked].argmax(axis=1) == task.answer[asked]
        # A network that answers with one class for everybody is no network.
        assert len(np.unique(said[asked].argmax(axis=1))) > 1
        found = by_person(right, person[asked], rng)
        say(
            f"TransECG {variant}, {task.name}, random segments: "
            f"{shown(found)}; wanted {WANTED[task.name]}, published {PUBLISHED[task.name]}"
        )
        published = f"published {PUBLISHED[task.name]}; ECG Unveiled {UNVEILED[task.name]}"
        keep(task.name, "random segments", found, WANTED[task.name], published)
    session = records["session"].to_numpy().astype(str)[windows.row]
    opening = records.drop_duplicates("subject").set_index("subject")["session"].astype(str)
    at_first = session == opening.loc[people].to_numpy()[person]
    inside = rng.permutation(np.flatnonzero(at_first))
    held, train = np.split(inside, [len(inside) // 10])
    said = taught(windows, tasks[2], person, train, held, variant, EPOCHS // 2, 2)
    later = np.flatnonzero(~at_first)
    right = said[later].argmax(axis=1) == person[later]
    found = by_person(right, person[later], rng)
    say(f"TransECG {variant}, identity, other sessions: {shown(found)}")
    keep("identity", "other sessions", found, None, "")
    for task in tasks[:2]:
        right = np.zeros(len(windows), dtype=bool)
        of_person = task.answer[np.unique(person, return_index=True)[1]]
        for number, tested in enumerate(subject_folds(of_person, 3, rng)):
            others = rng.permutation(np.flatnonzero(~tested))
            stop = np.isin(person, others[: len(others) // 6])
            train = np.flatnonzero(~tested[person] & ~stop)
            said = taught(
                windows, task, person, train, np.flatnonzero(stop), variant, EPOCHS // 4, 3 + number
            )
            now = tested[person]
            right[now] = said[now].argmax(axis=1) == task.answer[now]
        common = np.bincount(of_person).max() / len(of_person)
        found = by_person(right, person, rng)
        say(
            f"TransECG {variant}, {task.name}, other people: {shown(found)}; "
            f"naming the commonest {common:.3f}"
        )
        keep(task.name, "other people", found, None, f"naming the commonest: {common:.3f}")
