"""Models under audit: what lies at a path becomes a `Target`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from auditor.core.errors import ModelError
from auditor.core.target import Rows, Target
from auditor.learning import tree_file
from auditor.resources import shown
from auditor.systems.registry import open_networks
from auditor.targets import description
from auditor.targets.description import DESCRIPTION, Description
from auditor.targets.model import ReleasedModel
from auditor.targets.onnx import open_onnx
from auditor.targets.release import Release
from auditor.targets.texts import open_texts, with_texts
from auditor.targets.trees import open_trees
from auditor.targets.variants import rounded

_TREES, _ONNX, _NETWORKS = (".json", ".ubj"), ".onnx", ".safetensors"
#: What no file is opened for.
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".sav", ".dill", ".npz")
_UNNAMED = "model"
_NO_DESCRIPTION = (
    f"no {DESCRIPTION} stands beside the model, so that nobody can be called a member; write one "
    "that names its training records"
)


def open_target(path: Path, release: Release, *, device: str = "cpu", seed: int = 0) -> Target:
    """The model at a path: a file of trees, an ONNX file, a folder that `auditor train` wrote, or
    the description of one whose texts stand beside it.

    Parameters
    ----------
    release : what it is released with, and asked about

    Raises
    ------
    ModelError
        There is none, or it is damaged, a pickle, or of a kind that cannot be read.
    """
    if not path.exists():
        raise ModelError(f"{path}: is not there; name a model's file or folder")
    if path.suffix in _PICKLES:
        _refuse_other_kind(path)
        raise ModelError(
            f"{path.name}: may run whatever its writer wished when it is opened, so it is not; "
            "save trees as .json or .ubj, networks as .onnx or .safetensors"
        )
    folder = path if path.is_dir() else path.parent
    described_by = folder / DESCRIPTION
    if os.path.lexists(described_by):
        said, unknown = description.read(described_by), f"{DESCRIPTION} names no table of members"
        files = said.files()
        if path.is_file():
            files = {tell: name for tell, name in files.items() if (folder / name) == path}
            files = files or {said.task: path.name}
    elif path.is_file():
        # What a file is called may name a person.
        said, unknown = Description(task=_UNNAMED), _NO_DESCRIPTION
        files = {_UNNAMED: path.name}
    else:
        raise ModelError(f"{path}: holds no {DESCRIPTION}; name a model's file, or write one")
    model = ReleasedModel(_plain(said.task), folder, said, files, release, device, seed, unknown)
    if said.texts and not files:
        return open_texts(model)
    target = _given_out(_opened(model), said)
    return with_texts(target, model) if said.texts else target


def _given_out(target: Target, said: Description) -> Target:
    """The model as it is released: its file and all that this makes possible, or some outputs."""
    if not said.outputs:
        if said.decimals is not None:
            raise ModelError(
                f"{DESCRIPTION}: decimals: says how outputs are rounded, and the file rounds "
                "nothing; name what is given out in place of the file as outputs: [...]"
            )
        return target
    for name in said.outputs:
        if name not in target.outputs:
            raise ModelError(
                f"{DESCRIPTION}: outputs: the model gives out no {shown(name)}; "
                f"wanted some of {', '.join(target.outputs)}"
            )

    def told(name: str) -> Rows:
        values = target.outputs[name]()
        return values if said.decimals is None else rounded(name, values, said.decimals)

    def stage(make: Callable[[], Target]) -> Target:
        return _given_out(make(), said)

    return replace(
        target,
        outputs={name: partial(told, name) for name in said.outputs},
        trees={},
        thresholds=None,
        # What else there is and was not read is not given out.
        unread={},
        file=False,
        decimals=said.decimals,
        stages={n: partial(stage, make) for n, make in target.stages.items()},
        _cache={},
    )


def _opened(model: ReleasedModel) -> Target:
    kinds = {Path(name).suffix for name in model.files.values()}
    if kinds and kinds <= set(_TREES):
        return open_trees(model)
    if kinds == {_ONNX}:
        return open_onnx(model)
    if _NETWORKS in kinds and kinds <= {_NETWORKS, ""}:  # a language model is a folder
        return open_networks(model)
    for name in model.files.values():
        _refuse_other_kind(model.file(name))
    known = ", ".join((*_TREES, _ONNX, _NETWORKS))
    seen = f"{', '.join(sorted(kinds))} is no model that can be read" if kinds else "holds no model"
    raise ModelError(f"{model.folder.name}: {seen}; wanted {known}")


def _refuse_other_kind(path: Path) -> None:
    """Name a model that is told by its content, and cannot be read."""
    if path.is_file():
        with path.open("rb") as file:
            if told := tree_file.other_kind(file.read(tree_file.SHOWS)):
                raise ModelError(f"{path.name}: {told}")


def _plain(name: str) -> str:
    """A name that findings can bear."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:40] or _UNNAMED
