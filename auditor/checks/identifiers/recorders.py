"""Constants of recorders, by which a recording can be told from those of other devices.

Gain, offset and resolution, the step of the samples, the rate, the filters and the model are those
of a device, and with it of a site. Where many people share them they are a group, as the people of
a hospital are; whoever is in a small group is known by the device that few were recorded with. What
differs from recording to recording, as a gain that fills the range of each file, is no device's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from auditor.checks.identifiers.sighting import Sighting
from auditor.core.evidence import MIN_PEOPLE
from auditor.data.dataset import Dataset
from auditor.data.identifiers.classes import DEVICE
from auditor.data.values import is_missing

#: A sighting of this kind is one only where few people have the same.
CONSTANT = "constant of a recorder"
PLACE = "constants of the recorder"
_SCALE = "gain, offset and resolution"
#: Where more people than this share have values of their own, the values are of each recording.
_OWN = 0.5
_STATED = {
    "filter": re.compile(
        r"filter|(?:high|low|hi|band) ?pass|bandwidth|notch|cut-?off|filtr[oe]\b", re.I
    ),
    "model": re.compile(r"model|software|firmware|recorder|transducer|manufacturer", re.I),
}
#: What is stated there is a mark of one recording, or of one machine, which is a device's number.
_NEITHER = re.compile(r"flag|filtered|serial|number|date|description|(?<![a-z])id(?![a-z])", re.I)
_KEY = re.compile(r"\W*([^\W\d][\w ./-]{1,40}?)\s{0,3}[:=]\s{0,3}(\S.{0,80})")


def of_recordings(dataset: Dataset) -> Iterator[Sighting]:
    """The constants that the manifest tells, recording by recording."""
    manifest = dataset.manifest
    columns = {
        _SCALE: manifest["scale"],
        "step of the samples": manifest["step"],
        "rate": manifest["fs"].map("{:g} Hz".format),
    }
    for name, values in columns.items():
        for subject, value in zip(manifest["subject"].astype(str), values, strict=True):
            if value:
                yield _constant(subject, name, str(value))


def in_text(subject: str, text: str, where: str) -> Iterator[Sighting]:
    """A filter or a model that a text of a file states, by its place or by its key."""
    place, value = re.split(r"[/@]", where)[-1], text
    if where == "header comment" and (found := _KEY.fullmatch(text)):
        place, value = found[1], found[2]
    if _NEITHER.search(place) or is_missing(value):
        return
    for name, known in _STATED.items():
        if known.search(place):
            yield _constant(subject, name, value, place)


class Constants:
    """The constants of all recordings, kept until it is known how many people share each."""

    def __init__(self) -> None:
        self._people: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(
            lambda: defaultdict(set)
        )

    def settled(self, seen: Iterable[Sighting]) -> Iterator[Sighting]:
        """All other sightings, and then those of people in small groups."""
        for one in seen:
            if one.kind == CONSTANT:
                self._people[one.at][one.value].add(one.subject)
            else:
                yield one
        for at, groups in self._of_devices():
            for value, people in groups.items():
                if len(people) < MIN_PEOPLE:
                    rule = "few people were recorded by a device with these constants"
                    for who in sorted(people):
                        yield Sighting(who, DEVICE, PLACE, at, rule, False, value)

    @property
    def groups(self) -> Mapping[str, tuple[int, bool]]:
        """By constant, into how many groups of `MIN_PEOPLE` and more people fall at most, and
        whether there are smaller ones.
        """
        found: dict[str, tuple[int, bool]] = {}
        for at, groups in self._of_devices():
            name = re.split(r": |, at ", at)[1]
            n_large = sum(len(people) >= MIN_PEOPLE for people in groups.values())
            most, smaller = found.get(name, (0, False))
            found[name] = max(most, n_large), smaller or n_large < len(groups)
        return found

    def _of_devices(self) -> Iterator[tuple[str, Mapping[str, set[str]]]]:
        """The constants that differ between devices and not from recording to recording."""
        for at, groups in sorted(self._people.items()):
            if len(groups) > 1 and not _are_own(groups):
                yield at, groups


def _are_own(groups: Mapping[str, set[str]]) -> bool:
    """Whether values are of each recording: too many people have one that nobody else has."""
    whole: set[str] = set().union(*groups.values())
    alone: set[str] = set().union(*(who for who in groups.values() if len(who) == 1))
    return len(alone) > _OWN * len(whole)


def _constant(subject: str, name: str, value: str, place: str = "") -> Sighting:
    at = f"{PLACE}: {name}{f', at {place}' if place else ''}"
    return Sighting(subject, CONSTANT, PLACE, at, "", False, value)
