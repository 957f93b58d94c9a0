"""The systems that anybody can train on a release are trained and opened, or it is said why not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Target
from auditor.data.pairs import read_pairs
from auditor.engine import Engine
from auditor.systems import from_release
from auditor.systems.from_release import trained_on
from auditor.targets.release import Release
from tests.systems.brief import briefly, scanned

SYSTEMS = ("cardionets", "cromotex", "gem", "jepa")
LABELS = ("Cardiomegaly", "Edema", "Pleural Effusion")


def test_every_system_that_can_be_trained_on_visits_is_opened(
    visits: Release,
    root: Path,
    opened: Callable[[str], Target],
    monkeypatch: pytest.MonkeyPatch,
):
    # Each is trained once for all that is asked of it here.
    kept = {name: opened(name) for name in SYSTEMS}
    monkeypatch.setattr(from_release, "_trained", lambda name, *of: kept[name])
    found, left_out = trained_on(visits)
    assert {one.name for one in found} == set(SYSTEMS)
    assert not left_out
    people = set(read_pairs(root).subject)
    for one in found:
        assert set(one.subject) == people
        assert one.membership_unknown == ""
        parts = {kind: set(one.subject[one.split == kind]) for kind in (MEMBER, NONMEMBER, NEITHER)}
        assert [len(parts[kind]) for kind in (MEMBER, NONMEMBER, NEITHER)] == [24, 10, 6]
        assert not parts[MEMBER] & parts[NONMEMBER]


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_is_known_of_a_visit_comes_from_its_table(
    opened: Callable[[str], Target], root: Path, name: str
):
    one = opened(name)
    known = read_pairs(root).table.set_index("ecg").loc[one.record.tolist()]
    assert one.subject.tolist() == known["subject_id"].tolist()
    assert one.session.tolist() == known["visit"].tolist()
    np.testing.assert_array_equal(one.age, known["age"])
    np.testing.assert_array_equal(one.male, known["sex"] == "male")
    told = set(LABELS) & set(one.labels)
    assert told
    for label in told:
        np.testing.assert_array_equal(one.y_true[:, one.labels.index(label)], known[label])


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("jepa", {"embedding": 64, "tokens": 31 * 64}),
        ("cromotex", {"embedding": None, "other": None, "scores": None}),
        ("cardionets", {"embedding": 32, "other": 32}),
        ("gem", {"embedding": 64, "tokens": 31 * 64}),
    ],
)
def test_a_system_gives_out_a_row_of_each_record(
    opened: Callable[[str], Target], name: str, shapes: dict[str, int | None]
):
    one = opened(name)
    assert one.outputs.keys() == shapes.keys()
    for output, width in shapes.items():
        values = one.view(output).values
        assert values.shape == (len(one.record), width or values.shape[1])
        assert np.isfinite(values).all()
        if output in one.controls:
            twin = one.view(output, control=True).values
            assert twin.shape == values.shape
            assert not np.allclose(twin, values)
    assert one.controls.keys() == shapes.keys() - {"scores"}
    assert one.membership_signal is not None
    fit = one.membership_signal()
    assert np.isfinite(fit).all()
    # What else is known stands behind what is fitted.
    assert fit.shape[1] <= one.y_true.shape[1]
    np.testing.assert_array_equal(one.membership_signal(), fit)


def test_what_cannot_be_trained_says_why(root: Path, tmp_path: Path, workers: Engine):
    table = pd.read_csv(root / "pairs.csv")
    table[["subject_id", "visit", "ecg"]].iloc[:4].to_csv(tmp_path / "pairs.csv", index=False)
    shutil.copytree(root / "ecg", tmp_path / "ecg")
    for file in list((tmp_path / "ecg").rglob("*.dat"))[1:]:
        file.write_bytes(b"")
    with briefly(steps=2, asked=5):
        found, left_out = trained_on(scanned(tmp_path, workers))
    assert not found
    assert left_out.keys() >= {"jepa", "cromotex", "cardionets"}
    assert not any("\n" in why or str(tmp_path) in why for why in left_out.values())
