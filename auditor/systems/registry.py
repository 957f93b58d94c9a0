"""Clinical systems, each a folder beside this file: how it is trained, how its networks are opened.

`<id>/train.py` decorates with `trains` what trains the system, for the tasks in `configs/tasks/`
that name the folder; `<id>/target.py` decorates with `opens` what makes a target of its networks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from torch import nn

from auditor import systems
from auditor.core.errors import ModelError
from auditor.core.registry import Registry
from auditor.core.target import Target
from auditor.learning import artifact
from auditor.targets.description import STAGES
from auditor.targets.model import ReleasedModel

if TYPE_CHECKING:
    from auditor.systems.result import Study
    from auditor.systems.task import Task
    from auditor.systems.training import Training
    from auditor.targets.release import Release

    Run = Callable[[Training], Study]
    IsThere = Callable[[Task, Release], bool]

Networks = Mapping[str, Any]
Open = Callable[[ReleasedModel, Networks], Target]


@dataclass(frozen=True)
class Trainer:
    """How a system is trained.

    Attributes
    ----------
    run : trains it and judges what it learned
    is_there : whether a release has what a task is trained on, as far as names of files say
    takes : of the settings that not every system has (`systems.study.SETTINGS`), those it has
    """

    run: Run
    is_there: IsThere
    takes: frozenset[str]


@dataclass(frozen=True)
class _Opener:
    """How a system's networks are opened.

    Attributes
    ----------
    networks : the kinds of network it is made of
    folders : whether folders, which other libraries write, belong to it
    """

    open: Open
    networks: frozenset[type[nn.Module]]
    folders: bool


_TRAINERS: Registry[Trainer] = Registry("system")
_OPENERS: Registry[_Opener] = Registry("system")


def trains(is_there: IsThere, takes: Collection[str] = ()) -> Callable[[Run], Run]:
    """Enter what is decorated as the training of the system in whose folder it stands."""

    def enter(run: Run) -> Run:
        _TRAINERS.register(_folder(run))(Trainer(run, is_there, frozenset(takes)))
        return run

    return enter


def opens(*networks: type[nn.Module], folders: bool = False) -> Callable[[Open], Open]:
    """Enter what is decorated as what opens the networks of the system in whose folder it stands.

    Parameters
    ----------
    networks : the kinds of network that the system is made of
    folders : whether folders, which other libraries write, belong to it
    """

    def enter(opener: Open) -> Open:
        _OPENERS.register(_folder(opener))(_Opener(opener, frozenset(networks), folders))
        return opener

    return enter


def trainer(system: str) -> Trainer:
    """How the system in a folder is trained.

    Raises
    ------
    ConfigError
        There is no such folder, or nothing in it is trained.
    """
    if "train" in _modules().get(system, ()):
        import_module(f"{systems.__name__}.{system}.train")
    return _TRAINERS[system]


def open_networks(model: ReleasedModel) -> Target:
    """The `.safetensors` of a model, and the folders beside them, as the system they belong to.

    Raises
    ------
    ModelError
        One is damaged; or they are those of no system, or that system cannot be asked.
    """
    for system, modules in _modules().items():
        if "target" in modules:  # with it come the networks, which `artifact` loads by name
            import_module(f"{systems.__name__}.{system}.target")
    networks = {}
    for name, file in model.files.items():
        if Path(file).suffix:
            model.file(str(Path(file).with_suffix(".json")))
            networks[name] = artifact.load(model.file(file))
    has_folders = len(networks) < len(model.files)
    kinds = {type(one) for one in networks.values()}
    for opener in _OPENERS.values():
        if kinds <= opener.networks and has_folders == opener.folders:
            target = opener.open(model, networks)
            stages = _stages(model, networks, opener.open, target)
            return replace(target, stages=stages, stage_unit="steps")
    seen = ", ".join(sorted(one.__name__ for one in kinds))
    raise ModelError(f"{model.name}: cannot be audited yet; {seen} is no system that is known")


def _stages(
    model: ReleasedModel, networks: Networks, opened: Open, target: Target
) -> dict[int, Callable[[], Target]]:
    """By steps of training, the model with the networks that were kept as they were; none where
    none were, or the description does not say how many steps there were.
    """
    root, steps = model.folder / STAGES, model.description.steps
    kept = {
        int(one.name): one.name
        for one in (root.iterdir() if steps and root.is_dir() else ())
        if one.name.isdecimal() and 0 < int(one.name) < (steps or 0)
    }

    def stage(folder: str) -> Target:
        earlier = {}
        for name, released in networks.items():
            file = f"{STAGES}/{folder}/{name}.safetensors"
            if (model.folder / file).exists():
                model.file(str(Path(file).with_suffix(".json")))
                earlier[name] = artifact.load(model.file(file))
                if earlier[name].config != released.config:
                    raise ModelError(f"{file}: is no earlier state of {name}; train it again")
        if not earlier:
            raise ModelError(f"{STAGES}/{folder}: holds none of {model.name}'s networks; delete it")
        return opened(model, {**networks, **earlier})

    if not kept or steps is None:
        return {}
    every = {n: partial(stage, folder) for n, folder in sorted(kept.items())}
    return {**every, steps: lambda: target}


def _modules() -> dict[str, set[str]]:
    """By system, the modules in its folder."""
    return {
        package.name: {one.name for one in iter_modules([str(Path(root) / package.name)])}
        for root in systems.__path__
        for package in iter_modules([root])
        if package.ispkg
    }


def _folder(function: Callable[..., object]) -> str:
    return function.__module__.split(".")[-2]
