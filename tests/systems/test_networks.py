"""Networks become targets: what they give out, of whom, and which folders and files are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from auditor.checks.text.check import Quoted
from auditor.core.errors import ModelError
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Target
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.pairs import read_pairs
from auditor.engine import Engine, engine
from auditor.learning import artifact
from auditor.learning.device import own_randomness
from auditor.simulate.pairs import PairedPopulation
from auditor.simulate.population import Population
from auditor.systems import task as tasks
from auditor.systems import waves
from auditor.systems.cardionets import network as cardionets
from auditor.systems.cromotex import network as cromotex
from auditor.systems.dianet import train as diabetes
from auditor.systems.dianet.network import DiaNet, DiaNetConfig
from auditor.systems.from_release import trained_on
from auditor.systems.gem import target as texts
from auditor.systems.gem import train as gem
from auditor.systems.jepa import network as jepa
from auditor.systems.open import Surroundings, open_target
from auditor.systems.waves import paired_waves

PEOPLE = 40
LABELS = ("Cardiomegaly", "Edema", "Pleural Effusion")


@pytest.fixture(scope="module")
def workers() -> Iterator[Engine]:
    with engine() as one:
        yield one


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Visits with an ECG, a radiograph and a cine each."""
    folder = tmp_path_factory.mktemp("pairs")
    PairedPopulation(PEOPLE, n_visits=1, size=32, seed=2).write(folder)
    return folder


