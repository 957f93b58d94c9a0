"""The one place where the settings of a run are defined.

A preset in `configs/presets/` sets how hard the audit tries, a profile in `configs/profiles/` what
it is judged by; a flag overrides both, and nothing else is consulted.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from auditor.attacks.case import Training
from auditor.attacks.rungs import ladder
from auditor.core.errors import ConfigError
from auditor.core.finding import Waiver
from auditor.models.metric import Recipe
from auditor.resources import resource
from auditor.risk.profile import Profile, parse_profile
from auditor.risk.waivers import parse_waivers

#: A profile or preset is read up to this size.
_MAX_BYTES = 1_000_000


Check = Literal[
    "identifiers",
    "uniqueness",
    "duplicates",
    "linkage",
    "slices",
    "shortcut",
    "attribute",
    "attribution",
]
CHECKS: tuple[Check, ...] = get_args(Check)


class Preset(BaseModel):
    """How hard an audit tries."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    checks: tuple[Check, ...] = CHECKS
    #: Whether the clinical systems are trained on the release and audited, as anybody could.
    models: bool = False
    level: float = Field(default=0.95, gt=0.5, lt=1)

    @field_validator("linkage_views", "attribute_views")
    @classmethod
    def _known(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        for view in views:
            if view not in ladder():
                raise ValueError(f"no view is named {view!r}; known: {', '.join(ladder())}")
        return views


def load_preset(name: str) -> Preset:
    """A shipped preset, or one of the user's own at a path."""
    path = _find("preset", name)
    raw = {"name": path.stem, **_read(path)}
    try:
        return Preset.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"preset {path}: {first_problem(error)}") from None


def load_profile(name: str) -> Profile:
    """A shipped profile, or one of the user's own at a path."""
    path = _find("profile", name)
    raw = _read(path)
    try:
        profile = parse_profile({"name": path.stem, **raw})
    except ConfigError as error:
        raise ConfigError(f"profile {path}: {error}") from None
    for rule in profile.rules:
        if odd := set(rule.strongest) - set(ladder()):
            raise ConfigError(
                f"profile {path}: rule {rule.id}, strongest: no rung is named {min(odd)!r}; "
                f"known: {', '.join(ladder())}"
            )
    return profile


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a YAML file."""
    try:
        return parse_waivers(_yaml(path))
    except ConfigError as error:
        told = str(error)
        raise ConfigError(told if told.startswith(str(path)) else f"{path}: {told}") from None


def load_recipe(path: Path | None) -> Recipe:
    """How the attacker's network is taught: as shipped, or by the user's own file."""
    path = path or resource("configs") / "attacker.yaml"
    raw = _read(path)
    if odd := raw.keys() - {field.name for field in fields(Recipe)}:
        raise ConfigError(f"recipe {path}: unknown setting {min(map(str, odd))}")
    try:
        return TypeAdapter(Recipe).validate_python(raw)
    except ValidationError as error:
        raise ConfigError(f"recipe {path}: {first_problem(error)}") from None


def names(kind: Literal["preset", "profile"]) -> list[str]:
    """The shipped presets or profiles."""
    return sorted(path.stem for path in resource(f"configs/{kind}s").glob("*.yaml"))


def first_problem(error: ValidationError) -> str:
    """The first thing wrong with a settings file, on one line."""
    problem = error.errors()[0]
    where = ".".join(map(str, problem["loc"])) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"unknown setting {where}"
    return f"{where}: {problem['msg'].lower()}, seen {problem['input']!r:.60}"


def _find(kind: Literal["preset", "profile"], name: str) -> Path:
    if name in (known := names(kind)):
        return resource(f"configs/{kind}s") / f"{name}.yaml"
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    raise ConfigError(
        f"no {kind} is named {name!r}; known: {', '.join(known)}, or the path of a .yaml file"
    )


def _read(path: Path) -> dict[str, Any]:
    raw = _yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: holds {type(raw).__name__}, wanted names and values")
    return raw


def _yaml(path: Path) -> Any:
    """What a settings file says; a key that stands there twice says nothing."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes; no settings file is")
        text = path.read_text(encoding="utf-8")
        raw, nodes = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).replace("\n", " ")
        raise ConfigError(f"{path}: cannot be read as YAML: {reason}") from None
    if twice := _twice(nodes):
        raise ConfigError(f"{path}: {twice}; keep one")
    return raw


def _twice(root: yaml.Node | None) -> str | None:
    """A key that one mapping of a YAML document holds twice, of which YAML would take the last."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for place, key in enumerate(keys):
                if key in keys[:place]:
                    line = node.start_mark.line + 1
                    return f"{key:.60} stands twice in what begins in line {line}"
            waiting += [one for _, one in node.value]
    return None
