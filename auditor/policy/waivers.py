"""Waivers: failures that a named person accepts, until a day."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from auditor.core.errors import ConfigError
from auditor.core.finding import Waiver
from auditor.policy.profile import Rule
from auditor.resources import nearest, read_yaml, shown

_KEYS = [field.name for field in fields(Waiver)]
_WANTED = f"wanted a list of {{{', '.join(_KEYS)}}}"
#: Characters an owner or a reason may have: it stands in every report.
_LONGEST = 300
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a YAML file."""
    raw = read_yaml(path)
    try:
        return parse_waivers(raw)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse_waivers(raw: Any) -> tuple[Waiver, ...]:
    """Waivers as read from YAML.

    Raises
    ------
    ConfigError
        A key is missing or unknown, a value is wrong, or two waivers are of one failure.
    """
    if not isinstance(raw, list):
        raise ConfigError(f"holds {type(raw).__name__}, {_WANTED}")
    waivers = tuple(_waiver(one, place) for place, one in enumerate(raw, start=1))
    named = Counter((one.rule, one.finding) for one in waivers)
    for (rule, finding), n in named.items():
        if n > 1:
            raise ConfigError(f"{n} waivers are of {rule} by {finding}; keep one")
    return waivers


def in_force(waivers: Sequence[Waiver], today: date | None) -> list[Waiver]:
    """The waivers that have not expired."""
    if waivers and today is None:
        raise ValueError("whether a waiver has expired is asked of no day")
    return [one for one in waivers if today is not None and one.expires >= today]


def waivers_of(rule: Rule, waivers: Sequence[Waiver]) -> dict[str, Waiver]:
    """The waivers of a rule, by finding."""
    return {one.finding: one for one in waivers if one.rule == rule.id}


def _waiver(raw: Any, place: int) -> Waiver:
    where = f"waiver {place}"
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{where} is {type(raw).__name__}, {_WANTED}")
    for key in map(str, raw):
        if key not in _KEYS:
            raise ConfigError(f"{where}: unknown key {shown(key)}; {nearest(key, _KEYS)}")
    if missing := [key for key in _KEYS if key not in raw]:
        raise ConfigError(f"{where}: no {' and no '.join(missing)}; every waiver says all five")
    texts = {key: _text(raw[key], f"{where}: {key}") for key in _KEYS if key != "expires"}
    return Waiver(**texts, expires=_day(raw["expires"], f"{where}: expires"))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where} is {shown(value)}, wanted some words")
    text = " ".join(value.split())
    if len(text) > _LONGEST:
        raise ConfigError(f"{where} has {len(text)} characters, wanted at most {_LONGEST}")
    if not text.isprintable():
        raise ConfigError(f"{where} holds marks that cannot be seen; write it anew")
    return text


def _day(value: Any, where: str) -> date:
    """A day, or the text of one; nothing that could be read in two ways."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ConfigError(f"{where} is {shown(value)}, wanted a day as YYYY-MM-DD")
