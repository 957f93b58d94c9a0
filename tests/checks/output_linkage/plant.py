"""Models whose outputs name people, and models whose outputs do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from auditor.checks.output_linkage.check import OutputLinkage
from auditor.checks.output_linkage.missing import MaskLinkage
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Target
from tests.checks.asking import measured


class People:
    """Simulated people, several records of each, half of them members.

    `sex` and `age` are standardised, (n_records, 1), the same in all records of a person.
    """

    def __init__(self, seed: int, n: int, each: int = 2) -> None:
        self.rng = stream(seed, "plants/outputs")
        self.person = np.repeat(np.arange(n), each)
        self.male = (self.rng.random(n) < 0.5).astype(float)[self.person]
        self.age = np.round(self.rng.uniform(30, 80, n))[self.person]
        self.sex_z, self.age_z = 2 * self.male[:, None] - 1, (self.age[:, None] - 55) / 14
        self.member = (np.arange(n) % 2 == 0)[self.person]

    def noise(self, d: int, per_person: bool = False) -> np.ndarray:
        """(n_records, d) drawn for each record, or for each person."""
        rows = self.rng.normal(size=(len(self.person), d))
        return (
            rows[np.unique(self.person, return_index=True)[1]][self.person] if per_person else rows
        )

    def target(self, given: Mapping[str, np.ndarray], **more: Any) -> Target:
        """A model that gives this out."""
        n = len(self.person)
        first = np.unique(self.person, return_index=True)[1]
        asked: dict[str, Any] = {
            "name": "model",
            "title": "a simulated model",
            "record": np.arange(n).astype(str),
            "subject": np.char.add("p", self.person.astype(str)),
            "session": (np.arange(n) - first[self.person]).astype(str),
            "split": np.where(self.member, MEMBER, NONMEMBER).astype(np.int8),
            "membership_unknown": "",
            "male": self.male,
            "age": self.age,
            "labels": (),
            "y_true": np.zeros((n, 0)),
            "outputs": {
                name: lambda values=values: values.astype(np.float32)
                for name, values in given.items()
            },
            "membership_signal": None,
            "inputs": np.zeros((n, 0), dtype=np.float32),
            "columns": (),
        }
        return Target(**asked | more)


def risk(logits: np.ndarray) -> np.ndarray:
    """Probabilities."""
    return 1 / (1 + np.exp(-logits))


def memorising(seed: int, planted: bool, n: int = 120) -> Target:
    """An encoder that lays members' records closer together than it lays others'."""
    people = People(seed, n, each=3)
    strength = 0.5 + 2.5 * (people.member if planted else 0 * people.member)
    seen = people.noise(12, per_person=True) * np.reshape(strength, (-1, 1)) + people.noise(12)
    return people.target({"embedding": seen})


def naming(seed: int, planted: bool, n: int = 120) -> Target:
    """Risks that age and sex decide, and something of the person's own where it is planted."""
    people = People(seed, n)
    logits = people.age_z + people.sex_z * np.linspace(-1, 1, 6) + people.noise(6)
    logits = logits + planted * people.noise(6, per_person=True)
    return people.target({"scores": risk(logits)})


#: Columns of laboratory values that are ordered together.
PANELS = np.repeat(np.arange(4), (6, 5, 4, 3))


def ordered(seed: int, planted: bool, n: int = 120, each: int = 2) -> Target:
    """Laboratory values of which panels are ordered by lot, visit by visit, and of a panel that is
    ordered single values are left out: by habits of the person's own, or by lot.
    """
    people = People(seed, n, each)
    panel = people.noise(4) > 0.8
    left_out = people.noise(len(PANELS), per_person=planted) > 0.8
    values = people.noise(len(PANELS))
    values[panel[:, PANELS] | left_out] = np.nan
    return people.target(
        {"scores": risk(people.noise(2))},
        inputs=values.astype(np.float32),
        columns=tuple(f"lab {one}" for one in range(len(PANELS))),
    )


def _masked(seed: int, planted: bool) -> bool:
    asked = MaskLinkage(ordered(seed, planted))
    return measured(asked, seed).estimates["auc_known"].low > 0.5


def _memorised(seed: int, planted: bool) -> bool:
    asked = OutputLinkage(memorising(seed, planted), "embedding")
    return measured(asked, seed).estimates["member_gap"].low > 0


def _named(seed: int, planted: bool) -> bool:
    asked = OutputLinkage(naming(seed, planted), "scores")
    return measured(asked, seed).estimates["beyond_auc_known"].low > 0.5


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "members' identity in an embedding": _memorised,
    "identity in scores": _named,
    "identity in what is missing": _masked,
}
