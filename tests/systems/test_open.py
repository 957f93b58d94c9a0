"""Which directories and files become targets, of whom, and which are refused in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from auditor.core.errors import ModelError
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from auditor.engine import Engine
from auditor.learning import artifact
from auditor.systems.dianet.network import DiaNet
from auditor.systems.open import open_target
from tests.systems.brief import members_of, scanned, small_cromotex, tiny_jepa, written


def test_a_record_that_no_table_names_is_neither(root: Path, tmp_path: Path, workers: Engine):
    members = members_of(root)
    listed = members.drop(index=[2, 30]).sample(frac=1, random_state=1)
    one = open_target(written(tmp_path, {"toy": tiny_jepa()}, listed), scanned(root, workers))
    named = dict(zip(members["record"], members["part"], strict=True))
    wanted = {"trained": MEMBER, "judged": NONMEMBER, "held back": NEITHER}
    for record, part in zip(one.record, one.split, strict=True):
        dropped = record in set(members["record"].iloc[[2, 30]])
        assert part == (NEITHER if dropped else wanted[named[record]])


def test_without_a_description_nobody_is_a_member(root: Path, tmp_path: Path, workers: Engine):
    artifact.save(tiny_jepa(), tmp_path / "p0001.safetensors")
    one = open_target(tmp_path / "p0001.safetensors", scanned(root, workers))
    assert (one.split == NEITHER).all()
    assert "model.yaml" in one.membership_unknown
    assert one.name == "model"


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
    for model, data, said in (
        (strangers, root, "none of which"),
        (folder, other_people(root, tmp_path / "others"), "other people's"),
        (folder, empty, "reads ECGs"),
        (paired, empty, r"reads visits \(pairs.csv\)"),
    ):
        with pytest.raises(ModelError, match=said) as error:
            open_target(model, scanned(data, workers))
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
        open_target(folder, scanned(root, workers)).view("embedding")
    assert "\n" not in str(error.value)
