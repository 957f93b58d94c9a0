"""What networks were earlier in their training is kept, opened, and asked as what they are now."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from auditor.cli import main
from auditor.core.errors import ModelError
from auditor.core.target import Target
from auditor.engine import Engine
from auditor.learning import artifact
from auditor.resources import resource
from auditor.simulate.population import Population
from auditor.systems import model_dir, study
from auditor.systems.open import open_target
from auditor.systems.result import Study
from auditor.systems.training import Training
from auditor.targets.variants import variants
from tests.systems.brief import (
    briefly,
    drawn,
    members_of,
    scanned,
    tiny_jepa,
    trained,
    written,
)

#: Of the language model that GEM is mostly made of, no earlier state is kept.
KEPT = {"cardionets": {"embedding"}, "cromotex": {"scores"}, "jepa": {"embedding"}, "gem": set()}


@pytest.mark.parametrize("name", KEPT)
def test_a_network_is_asked_as_it_was_earlier(opened: Callable[[str], Target], name: str):
    one = opened(name)  # of two steps
    changed = KEPT[name]
    assert list(one.stages) == ([1, 2] if changed else [])
    assert one.stage_unit == "steps"
    for n, make in one.stages.items():
        stage = make()
        np.testing.assert_array_equal(stage.record, one.record)
        np.testing.assert_array_equal(stage.split, one.split)
        assert stage.outputs.keys() == one.outputs.keys()
        for output in changed:
            same = np.array_equal(stage.view(output).values, one.view(output).values)
            assert same == (n == 2)


def test_what_could_be_released_instead_of_a_network_is_no_generator_and_no_other_picture(
    opened: Callable[[str], Target],
):
    (stage,) = variants(opened("cardionets"))
    assert stage.stopped_at == 1
    assert set(stage.outputs) == {"embedding"}
    assert stage.generator is None
    assert not stage.stages
    assert stage.values.keys() == opened("cardionets").values.keys()
    assert len(stage.values) == 16


def weights(study: Study) -> dict[int, torch.Tensor]:
    """By steps, all of a representation's weights; 0 is what is released."""
    made = {0: study.networks["jepa"]} | {n: one["jepa"]() for n, one in study.stages.items()}
    return {
        n: torch.cat([w.flatten() for w in one.state_dict().values()]) for n, one in made.items()
    }


class Cut(Exception):
    pass


def test_a_training_that_was_cut_off_keeps_the_same_stages(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def cut(what: str, step: int, steps: int) -> None:
        if what == "pretrain" and step == 5:
            raise Cut

    with briefly(steps=8, asked=5):
        monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "whole"))
        whole = weights(trained("jepa", root))
        monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cut"))
        with pytest.raises(Cut):
            trained("jepa", root, progress=cut)
        gone_on = weights(trained("jepa", root))
        again = weights(trained("jepa", root))  # all of it was kept
    assert list(whole) == [0, 1, 2, 4]
    for n, one in whole.items():
        assert torch.equal(one, gone_on[n])
        assert torch.equal(one, again[n])
    assert not torch.equal(whole[4], whole[0])


def test_stages_lie_beside_the_models_and_are_what_they_were(root: Path, tmp_path: Path):
    with briefly(steps=2, asked=5):
        found = trained("jepa", root)
    model_dir.write(found, tmp_path / "jepa", study.FAULTS)
    kept = sorted(
        one.relative_to(tmp_path / "jepa").as_posix()
        for one in (tmp_path / "jepa" / "stages").rglob("*")
        if one.is_file()
    )
    assert kept == ["stages/1/jepa.json", "stages/1/jepa.safetensors"]
    said = yaml.safe_load((tmp_path / "jepa" / "model.yaml").read_text())
    assert said["steps"] == 2
    assert "stages" not in str(said)  # what is released names nothing that is not
    back = artifact.load(tmp_path / "jepa" / kept[1]).state_dict()
    for name, one in found.stages[1]["jepa"]().state_dict().items():
        assert torch.equal(back[name], one)


