"""The diabetes study: a table becomes a cohort, and what the ECG adds is found if it is there."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from scipy.special import expit

from auditor.cli import main
from auditor.core.errors import DataError
from auditor.core.streams import stream
from auditor.learning import artifact
from auditor.simulate.hospital import Hospital
from auditor.stats.reclassification import added
from auditor.systems import model_dir as report
from auditor.systems import study as studies
from auditor.systems.dianet import train as diabetes
from auditor.systems.dianet.cohort import DiabetesCohort
from auditor.systems.dianet.network import DiaNetTraining, predict
from auditor.systems.dianet.train import FOLDS, MODELS, NETWORKS, Diabetes, study
from tests.systems.brief import trained

SHORT = DiaNetTraining(epochs=25, batch=32, learning_rate=5e-3, patience=8)
CENTRE_ECG = np.tile([95.0, 400, 420, 160, 900, 40], 3)
SPREAD_ECG = np.tile([10.0, 25, 20, 20, 120, 25], 3)
CENTRE_CRF, SPREAD_CRF = np.array([50, 0.5, 28, 90, 120, 75]), np.array([12, 0.5, 4, 11, 14, 9])


def drawn(heart_matters: float, n: int = 600, n_test: int = 200, seed: int = 0) -> DiabetesCohort:
    """People whose heart (T axis and RR) and body (age, BMI) make diabetes likelier."""
    rng = stream(seed, "cohort")
    heart, body = rng.standard_normal((2, n, 6))
    likely = heart_matters * (heart[:, 5] - heart[:, 4]) + body[:, 0] + body[:, 2] - 1.5
    event = rng.random(n) < expit(likely)
    replicates = [heart + 0.3 * rng.standard_normal((n, 6)) for _ in range(3)]
    ecg = CENTRE_ECG + SPREAD_ECG * np.hstack(replicates)
    crf = CENTRE_CRF + SPREAD_CRF * body
    crf[:, 1] = body[:, 1] > 0
    for values in (ecg, crf):
        values[rng.random(values.shape) < 0.03] = np.nan
    person = np.array([f"p{number}" for number in range(n)])
    return DiabetesCohort(person, np.arange(n) >= n_test, ecg, crf, event)


def what_the_ecg_adds(found: Diabetes):
    tested = ~found.cohort.development
    old, new = found.risk["clinical only"], found.risk["ECG-DiaNet"]
    return added(
        found.cohort.event[tested], old[tested], new[tested], old[~tested], new[~tested],
        level=0.95, rng=stream(0, "added"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Diabetes:
    return study(drawn(heart_matters=1.5), seed=0, training=SHORT)


@pytest.mark.slow
def test_an_ecg_that_matters_makes_the_model_better(found):
    estimates, params = what_the_ecg_adds(found)
    assert estimates["auroc_gain"].value > 0.05
    assert params["p"]["auroc_gain"] < 0.05
    assert estimates["idi"].low > 0


@pytest.mark.slow
def test_an_ecg_of_noise_adds_nothing():
    found = study(drawn(heart_matters=0), seed=0, training=SHORT)
    estimates, _ = what_the_ecg_adds(found)
    assert estimates["auroc_gain"].low <= 0 <= estimates["auroc_gain"].high
    # Out of fold, too: who stops a training is not who is scored.
    assert 0.4 < auroc(found, "ECG only", found.cohort.development) < 0.6
    assert 0.4 < auroc(found, "ECG only", ~found.cohort.development) < 0.6


def auroc(found: Diabetes, model: str, rows: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(found.cohort.event[rows], found.risk[model][rows])


def test_every_model_finds_something_in_people_it_was_not_made_of(found):
    assert set(found.risk) == set(MODELS)
    for model in MODELS:
        for rows in (found.cohort.development, ~found.cohort.development):
            assert auroc(found, model, rows) > 0.65
        assert ((found.risk[model] >= 0) & (found.risk[model] <= 1)).all()


def test_folds_hold_the_development_people_and_as_many_events_each(found):
    assert ((found.fold >= 0) == found.cohort.development).all()
    events = [found.cohort.event[found.fold == number].sum() for number in range(FOLDS)]
    people = [(found.fold == number).sum() for number in range(FOLDS)]
    assert np.ptp(events) <= 1
    assert np.ptp(people) <= 1


def test_a_risk_is_of_the_fold_that_did_not_see_the_person_or_the_mean_of_all(found):
    cohort = found.cohort
    for name in NETWORKS:
        said = [predict(network, cohort.ecg, cohort.crf) for network in found.networks[name]]
        assert len(said) == FOLDS
        tested = ~cohort.development
        assert found.risk[name][tested] == pytest.approx(np.mean(said, axis=0)[tested], abs=1e-6)
        for number in range(FOLDS):
            mine = found.fold == number
            assert found.risk[name][mine] == pytest.approx(said[number][mine], abs=1e-6)


def test_who_is_scored_or_tested_is_not_learned_from(found):
    """Other outcomes of the tested change nothing; gaps are filled by three folds of five."""
    cohort = found.cohort
    other = cohort.event.copy()
    other[~cohort.development] = False
    changed = study(
        DiabetesCohort(cohort.person, cohort.development, cohort.ecg, cohort.crf, other),
        seed=0,
        training=DiaNetTraining(epochs=1),
    )
    same = study(cohort, seed=0, training=DiaNetTraining(epochs=1))
    for model in MODELS:
        assert changed.risk[model].tolist() == same.risk[model].tolist()
    network = found.networks["clinical only"][0]
    assert network.crf is not None
    taught = (found.fold >= 0) & ~np.isin(found.fold, (0, 1))
    assert network.crf.median.tolist() == pytest.approx(np.nanmedian(cohort.crf[taught], axis=0))


def with_visits(cohort: DiabetesCohort, visited: np.ndarray) -> DiabetesCohort:
    """The same, of whom some came a second time, with an ECG a little different."""
    rows = np.concatenate([np.arange(len(cohort.person)), np.flatnonzero(visited)])
    again = np.arange(len(rows)) >= len(cohort.person)
    ecg = cohort.ecg[rows] + again[:, None] * 2.0
    return DiabetesCohort(
        cohort.person[rows], cohort.development[rows], ecg, cohort.crf[rows], cohort.event[rows],
        visit=1 + again,
    )  # fmt: skip


def test_all_visits_of_a_person_are_in_one_fold_and_are_learned_from(found):
    cohort = found.cohort
    quick = DiaNetTraining(epochs=1)
    once = study(cohort, 0, training=quick)
    several = study(with_visits(cohort, cohort.development), 0, training=quick)
    n = len(cohort.person)
    assert several.fold[:n].tolist() == once.fold.tolist()
    assert several.fold[n:].tolist() == once.fold[cohort.development].tolist()
    tested = ~cohort.development
    assert several.risk["XGBoost"][:n][tested] != pytest.approx(once.risk["XGBoost"][tested])
    # Visits of those who are tested change nothing of what is learned.
    tested_twice = study(with_visits(cohort, tested), 0, training=quick)
    assert tested_twice.risk["XGBoost"][:n].tolist() == once.risk["XGBoost"].tolist()


def test_the_same_seed_gives_the_same_risks_and_another_does_not(found):
    quick = DiaNetTraining(epochs=1)
    one, again, other = (study(found.cohort, seed, training=quick) for seed in (0, 0, 1))
    for model in MODELS:
        assert one.risk[model].tolist() == again.risk[model].tolist()
        assert one.risk[model].tolist() != other.risk[model].tolist()


def test_progress_counts_models(found):
    told = []
    cohort = drawn(heart_matters=1, n=120, n_test=20)
    study(cohort, 0, progress=lambda *done: told.append(done), training=DiaNetTraining(epochs=1))
    assert told == [(done, 25) for done in range(1, 26)]


@pytest.mark.parametrize(("kind", "said"), [(True, "with diabetes"), (False, "without diabetes")])
def test_a_fold_without_people_of_one_kind_is_refused(kind, said):
    cohort = drawn(heart_matters=1, n=120, n_test=20)
    event = np.where(cohort.development, np.arange(120) < 24, True) == kind
    with pytest.raises(DataError, match=said) as refusal:
        study(DiabetesCohort(cohort.person, cohort.development, cohort.ecg, cohort.crf, event), 0)
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
def test_ecg_dianet_is_trained_from_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Hospital(1200, seed=3).write(tmp_path / "hospital")
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    real = diabetes.study
    brief = functools.partial(real, training=DiaNetTraining(epochs=3))
    monkeypatch.setattr(diabetes, "study", brief)
    found = trained("t2dm", tmp_path / "hospital")
    assert found.compared.keys() == set(diabetes.MODELS) - {"clinical only"}
    report.write(found, tmp_path / "t2dm", studies.FAULTS)
    described = yaml.safe_load((tmp_path / "t2dm" / "model.yaml").read_text())
    assert len(described["models"]) == 15
    network = artifact.load(tmp_path / "t2dm" / described["models"]["ECG-DiaNet-fold-0"]["file"])
    assert network.config.n_ecg == 18
    lines = "\n".join(report.against_published(found, studies.FAULTS))
    assert "DeLong p" in lines
    assert "0.8217" in lines


def test_a_model_whom_too_few_people_can_judge_is_trained_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    Hospital(300).write(tmp_path / "hospital")
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    brief = functools.partial(diabetes.study, training=DiaNetTraining(epochs=2))
    monkeypatch.setattr(diabetes, "study", brief)
    found = trained("t2dm", tmp_path / "hospital")
    assert len(found.networks) == 15
    assert not found.compared
    assert "found fewer" in found.left_out["ECG-DiaNet"]


def test_the_command_line_simulates_tables_and_trains_a_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real = diabetes.study
    monkeypatch.setattr(
        diabetes, "study", functools.partial(real, training=DiaNetTraining(epochs=2))
    )
    said = CliRunner().invoke(main, ["simulate", f"{tmp_path}/h", "--people", "1200", "--tables"])
    assert said.exit_code == 0, said.output
    asked = ["train", "t2dm", "--data", f"{tmp_path}/h", "--out", f"{tmp_path}/m"]
    said = CliRunner().invoke(main, [*asked, "--against", "published"])
    assert said.exit_code == 0, said.output
    assert "ECG-DiaNet" in said.output
    assert (tmp_path / "m" / "results.json").is_file()
