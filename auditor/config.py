"""The one place where it is defined how hard an audit tries.

A preset in `configs/presets/` says so; a profile in `configs/profiles/` what it is
judged by. A flag overrides both, and nothing else is consulted.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from auditor.attackers.recogniser import RECOGNISERS
from auditor.core.errors import ConfigError
from auditor.policy import words
from auditor.resources import nearest, read_settings, resource, settings_file, shown, validated
from auditor.targets.context import Training
from auditor.training.attacker import BeatAugmentation, EmbedderTraining

#: The checks that a preset may choose.
CHECKS = tuple(one.id for one in words.checks().values() if one.in_presets)


class Preset(BaseModel):
    """How hard an audit tries."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    title: str
    #: A longer record is read up to here.
    max_seconds: float = Field(gt=10)
    linkage_views: tuple[str, ...]
    protocols: tuple[Literal["random-segment", "same-session", "cross-session"], ...]
    attribute_views: tuple[str, ...]
    #: Whose networks are asked what part of the heartbeat they read.
    attribution_views: tuple[Literal["embedding", "vit"], ...] = ()
    #: How a network is trained on the release; null trains none.
    training: Training | None
    #: Which questions are asked.
    checks: tuple[str, ...] = CHECKS
    #: Whether the clinical systems are trained on the release and audited, as anybody could.
    models: bool = False

    @field_validator("linkage_views", "attribute_views")
    @classmethod
    def _known(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        for view in views:
            if view not in RECOGNISERS:
                raise ValueError(
                    f"no view is named {shown(view)}; {nearest(view, RECOGNISERS.ladder())}"
                )
        return views

    @model_validator(mode="after")
    def _trains_what_it_tries(self) -> Preset:
        tried = {*self.linkage_views, *self.attribute_views, *self.attribution_views}
        untaught = sorted(one for one in tried if RECOGNISERS[one].needs_training)
        if untaught and self.training is None:
            raise ValueError(
                f"{untaught[0]} is a network that is trained on the release; say how by "
                "training: {...}, or leave it out"
            )
        return self

    @field_validator("checks")
    @classmethod
    def _asked(cls, checks: tuple[str, ...]) -> tuple[str, ...]:
        for check in checks:
            if check not in CHECKS:
                raise ValueError(f"no check is named {shown(check)}; {nearest(check, CHECKS)}")
        return checks


def load_preset(name: str) -> Preset:
    """A shipped preset, or one of the user's own at a path."""
    path = settings_file("preset", name)
    raw = {"name": path.stem, **read_settings(path)}
    return validated(Preset, raw, f"preset {path}")


#: Settings of `EmbedderTraining` that are called otherwise in its file.
_IN_THE_FILE = {"learning_rate": "rate", "weight_decay": "decay"}


def load_attacker(path: Path | None) -> EmbedderTraining:
    """How the attacker's network is trained: as shipped, or by the user's own file."""
    path = path or resource("configs") / "attacker.yaml"
    raw = read_settings(path)
    days = [one.name for one in fields(BeatAugmentation)]
    names = {
        _IN_THE_FILE.get(one.name, one.name): one.name
        for one in fields(EmbedderTraining)
        if one.name != "augmentation"
    }
    where = f"recipe {path}"
    for name, value in raw.items():
        if name not in (known := [*names, *days]):
            raise ConfigError(f"{where}: {shown(name)}: unknown key; {nearest(name, known)}")
        if not isinstance(value, int | float):
            raise ConfigError(f"{where}: {name}: seen {shown(value)}, wanted a number")
    moved = validated(BeatAugmentation, {name: raw[name] for name in days if name in raw}, where)
    settings = {names[name]: value for name, value in raw.items() if name in names}
    return validated(EmbedderTraining, {**settings, "augmentation": moved}, where)
