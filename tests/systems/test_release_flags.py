"""What flags say of a folder holds for the release, for the models that are asked about it, and for
those that are trained on it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from auditor.audit import scan
from auditor.cli import main
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.engine import Engine
from auditor.learning import boost
from auditor.learning.boost import Trees
from auditor.simulate.population import Population
from auditor.systems.from_release import trained_on
from auditor.systems.open import open_target
from auditor.targets.release import Release
from tests.systems.brief import briefly

PEOPLE, RECORDS = 24, 48
PATTERN = r"p(\d+)/"
INPUTS = ("RR ms", "QRS ms", "QT ms", "P axis deg", "QRS axis deg", "T axis deg")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of people on two days each; nothing but their paths says whose they are."""
    folder = tmp_path_factory.mktemp("bare") / "recordings"
    Population(PEOPLE, n_sessions=2, n_records=1, seed=3).write(folder)
    (folder / "auditor.yaml").unlink()
    return folder


@pytest.fixture(scope="module")
def model(bare: Path, tmp_path_factory: pytest.TempPathFactory, workers: Engine) -> Path:
    """Trees that tell men by what is measured of the recordings, as a stranger would leave them."""
    table = Release.open(bare, workers).feature_table
    inputs = table[list(INPUTS)].to_numpy(np.float32)
    men = (table["sex"] == "male").to_numpy()
    file = tmp_path_factory.mktemp("model") / "m.json"
    boost.fit(Trees(10, 2), inputs, men, None, None, INPUTS, 0).save_model(file)
    return file


def persons(target: Target) -> pd.Series[str]:
    """Who each record is of in truth, by its path."""
    return pd.Series(target.record).str.extract(PATTERN)[0]


def ran(*words: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in words])


def test_without_a_flag_every_record_counts_as_a_person(bare: Path, workers: Engine):
    assert Release.open(bare, workers).dataset.manifest["subject"].nunique() == RECORDS


def test_a_model_is_asked_about_the_people_of_the_release(bare: Path, model: Path, workers: Engine):
    release = Release.open(bare, workers, flags={"subject_pattern": PATTERN})
    assert release.dataset.manifest["subject"].nunique() == PEOPLE
    asked = open_target(model, release)
    assert len(asked.record) == RECORDS
    assert set(asked.subject) == set(release.dataset.manifest["subject"])
    # One name for each person: whoever is dealt to a side is there with all that is theirs.
    assert len(set(zip(asked.subject, persons(asked), strict=True))) == PEOPLE


@pytest.mark.slow
def test_an_audit_counts_the_same_people_in_the_release_and_in_a_models_checks(
    bare: Path, model: Path, tmp_path: Path
):
    preset = tmp_path / "brief.yaml"
    preset.write_text(
        "title: a test\nmax_seconds: 20\nlinkage_views: [template]\nattribute_views: [fiducials]\n"
        "protocols: [same-session]\nchecks: [identifiers]\ntraining: null\n"
    )
    audit = scan(bare, "model", str(preset), models=[model], subject_pattern=PATTERN, device="cpu")
    assert audit.release["n_subjects"] == PEOPLE
    counted = {
        one.id: {estimate.n_subjects for estimate in one.estimates.values()}
        for one in audit
        if one.status == "measured"
    }
    assert counted["output-attribute/model.scores/subject-disjoint"] == {PEOPLE}
    assert max(max(n) for n in counted.values()) == PEOPLE


def test_what_is_trained_on_the_release_is_trained_on_its_people(bare: Path, workers: Engine):
    release = Release.open(bare, workers, flags={"subject_pattern": PATTERN})
    with briefly(steps=1, asked=5):
        (jepa,), left_out = trained_on(release)
    assert not left_out
    assert set(jepa.subject) == set(release.dataset.manifest["subject"])
    members, others = (set(persons(jepa)[jepa.split == kind]) for kind in (MEMBER, NONMEMBER))
    assert members
    assert others
    assert not members & others


def test_a_system_is_trained_on_the_people_that_flags_name(bare: Path, tmp_path: Path):
    with briefly(steps=1, asked=5):
        flags = ("--subject-pattern", PATTERN, "--out", tmp_path / "jepa", "--quiet")
        done = ran("train", "jepa", "--data", bare, *flags)
    assert done.exit_code == 0, done.output
    members = pd.read_parquet(tmp_path / "jepa" / "members.parquet")
    person = members["record"].str.extract(PATTERN)[0]
    assert members["subject"].nunique() == PEOPLE
    assert len(set(zip(person, members["part"], strict=True))) == PEOPLE


def test_flags_that_would_say_nothing_are_refused(root: Path, bare: Path, tmp_path: Path):
    flags = ("--out", tmp_path / "m", "--subject-pattern", PATTERN)
    paired = ran("train", "jepa", "--data", root, *flags)
    assert paired.exit_code == 2
    assert "pairs.csv: says whose each ECG is; leave --subject-pattern out" in paired.output
    of_tables = ran("train", "liver", "--data", bare, *flags)
    assert of_tables.exit_code == 2
    assert "No such option" in of_tables.output
