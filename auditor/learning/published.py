"""Weights that others published, by the names of their tensors.

From `.safetensors` alone: what authors publish as pickles is converted by whoever trusts it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import nn

from auditor.core.errors import ModelError


def load_named(
    module: nn.Module, path: Path, name: Callable[[str], str | None] = lambda published: published
) -> None:
    """Fill a module with the tensors of a `.safetensors`.

    Parameters
    ----------
    name : what a published tensor is called in the module; None where it has no place in it

    Raises
    ------
    ModelError
        The file is missing or damaged, tensors are missing or unexpected, or one has another shape.
    """
    own = module.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            names = {one: name(one) for one in file.keys()}  # noqa: SIM118 - it is no mapping
            found = {mine: one for one, mine in names.items() if mine is not None}
            missing, unexpected = (
                sorted(own.keys() - found.keys()),
                sorted(found.keys() - own.keys()),
            )
            if missing or unexpected:
                raise ModelError(
                    f"{path.name}: missing {_some(missing)}, unexpected {_some(unexpected)}"
                )
            for mine, published in found.items():
                shape = tuple(file.get_slice(published).get_shape())
                if shape != tuple(own[mine].shape):
                    raise ModelError(
                        f"{path.name}: {published} is {shape}, wanted {tuple(own[mine].shape)}"
                    )
            module.load_state_dict(
                {mine: file.get_tensor(one).to(own[mine].dtype) for mine, one in found.items()}
            )
    except FileNotFoundError as error:
        raise ModelError(f"{path.name}: not found") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path.name}: is damaged or no .safetensors file") from error


def _some(names: list[str]) -> str:
    few = ", ".join(names[:5]) or "none"
    return f"{few} and {len(names) - 5} more" if len(names) > 5 else few
