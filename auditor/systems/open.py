"""Models under audit: what lies at a path becomes a `Target`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from auditor.core.errors import ModelError
from auditor.core.target import NEITHER, Floats, Target
from auditor.engine import Engine
from auditor.learning import boost
from auditor.systems import networks, onnx
from auditor.systems.gem import target as texts
from auditor.targets import description, trees
from auditor.targets.description import DESCRIPTION, Description
from auditor.targets.release import Release

Progress = Callable[[str, int, int], None]

_TREES = (".json", ".ubj")
#: What no file is opened for.
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".sav", ".dill", ".npz")
_UNNAMED = "model"
_NO_DESCRIPTION = (
    f"no {DESCRIPTION} stands beside the model, so that nobody can be called a member; write one "
    "that names its training records"
)


@dataclass(frozen=True)
class Surroundings:
    """What a model may have to be asked with: the release that is scanned, and on which device."""

    release: Release
    device: str = "cpu"
    seed: int = 0
    progress: Progress = lambda task, done, total: None

    @property
    def root(self) -> Path:
        """The folder that is scanned."""
        return self.release.root

    @property
    def engine(self) -> Engine:
        """Maps work over shards of records."""
        return self.release.engine


def open_target(path: Path, around: Surroundings) -> Target:
    """The model at a path: a file of trees, an ONNX file, or a folder that `auditor train` wrote.

    Raises
    ------
    ModelError
        There is none, or it is damaged, a pickle, or of a kind that cannot be read.
    """
    if not path.exists():
        raise ModelError(f"{path}: is not there; name a model's file or folder")
    if path.suffix in _PICKLES:
        raise ModelError(
            f"{path.name}: may run whatever its writer wished when it is opened, so it is not; "
            "save trees as .json or .ubj, networks as .onnx or .safetensors"
        )
    folder = path if path.is_dir() else path.parent
    described_by = folder / DESCRIPTION
    if described_by.is_file():
        said = description.read(described_by)
        files = said.files()
        if path.is_file():
            files = {tell: name for tell, name in files.items() if (folder / name) == path}
            files = files or {said.task: path.name}
    elif path.is_file():
        # What a file is called may name a person.
        said, files = Description(task=_UNNAMED), {_UNNAMED: path.name}
    else:
        raise ModelError(f"{path}: holds no {DESCRIPTION}; name a model's file, or write one")
    return _opened(folder, said, files, around, described_by.is_file())


def _opened(
    folder: Path,
    said: Description,
    files: Mapping[str, str],
    around: Surroundings,
    is_described: bool,
) -> Target:
    unknown = f"{DESCRIPTION} names no table of members" if is_described else _NO_DESCRIPTION
    release = networks.Release(_plain(said.task), folder, said, files, around, unknown)
    kinds = {Path(name).suffix for name in files.values()}
    if kinds and kinds <= set(_TREES):
        boosters = {
            tell: boost.load(description.beside(folder, one)) for tell, one in files.items()
        }
        table = _table(folder, said, tuple(boosters), _asked_by(boosters), around, unknown)
        return trees.target(release.name, said.title, table, boosters)
    if kinds == {".safetensors"}:
        return networks.target(release)
    if kinds == {".safetensors", ""}:  # a language model is a folder
        return texts.target(release)
    if kinds == {".onnx"}:
        return onnx.target(release, lambda tells: _table(folder, said, tells, (), around, unknown))
    known = ", ".join((*_TREES, ".onnx", ".safetensors"))
    seen = ", ".join(sorted(kinds)) or "no file"
    raise ModelError(f"{folder.name}: {seen} is no model that can be read; wanted {known}")


def _table(
    folder: Path,
    said: Description,
    tells: Sequence[str],
    asked_by: Sequence[str],
    around: Surroundings,
    unknown: str,
) -> trees.Table:
    """What can be asked about in numbers: the rows that the description names, else the data set's.

    Parameters
    ----------
    tells : what the model tells
    asked_by : names of its inputs, as far as it names them itself
    unknown : why nobody is a member, where no table says who is
    """
    if said.members:
        table = description.members(folder, said)
        part, unknown = description.parted(table, said)
    else:
        table = _measured(around)
        part = np.full(len(table), NEITHER, dtype=np.int8)
    prefixed = {str(one).removeprefix("input "): one for one in table if str(one)[:6] == "input "}
    if prefixed:
        inputs = prefixed
    else:
        wanted = said.inputs or asked_by
        inputs = {one: "male" if one == "sex" and "male" in table else one for one in wanted}
        inputs = {one: column for one, column in inputs.items() if column in table}
        if len(inputs) < len(wanted) or not wanted:
            # Nothing to ask it with: what the file shows by itself is all there is.
            table, inputs, part = table.iloc[:0], {}, part[:0]
    rows = [description.numbers(table, str(one)) for one in inputs.values()]
    labels = {tell: said.labels.get(tell, f"label {tell}") for tell in tells}
    if len(tells) == 1 and "label event" in table:
        labels = dict.fromkeys(labels, "label event")
    sex = description.texts(table, said.columns.sex)
    male = np.select([sex == "male", sex == "female"], [1.0, 0.0], np.nan)
    by_name = dict(zip(inputs, rows, strict=True))
    return trees.Table(
        record=description.texts(table, said.columns.record),
        subject=description.texts(table, said.columns.subject),
        session=description.texts(table, said.columns.session),
        part=part,
        male=by_name.get("sex", male),
        age=by_name.get("age", description.numbers(table, said.columns.age)),
        inputs=np.stack(rows, axis=1).astype(np.float32)
        if rows
        else np.zeros((len(table), 0), dtype=np.float32),
        columns=tuple(map(str, inputs)),
        truth={tell: _known(description.numbers(table, one)) for tell, one in labels.items()},
        unknown=unknown,
    )


def _measured(around: Surroundings) -> pd.DataFrame:
    """What this program measures of the folder's recordings, a row for each; none without any."""
    found = around.release.feature_table
    if not len(found):
        return found
    return found.assign(male=found["sex"].map({"male": 1.0, "female": 0.0}))


def _known(label: Floats) -> Floats:
    return np.where((label == 0) | (label == 1), label, np.nan)


def _asked_by(boosters: Mapping[str, object]) -> tuple[str, ...]:
    names = [getattr(one, "feature_names", None) or () for one in boosters.values()]
    return tuple(dict.fromkeys(one for some in names for one in some))


def _plain(name: str) -> str:
    """A name that findings can bear."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:40] or _UNNAMED