def test_a_part_of_a_module_is_given_back_as_it_was(tmp_path: Path, monkeypatch):
    """What is released of a training need not be all of what is trained."""
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path))
    from auditor.systems import task as tasks

    with briefly(steps=4, asked=5):
        training = Training(tasks.load("jepa"), None, "small", 0, "cpu", lambda *_: None)
    training.keep_under("toy")
    both = torch.nn.ModuleDict({"mine": torch.nn.Linear(3, 1), "other": torch.nn.Linear(3, 1)})
    x, seen = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), {}

    def objective(rows: np.ndarray, _: torch.Generator) -> torch.Tensor:
        return (both["mine"](x[rows]) + both["other"](x[rows]) - 1).square().mean()

    def after(step: int) -> None:
        seen[step + 1] = both["mine"].weight.detach().clone()

    training.train(
        "pretrain", both, objective, np.arange(20), after=after, released={"it": both["mine"]}
    )
    assert training.steps == 4
    assert list(training.earlier) == [1, 2]
    for n, files in training.earlier.items():
        assert torch.equal(files["it"]().weight, seen[n])
    assert torch.equal(both["mine"].weight, seen[4])  # what is released is as it was left


# --- what stays with the steward ----------------------------------------------------------


def test_who_trains_is_told_that_stages_are_not_for_release():
    help_ = CliRunner().invoke(main, ["train", "jepa", "--help"]).output
    told = " ".join(help_.split())
    assert "two things that are not for release: members.parquet" in told
    assert "stages, of some networks" in told
    text = " ".join(resource("docs/train.md").read_text().split())
    assert "not for release, and the rest may leave: `members.parquet`" in text
    assert "`stages/` holds the networks" in text


def test_a_copy_without_identifiers_holds_no_stages(tmp_path: Path):
    Population(3, n_records=1, leads=("I",), seed=1).write(tmp_path / "data")
    artifact.save(tiny_jepa(), tmp_path / "data" / "model" / "stages" / "5" / "jepa.safetensors")
    done = CliRunner().invoke(main, ["clean", str(tmp_path / "data"), str(tmp_path / "out")])
    assert (tmp_path / "out").is_dir(), done.output
    left = [one.name for one in (tmp_path / "out").rglob("*") if one.is_file()]
    assert left
    assert not [one for one in left if "jepa" in one or one.endswith(".safetensors")]


# --- directories of others ----------------------------------------------------------------


def staged(root: Path, folder: Path) -> Path:
    """A representation with one of its stages, by hand."""
    written(folder, {"jepa": tiny_jepa()}, members_of(root))
    said = yaml.safe_load((folder / "model.yaml").read_text())
    (folder / "model.yaml").write_text(yaml.safe_dump({**said, "steps": 10}))
    earlier = tiny_jepa()
    for one in earlier.parameters():
        one.data *= 0.9
    artifact.save(earlier, folder / "stages" / "5" / "jepa.safetensors")
    return folder


def test_without_stages_a_model_is_opened_as_ever(root: Path, tmp_path: Path, workers: Engine):
    folder = staged(root, tmp_path / "m")
    release = scanned(root, workers)
    assert list(open_target(folder, release).stages) == [5, 10]
    shutil.rmtree(folder / "stages")  # as it is released
    assert open_target(folder, release).stages == {}
    plain = written(tmp_path / "old", {"jepa": tiny_jepa()}, members_of(root))
    shutil.copytree(staged(root, tmp_path / "n") / "stages", plain / "stages")
    assert open_target(plain, release).stages == {}  # of how many steps nobody says


def of_another_shape(folder: Path) -> None:
    config = replace(tiny_jepa().config, width=32)
    artifact.save(drawn(type(tiny_jepa()), config), folder / "stages" / "5" / "jepa.safetensors")


def empty(folder: Path) -> None:
    shutil.rmtree(folder / "stages" / "5")
    (folder / "stages" / "5").mkdir()


def damaged(folder: Path) -> None:
    file = folder / "stages" / "5" / "jepa.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def outside(folder: Path) -> None:
    shutil.move(folder / "stages" / "5", folder.parent / "5")
    (folder / "stages" / "5").symlink_to(folder.parent / "5")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (of_another_shape, "is no earlier state of jepa"),
        (empty, "holds none of toy's networks"),
        (damaged, "is damaged"),
        (outside, "outside its folder"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_hostile_stages_are_one_line(
    root: Path, tmp_path: Path, workers: Engine, spoil: Callable[[Path], None], said: str
):
    folder = staged(root, tmp_path / "m")
    spoil(folder)
    with pytest.raises(ModelError, match=said) as error:
        open_target(folder, scanned(root, workers)).stages[5]()
    assert "\n" not in str(error.value)