@pytest.fixture(scope="module")
def _brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Few steps, findings of few people, and a cache of our own."""
    real = tasks.load

    def brief(name: str) -> tasks.Task:
        task = real(name)
        short = {"steps": 2, "batch": 8, "warm_up": 0}
        small = {
            stage: one.model_copy(update=short)
            for stage, one in task.sizes.get("small", {}).items()
        }
        return task.model_copy(update={"sizes": {**task.sizes, "small": small}})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "load", brief)
        patch.setattr(waves, "_ASKED", 5)
        patch.setenv("AUDITOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def opened(root: Path, workers: Engine, _brief: None) -> tuple[dict[str, Target], dict[str, str]]:
    """All that can be trained on the visits."""
    dataset = open_dataset(root, describe(root), engine=workers)
    found, left_out = trained_on(dataset, Surroundings(root, workers))
    return {one.name: one for one in found}, left_out


@pytest.fixture(scope="module")
def systems(opened: tuple[dict[str, Target], dict[str, str]]) -> dict[str, Target]:
    return opened[0]


def written(folder: Path, networks: dict[str, Any], members: pd.DataFrame | None) -> Path:
    """A directory as `auditor train` writes it."""
    files = {name: {"file": f"models/{name}.safetensors"} for name in networks}
    for name, one in networks.items():
        artifact.save(one, folder / files[name]["file"])
    said: dict[str, Any] = {"task": "toy", "models": files}
    if members is not None:
        members.to_parquet(folder / "members.parquet")
        said["members"] = "members.parquet"
    (folder / "model.yaml").write_text(yaml.safe_dump(said))
    return folder


def members_of(root: Path) -> pd.DataFrame:
    """The first half trained on, the other not, and one person of neither."""
    table = read_pairs(root).table
    part = ["trained"] * (len(table) // 2) + ["judged"] * (len(table) - len(table) // 2 - 1)
    part = [*part, "held back"]
    return pd.DataFrame({"record": table["ecg"], "subject": table["subject_id"], "part": part})


def drawn(kind: Callable[[Any], Any], config: Any, seed: int = 0) -> Any:
    with own_randomness(np.random.default_rng(seed)):
        return kind(config)


def tiny_jepa() -> jepa.JEPA:
    config = replace(jepa.JEPAConfig.small(), width=16, depth=1, predictor_width=16)
    return jepa.create(config, np.random.default_rng(0))


def auc(score: np.ndarray, part: np.ndarray) -> float:
    one, other = score[part == MEMBER], score[part == NONMEMBER]
    return float((one[:, None] > other).mean())


# --- what was trained on the folder ---------------------------------------------------------


def test_every_system_that_can_be_trained_on_visits_is_opened(opened: Any, root: Path):
    found, left_out = opened
    assert set(found) == {"jepa", "cromotex", "cardionets", "gem"}
    assert not left_out
    people = set(read_pairs(root).subject)
    for one in found.values():
        assert set(one.subject) == people
        assert one.unknown == ""
        parts = {kind: set(one.subject[one.part == kind]) for kind in (MEMBER, NONMEMBER, NEITHER)}
        assert [len(parts[kind]) for kind in (MEMBER, NONMEMBER, NEITHER)] == [24, 10, 6]
        assert not parts[MEMBER] & parts[NONMEMBER]


def test_what_is_known_of_a_visit_comes_from_its_table(systems: dict[str, Target], root: Path):
    table = read_pairs(root).table.set_index("ecg")
    for one in systems.values():
        known = table.loc[one.record.tolist()]
        assert one.subject.tolist() == known["subject_id"].tolist()
        assert one.session.tolist() == known["visit"].tolist()
        np.testing.assert_array_equal(one.age, known["age"])
        np.testing.assert_array_equal(one.male, known["sex"] == "male")
        for name in LABELS:
            if name in one.tells:
                np.testing.assert_array_equal(one.truth[:, one.tells.index(name)], known[name])
        assert set(LABELS) & set(one.tells)


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
    systems: dict[str, Target], name: str, shapes: dict[str, int | None]
):
    one = systems[name]
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
    assert one.fit is not None
    fit = one.fit()
    assert np.isfinite(fit).all()
    # What else is known stands behind what is fitted.
    assert fit.shape[1] <= one.truth.shape[1]
    np.testing.assert_array_equal(one.fit(), fit)


def test_signals_are_told_plainly_for_who_never_asks_the_network(
    systems: dict[str, Target], root: Path
):
    one = systems["jepa"]
    seen = paired_waves(read_pairs(root), jepa.prepare)
    lead = jepa.LEADS.index("V2")
    for name, told in (
        ("mean", seen.x[:, lead].mean(axis=1)),
        ("SD", seen.x[:, lead].std(axis=1)),
        ("range", seen.x[:, lead].max(axis=1) - seen.x[:, lead].min(axis=1)),
    ):
        column = one.inputs[:, one.columns.index(f"V2 {name}")]
        np.testing.assert_allclose(column, told, rtol=1e-4, atol=1e-6)
    assert one.columns[-2:] == ("age", "sex")


def test_an_aligned_system_fits_pairs_and_findings(systems: dict[str, Target]):
    one = systems["cromotex"]
    assert one.fit is not None
    findings = [name for name in one.tells if not name.startswith("pairs")]
    scores, fit = one.view("scores").values, one.fit()
    for place, name in enumerate(findings[: scores.shape[1]]):
        truth = one.truth[:, one.tells.index(name)]
        told = np.where(truth == 1, scores[:, place], 1 - scores[:, place])
        np.testing.assert_allclose(1 / (1 + np.exp(-fit[:, place])), told, rtol=1e-3)
    ecg, image = one.view("embedding").values, one.view("other").values
    n = fit.shape[1] - scores.shape[1]
    # Networks stand side by side, each of length 1.
    likeness = (ecg * image).reshape(len(ecg), n, -1).sum(axis=2)
    np.testing.assert_allclose(fit[:, scores.shape[1] :], likeness, atol=1e-5)


def test_a_generator_draws_and_encodes(systems: dict[str, Target], root: Path):
    generator = systems["cardionets"].parts["generator"]
    pairs = read_pairs(root)
    np.testing.assert_array_equal(
        generator.real, cardionets.preprocess_cine(pairs.cmr(range(len(pairs))))
    )
    rows = np.array([3, 1])
    first = generator.drawn(5, rows)
    assert first.shape == (2, *generator.real.shape[1:])
    assert np.abs(first).max() <= 1
    np.testing.assert_array_equal(first, generator.drawn(5, rows))
    assert not np.allclose(first, generator.drawn(6, rows))
    assert generator.unconditional(0, 3).shape == (3, *generator.real.shape[1:])
    encoded = generator.encode(generator.real[:4])
    assert encoded.shape[0] == 4
    np.testing.assert_allclose(encoded.mean(axis=1), 0, atol=1e-4)  # normalised, as it is drawn


def test_texts_are_written_when_they_are_asked_for(systems: dict[str, Target]):
    one = systems["gem"]
    written = one.parts["texts"]
    assert "told" not in vars(written)
    case = SimpleNamespace(seed=0, progress=lambda *_: None)
    assert Quoted(one).unmet(case) is None or written.told  # type: ignore[arg-type]
    n = len(one.record)
    assert all(len(said) == n for said in written.told.values())
    assert len(set(written.told["blank"])) == 1
    assert one.fit is not None
    np.testing.assert_allclose(one.fit()[:, 0], -np.nanmean(written.loss, axis=1))
    quoted = next(float(word) for word in written.written[0].split() if word.isdigit())
    assert quoted in one.inputs[0].round()
    assert "QRS ms" in one.columns


def test_what_gem_is_shown_is_what_it_was_taught_with():
    assert {size: leads for size, (leads, _) in texts._TAUGHT.items()} == dict(gem._TOLD)
    assert {size: dots for size, (_, dots) in texts._TAUGHT.items()} == gem._DOTS_PER_MM


@pytest.mark.usefixtures("_brief")
def test_what_cannot_be_trained_says_why(root: Path, tmp_path: Path, workers: Engine):
    table = pd.read_csv(root / "pairs.csv")
    table[["subject_id", "visit", "ecg"]].iloc[:4].to_csv(tmp_path / "pairs.csv", index=False)
    shutil.copytree(root / "ecg", tmp_path / "ecg")
    for file in list((tmp_path / "ecg").rglob("*.dat"))[1:]:
        file.write_bytes(b"")
    dataset = open_dataset(root, describe(root), engine=workers)
    found, left_out = trained_on(dataset, Surroundings(tmp_path, workers))
    assert not found
    assert left_out.keys() >= {"jepa", "cromotex", "cardionets"}
    assert not any("\n" in why for why in left_out.values())


# --- who is a member ------------------------------------------------------------------------


def test_a_record_that_no_table_names_is_neither(root: Path, tmp_path: Path, workers: Engine):
    members = members_of(root)
    listed = members.drop(index=[2, 30]).sample(frac=1, random_state=1)
    around = Surroundings(root, workers)
    one = open_target(written(tmp_path, {"toy": tiny_jepa()}, listed), around)
    named = dict(zip(members["record"], members["part"], strict=True))
    wanted = {"trained": MEMBER, "judged": NONMEMBER, "held back": NEITHER}
    for record, part in zip(one.record, one.part, strict=True):
        dropped = record in set(members["record"].iloc[[2, 30]])
        assert part == (NEITHER if dropped else wanted[named[record]])


def test_without_a_description_nobody_is_a_member(root: Path, tmp_path: Path, workers: Engine):
    artifact.save(tiny_jepa(), tmp_path / "p0001.safetensors")
    one = open_target(tmp_path / "p0001.safetensors", Surroundings(root, workers))
    assert (one.part == NEITHER).all()
    assert "model.yaml" in one.unknown
    assert one.name == "model"


def small_cromotex() -> cromotex.CroMoTEX:
    config = cromotex.CroMoTEXConfig.small()
    assert config.image is not None
    model: cromotex.CroMoTEX = drawn(
        cromotex.CroMoTEX, replace(config, image=replace(config.image, side=32))
    )
    return model


def test_pairs_learnt_by_heart_fit_better(root: Path, tmp_path: Path, workers: Engine):
    pairs, members, model = read_pairs(root), members_of(root), small_cromotex()
    rows = np.flatnonzero(members["part"] == "trained")
    ecg = torch.from_numpy(paired_waves(pairs, cromotex.prepare).x[rows])
    images = torch.from_numpy(np.stack([cromotex.prepare_image(x, 32) for x in pairs.cxr(rows)]))
    optimiser = torch.optim.Adam(model.train().parameters(), 3e-3)
    for _ in range(50):
        one, other = model(ecg).projection, model.project(images)
        loss = sum(
            cardionets.info_nce(*sides, temperature=0.1) for sides in ((one, other), (other, one))
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimiser.step()
    learnt, blank = (
        open_target(written(tmp_path / name, {"cromotex-Edema": one}, members), around)
        for name, one in (("learnt", model), ("blank", small_cromotex()))
        for around in (Surroundings(root, workers),)
    )
    assert learnt.fit is not None
    assert blank.fit is not None
    assert auc(learnt.fit()[:, 0], learnt.part) > 0.95
    assert 0.2 < auc(blank.fit()[:, 0], blank.part) < 0.8


def test_a_visit_without_a_picture_has_no_pair(root: Path, tmp_path: Path, workers: Engine):
    folder = tmp_path / "data"
    shutil.copytree(root, folder)
    table = pd.read_csv(folder / "pairs.csv")
    table.loc[4, "cxr"] = ""
    table.to_csv(folder / "pairs.csv", index=False)
    model = written(tmp_path / "m", {"cromotex-Edema": small_cromotex()}, members_of(root))
    one = open_target(model, Surroundings(folder, workers))
    other = one.view("other").values
    assert np.isnan(other).all(axis=1).tolist() == [row == 4 for row in range(PEOPLE)]
    assert one.fit is not None
    assert np.isnan(one.fit()[:, 0]).tolist() == [row == 4 for row in range(PEOPLE)]
    (folder / "pairs.csv").write_text(table.drop(columns="cxr").to_csv(index=False))
    alone = open_target(model, Surroundings(folder, workers))
    assert alone.outputs.keys() == {"embedding"}
    assert alone.fit is None


def test_recordings_have_sessions_and_ages(tmp_path: Path, workers: Engine):
    data = tmp_path / "data"
    Population(6, n_sessions=2, n_records=1, seed=3).write(data)
    manifest = open_dataset(data, describe(data), engine=workers).manifest
    listed = manifest[["record", "subject"]].assign(part=["trained"] * 6 + ["judged"] * 6)
    model = written(tmp_path / "m", {"jepa": tiny_jepa()}, listed)
    one = open_target(model, Surroundings(data, workers))
    assert one.record.tolist() == manifest["record"].tolist()
    assert one.session.tolist() == manifest["session"].tolist()
    assert [len(set(one.session[one.subject == who])) for who in set(one.subject)] == [2] * 6
    np.testing.assert_array_equal(one.age, manifest["age"].astype(float))
    assert (one.part == MEMBER).sum() == 6


# --- ECG-DiaNet -----------------------------------------------------------------------------


def table_of_people(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns = [*diabetes.ECG, *diabetes.CRF]
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
    return open_target(written(folder, networks, people), Surroundings(folder, workers))


def test_folds_are_told_each_and_their_mean(foretelling: Target):
    logits, scores = (foretelling.view(one).values for one in ("logits", "scores"))
    assert logits.shape == (120, 3)
    np.testing.assert_allclose(
        scores[:, 0], (1 / (1 + np.exp(-logits[:, :2]))).mean(axis=1), rtol=1e-5
    )
    assert foretelling.fit is not None
    sign = np.where(foretelling.truth[:, 0] == 1, 1, -1)
    np.testing.assert_allclose(
        foretelling.fit()[:, 0], sign * logits[:, :2].mean(axis=1), rtol=1e-4, atol=1e-5
    )
    assert (foretelling.part == MEMBER).sum() == 60
    assert foretelling.columns == (*diabetes.ECG, *diabetes.CRF)
    assert set(foretelling.male) == {0.0, 1.0}


def test_a_reference_is_trained_again_on_whom_it_is_told(foretelling: Target):
    assert foretelling.refit is not None
    rows = np.arange(120) % 2 == 0
    first = foretelling.refit(rows, foretelling.truth, 1)
    assert first.shape == (120, 1)
    np.testing.assert_array_equal(first, foretelling.refit(rows, foretelling.truth, 1))
    assert not np.allclose(first, foretelling.refit(rows, foretelling.truth, 2))
    assert np.mean(first > 0) > 0.75  # it learns
    nobody = foretelling.refit(rows & (foretelling.truth[:, 0] == 0), foretelling.truth, 1)
    assert np.isnan(nobody).all()
    by_chance = foretelling.view("scores", control=True).values
    assert by_chance.shape == (120, 1)


# --- what is refused ------------------------------------------------------------------------


def other_people(root: Path, folder: Path) -> Path:
    """The same names of records, under which others are listed."""
    shutil.copytree(root, folder)
    table = pd.read_csv(folder / "pairs.csv")
    table["subject_id"] = table["subject_id"].to_numpy()[::-1]
    table.to_csv(folder / "pairs.csv", index=False)
    return folder


def test_a_folder_that_it_was_not_trained_on_is_one_line(
    root: Path, tmp_path: Path, workers: Engine
):
    members = members_of(root)
    folder = written(tmp_path / "m", {"jepa": tiny_jepa()}, members)
    strangers = written(
        tmp_path / "n", {"jepa": tiny_jepa()}, members.assign(record=members["record"] + "x")
    )
    paired = written(tmp_path / "p", {"cromotex-Edema": small_cromotex()}, members)
    empty = tmp_path / "empty"
    empty.mkdir()
    for model, scanned, said in (
        (strangers, root, "none of which"),
        (folder, other_people(root, tmp_path / "others"), "other people's"),
        (folder, empty, "reads ECGs"),
        (paired, empty, r"reads visits \(pairs.csv\)"),
    ):
        with pytest.raises(ModelError, match=said) as error:
            open_target(model, Surroundings(scanned, workers))
        assert "scan the folder" in str(error.value)
        assert "\n" not in str(error.value)
        assert "p0001" not in str(error.value)


def truncated(folder: Path) -> None:
    file = folder / "models" / "jepa.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def outside(folder: Path) -> None:
    described = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(described.replace("models/jepa", "../other/jepa"))
    shutil.copytree(folder / "models", folder.parent / "other")


def linked(folder: Path) -> None:
    beside = folder / "models" / "jepa.json"
    shutil.move(beside, folder.parent / "jepa.json")
    beside.symlink_to(folder.parent / "jepa.json")


def twice(folder: Path) -> None:
    members = pd.read_parquet(folder / "members.parquet")
    pd.concat([members, members.iloc[:1]]).to_parquet(folder / "members.parquet")


def together(folder: Path) -> None:
    shutil.copy(folder / "models" / "jepa.safetensors", folder / "models" / "again.safetensors")
    shutil.copy(folder / "models" / "jepa.json", folder / "models" / "again.json")
    described = yaml.safe_load((folder / "model.yaml").read_text())
    described["models"]["again"] = {"file": "models/again.safetensors"}
    (folder / "model.yaml").write_text(yaml.safe_dump(described))


def of_no_system(folder: Path) -> None:
    artifact.save(DiaNet(), folder / "models" / "more.safetensors")
    described = yaml.safe_load((folder / "model.yaml").read_text())
    described["models"]["more"] = {"file": "models/more.safetensors"}
    (folder / "model.yaml").write_text(yaml.safe_dump(described))


def not_finite(folder: Path) -> None:
    model = artifact.load(folder / "models" / "jepa.safetensors")
    model.student.norm.weight.data.fill_(3e38)
    artifact.save(model, folder / "models" / "jepa.safetensors")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, "is damaged"),
        (outside, "outside its folder"),
        (linked, "outside its folder"),
        (twice, "names each record once"),
        (together, "holds 2 JEPA, wanted one"),
        (of_no_system, "no system that is known"),
        (not_finite, "not finite"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_hostile_directories_are_one_line(
    root: Path, tmp_path: Path, workers: Engine, spoil: Callable[[Path], None], said: str
):
    folder = written(tmp_path / "m", {"jepa": tiny_jepa()}, members_of(root))
    spoil(folder)
    with pytest.raises(ModelError, match=said) as error:
        open_target(folder, Surroundings(root, workers)).view("embedding")
    assert "\n" not in str(error.value)


def test_a_language_model_that_is_none_is_one_line(root: Path, tmp_path: Path, workers: Engine):
    pytest.importorskip("transformers", reason="the extra `gem`", exc_type=ImportError)
    folder = tmp_path / "gem"
    (folder / "models" / "language").mkdir(parents=True)
    (folder / "models" / "clip").mkdir()
    (folder / "models" / "gem.safetensors").write_bytes(b"")
    (folder / "models" / "language" / "config.json").write_text('{"model_type": 7}')
    files = {"gem": "gem.safetensors", "language": "language", "clip": "clip"}
    described = {"task": "gem", "models": {k: {"file": f"models/{v}"} for k, v in files.items()}}
    (folder / "model.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(ModelError) as error:
        open_target(folder, Surroundings(root, workers))
    assert "\n" not in str(error.value)


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
            open_target(folder, Surroundings(folder, workers))
        assert "\n" not in str(error.value)
