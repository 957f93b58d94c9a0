"""Which checks there are, and which of them a release and its models are put to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from types import ModuleType

from auditor.checks.base import OnModel, OnRecordings, Settings
from auditor.core.target import Target
from auditor.policy import words
from auditor.targets.variants import variants


def code_of(check: str) -> ModuleType:
    """The module of a check, by its id; imported when it is asked for."""
    return import_module(f"auditor.checks.{words.folder_of(check)}.check")


def of_recordings(settings: Settings, chosen: Collection[str]) -> Iterator[OnRecordings]:
    """The questions of a preset to the recordings: those that need no heartbeat first."""
    known = [
        one
        for one in words.checks().values()
        if one.always or (one.in_presets and one.id in chosen)
    ]
    for one in sorted(known, key=lambda one: one.needs_beats):
        yield from code_of(one.id).plan(settings)


def of_models(targets: Sequence[Target], galleries: tuple[int, ...] = ()) -> Iterator[OnModel]:
    """The questions to each model, one model after the other; some of them also to what could be
    released instead of it.

    Parameters
    ----------
    galleries : people among whom an intruder would have to look, so many or so many
    """
    asked = [one.id for one in words.checks().values() if one.subject == "model"]
    for target in targets:
        for check in asked:
            for one in code_of(check).plan(target):
                yield replace(one, galleries=galleries)
        for other in variants(target):
            for check in asked:
                for one in code_of(check).plan(other) if words.about(check).variants else ():
                    yield replace(one, galleries=galleries)
