"""A model on disk: weights as `.safetensors`, its shape as `.json` beside them; never a pickle.

What is loaded was written by strangers: sizes are bounded before anything is allocated, and every
tensor is held against the shape that the configuration asks for before it is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from auditor.core.errors import ConfigError, ModelError
from auditor.core.registry import Registry
from auditor.learning.device import fork_rng
from auditor.resources import validated

SCHEMA = "auditor/model/1"
#: Name → the network's class; its one argument is annotated with its configuration, a frozen
#: dataclass of numbers that refuses what cannot be.
ARCHITECTURES: Registry[type[nn.Module]] = Registry("architecture")
#: Larger files were not written by us.
MOST_BYTES = 2**31
_MOST_JSON_BYTES = 2**16
#: Larger settings would take long before any tensor could contradict them.
_MOST = {"n_leads": 256, "n_samples": 2**20, "patch": 2**16, "width": 2**13, "depth": 128}
_MOST |= {"heads": 256, "head_dim": 1024, "n_ids": 2**24, "n_ecg": 2**12, "n_crf": 2**12}
_MOST_ELSE = 2**13
_PLAIN = ("int", "float", "str", "bool")
_DTYPES = {torch.float32: "F32", torch.int64: "I64"}


def save(model: Any, path: Path) -> None:
    """Write the weights to `path`, a `.safetensors`, and the configuration beside it, a `.json`."""
    _refuse_other_names(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: one.detach().cpu().contiguous() for name, one in model.state_dict().items()}
    (name,) = (name for name, kind in ARCHITECTURES.items() if type(model) is kind)
    described = {"schema": SCHEMA, "architecture": name, "config": asdict(model.config)}
    path.with_suffix(".json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    save_file(weights, path)


def load(path: Path) -> Any:
    """The model that `save` wrote to `path`, of its architecture, on the CPU and ready to be asked.

    Raises
    ------
    ModelError
        Either file is missing, too large or damaged, or the two do not belong together.
    """
    _refuse_other_names(path)
    kind, config = _config(path.with_suffix(".json"))
    with torch.device("meta"):
        model = kind(config)  # shapes alone, nothing allocated
    weights = _weights(path, model.state_dict())
    model.load_state_dict(weights, assign=True)
    if any(one.is_meta for one in model.buffers()):  # some are computed, and in no file
        with fork_rng(np.random.default_rng(0)):
            model = kind(config)
        model.load_state_dict(weights)
    return model.requires_grad_().eval()


def tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a `.safetensors` that was kept of a training of ours.

    Raises
    ------
    ModelError
        It is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path.name}: is damaged; delete it to start anew") from error


def _refuse_other_names(path: Path) -> None:
    if path.suffix != ".safetensors":
        raise ModelError(f"{path.name}: a model is a .safetensors with a .json beside it")


def _config(path: Path) -> tuple[type[nn.Module], Any]:
    _refuse_size(path, _MOST_JSON_BYTES)
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path.name}: cannot be read as JSON") from error
    if not isinstance(described, dict) or described.get("schema") != SCHEMA:
        raise ModelError(f"{path.name}: is not a model's configuration, wanted schema {SCHEMA!r}")
    architecture, settings = described.get("architecture"), described.get("config")
    if architecture not in list(ARCHITECTURES) or not isinstance(settings, dict):
        known = " or ".join(map(repr, ARCHITECTURES))
        raise ModelError(f"{path.name}: wanted architecture {known} with its config")
    kind = ARCHITECTURES[architecture]
    config = get_type_hints(kind.__init__)["config"]
    types = {one.name: one.type for one in fields(config)}
    if settings.keys() != types.keys():
        odd = ", ".join(sorted(settings.keys() ^ types.keys()))
        raise ModelError(f"{path.name}: settings unknown or missing: {odd[:200]}")
    for name, value in settings.items():
        if types[name] in _PLAIN and type(value).__name__ != types[name]:
            raise ModelError(f"{path.name}: {name} is a {type(value).__name__}, not {types[name]}")
    _refuse_large(path, settings)
    try:
        return kind, validated(config, settings, path.name)
    except ConfigError as error:
        raise ModelError(str(error)) from None


def _refuse_large(path: Path, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if isinstance(value, dict):
            _refuse_large(path, value)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int | float) and one > (most := _MOST.get(name, _MOST_ELSE)):
                raise ModelError(f"{path.name}: {name} is {one}, more than {most}")


def _weights(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    _refuse_size(path, MOST_BYTES)
    try:
        with safe_open(path, framework="pt") as file:
            odd = set(file.keys()) ^ wanted.keys()
            if odd:
                raise ModelError(
                    f"{path.name}: tensors unknown or missing: {', '.join(sorted(odd))[:200]}"
                )
            for name, one in wanted.items():
                part, dtype, shape = file.get_slice(name), _DTYPES[one.dtype], tuple(one.shape)
                if tuple(part.get_shape()) != shape or part.get_dtype() != dtype:
                    raise ModelError(
                        f"{path.name}: {name} is {part.get_dtype()} {tuple(part.get_shape())}, "
                        f"its configuration wants {dtype} {shape}"
                    )
            weights = {name: file.get_tensor(name) for name in wanted}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path.name}: is damaged or no .safetensors file") from error
    if not all(bool(one.isfinite().all()) for one in weights.values()):
        raise ModelError(f"{path.name}: holds weights that are not finite")
    return weights


def _refuse_size(path: Path, most: int) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelError(f"{path.name}: not found") from error
    if size > most:
        raise ModelError(f"{path.name}: {size} bytes, more than the {most} of any model of ours")
