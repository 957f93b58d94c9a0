"""ECG-DiaNet under audit: what its folds foretell of the people of a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from auditor.checks.output_linkage.check import OutputLinkage, plan
from auditor.core.errors import ModelError
from auditor.core.target import MEMBER, Target
from auditor.engine import Engine
from auditor.systems.dianet.cohort import CRF, ECG
from auditor.systems.dianet.network import DiaNet, DiaNetConfig
from auditor.systems.open import open_target
from tests.checks.asking import context, measured
from tests.systems.brief import drawn, scanned, written

#: With half as many, some trainings stop before they have learnt anything.
PEOPLE = 240


def table_of_people(n: int = PEOPLE) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns = [*ECG, *CRF]
    values = rng.normal(size=(n, len(columns)))
    event = values[:, columns.index("bmi_kg_m2")] + 0.3 * rng.normal(size=n) > 0.5
    values[rng.random(values.shape) < 0.02] = np.nan
    table = pd.DataFrame(values, columns=columns).assign(sex=rng.integers(0, 2, n))
    name = [f"p{number}" for number in range(n)]
    part = np.where(np.arange(n) < n // 2, "trained", "judged")
    people = pd.DataFrame({"record": name, "subject": name, "part": part})
    return pd.concat([people, table.add_prefix("input ")], axis=1).assign(
        **{"label event": event.astype(int)}
    )


@pytest.fixture(scope="module")
def foretelling(tmp_path_factory: pytest.TempPathFactory, workers: Engine) -> Target:
    """Networks of several folds and their twin; the scanned folder does not matter."""
    folder = tmp_path_factory.mktemp("t2dm")
    configs = {"both-0": (18, 6), "both-1": (18, 6), "ecg-0": (18, 0)}
    networks = {
        name: drawn(DiaNet, DiaNetConfig(*config), seed)
        for seed, (name, config) in enumerate(configs.items())
    }
    people = table_of_people()
    for one in networks.values():
        for branch, width in ((one.ecg, 18), (one.crf, 6)):
            if branch is not None:
                branch.scale += 1
                assert branch.scale.shape == (width,)
    return open_target(written(folder, networks, people), scanned(folder, workers))


def test_folds_are_told_each_and_their_mean(foretelling: Target):
    logits, scores = (foretelling.view(one).values for one in ("logits", "scores"))
    assert logits.shape == (PEOPLE, 3)
    np.testing.assert_allclose(
        scores[:, 0], (1 / (1 + np.exp(-logits[:, :2]))).mean(axis=1), rtol=1e-5
    )
    assert foretelling.membership_signal is not None
    sign = np.where(foretelling.y_true[:, 0] == 1, 1, -1)
    np.testing.assert_allclose(
        foretelling.membership_signal()[:, 0],
        sign * logits[:, :2].mean(axis=1),
        rtol=1e-4,
        atol=1e-5,
    )
    assert (foretelling.split == MEMBER).sum() == PEOPLE // 2
    assert foretelling.columns == (*ECG, *CRF)
    assert set(foretelling.male) == {0.0, 1.0}


def test_a_reference_is_trained_again_on_whom_it_is_told(foretelling: Target):
    assert foretelling.train_reference is not None
    rows = np.arange(PEOPLE) % 2 == 0
    first, *others_of = (
        foretelling.train_reference(rows, foretelling.y_true, seed) for seed in range(1, 7)
    )
    assert first.shape == (PEOPLE, 1)
    np.testing.assert_array_equal(first, foretelling.train_reference(rows, foretelling.y_true, 1))
    assert not np.allclose(first, others_of[0])
    # It learns: it ranks people whom it did not see, on average over where training was stopped.
    truth, others = foretelling.y_true[:, 0], ~rows
    side = np.where(truth == 1, 1, -1)
    ranked = [
        roc_auc_score(truth[others], (side * refit[:, 0])[others]) for refit in (first, *others_of)
    ]
    assert np.mean(ranked) > 0.6
    nobody = foretelling.train_reference(
        rows & (foretelling.y_true[:, 0] == 0), foretelling.y_true, 1
    )
    assert np.isnan(nobody).all()
    by_chance = foretelling.view("scores", control=True).values
    assert by_chance.shape == (PEOPLE, 1)


def test_each_ecg_of_a_visit_is_asked_alone_and_without_what_a_clinic_knows(foretelling: Target):
    each = foretelling.replicates
    assert each is not None
    assert len(each.record) == len(set(each.record)) == 3 * PEOPLE
    assert each.columns == ECG[:6]
    row = {name: at for at, name in enumerate(foretelling.record)}
    for place in (0, 1, 2, 100, 3 * PEOPLE - 1):
        person, number = each.record[place].split(" ECG ")
        assert each.subject[place] == person
        ecg = foretelling.inputs[row[person], :18].reshape(3, 6)[int(number) - 1]
        np.testing.assert_array_equal(each.inputs[place], ecg)
    assert each.view("logits").values.shape == (3 * PEOPLE, 3)
    np.testing.assert_array_equal(
        np.unique(each.subject[each.split == MEMBER]),
        np.unique(foretelling.subject[foretelling.split == MEMBER]),
    )


def test_what_a_clinic_knows_is_not_in_what_is_said_of_one_ecg(tmp_path: Path, workers: Engine):
    people = table_of_people()
    said = {}
    for name, order in (("as it is", slice(None)), ("another's", slice(None, None, -1))):
        known = [f"input {one}" for one in CRF]
        dealt = people.assign(**{one: people[one].to_numpy()[order] for one in known})
        network = drawn(DiaNet, DiaNetConfig(), 0)
        for branch in (network.ecg, network.crf):
            assert branch is not None
            branch.scale += 1
        folder = written(tmp_path / name, {"both": network}, dealt)
        target = open_target(folder, scanned(tmp_path, workers))
        assert target.replicates is not None
        said[name] = [one.view("logits").values for one in (target, target.replicates)]
    (whole, each), (other_whole, other_each) = said.values()
    assert (whole != other_whole).any()
    np.testing.assert_array_equal(each, other_each)


def test_people_of_one_visit_are_looked_for_by_their_ecgs_and_of_two_by_their_visits_too(
    foretelling: Target, tmp_path: Path, workers: Engine
):
    def views(target: Target) -> list[str]:
        return [f"{one.view}/{one.protocol}" for one in plan(target) if one.output != "missing"]

    name = foretelling.name
    assert views(foretelling) == [f"{name}.{one}/same-session" for one in ("scores", "logits")]
    assert all(one.unmet(context()) is None for one in plan(foretelling) if one.output == "scores")
    people = table_of_people()
    again = people[::4].assign(session="2", record=people["record"][::4] + " visit 2")
    people = pd.concat([people.assign(session="1"), again], ignore_index=True)
    networks = {"both": drawn(DiaNet, DiaNetConfig(), 0)}
    several = open_target(written(tmp_path, networks, people), scanned(tmp_path, workers))
    assert views(several)[::2] == [f"{name}.scores/cross-session", f"{name}.scores/same-session"]
    assert several.replicates is not None
    assert len(several.replicates.record) == 3 * PEOPLE
    assert all(one.unmet(context()) is None for one in plan(several))


def test_an_ecg_that_is_a_persons_own_is_found_by_what_is_said_of_another(foretelling: Target):
    def found(own: float) -> float:
        rng = np.random.default_rng(0)
        heart = own * rng.normal(size=(PEOPLE, 1, 6)) + rng.normal(size=(PEOPLE, 3, 6))
        each = foretelling.replicates
        assert each is not None
        logits = (heart.reshape(-1, 6) @ rng.normal(size=(6, 3))).astype(np.float32)
        person = np.unique(each.subject, return_inverse=True)[1]
        assert (np.diff(person)[np.arange(len(person) - 1) % 3 < 2] == 0).all()
        seen = replace(each, outputs={"logits": lambda: logits}, inputs=each.inputs[:, :0],
                       columns=(), _cache={})  # fmt: skip
        return measured(OutputLinkage(seen, "logits")).estimates["rank1"].value

    assert found(5.0) > 0.2
    assert found(0.0) < 0.03


def test_people_of_a_table_without_what_they_are_asked_with_are_one_line(
    tmp_path: Path, workers: Engine
):
    people = table_of_people()
    for place, (members, said) in enumerate(
        (
            (people.drop(columns="input qrs_ms_1"), "input qrs_ms_1"),
            (None, "name one in model.yaml under members"),
        )
    ):
        folder = written(tmp_path / str(place), {"both": DiaNet()}, members)
        with pytest.raises(ModelError, match=said) as error:
            open_target(folder, scanned(folder, workers))
        assert "\n" not in str(error.value)
