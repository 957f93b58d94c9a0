"""What an attack is, and what it may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from auditor.core.evidence import Evidence
from auditor.core.registry import Registry
from auditor.core.target import Target
from auditor.targets.context import Case


class Attack(Protocol):
    """One question to a release; its settings are its own fields."""

    check: ClassVar[str]

    @property
    def view(self) -> str | None:
        """What of the release the attack looks at."""
        ...

    @property
    def protocol(self) -> str | None:
        """Who is enrolled and who is to be named."""
        ...

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        ...

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        ...

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """What the attack saw, by name; the unnamed one is the attack's own."""
        ...


@dataclass(frozen=True, eq=False)
class OnModel:
    """A question to a model, in place of recordings.

    Attributes
    ----------
    output : what of the model is looked at, such as its scores; "" the model as a whole
    """

    target: Target
    output: str = ""

    @property
    def view(self) -> str:
        """The model, and what of it the attack looks at."""
        return f"{self.target.name}.{self.output}" if self.output else self.target.name

    def twin(self, planted: bool, seed: int) -> ModelAttack | None:
        """No twin: nothing shows that the attack would notice."""
        return None


class ModelAttack(Attack, Protocol):
    """One question to a model, which can be put to a twin of it."""

    def twin(self, planted: bool, seed: int) -> ModelAttack | None:
        """The same question about a model that gives away what is asked for, where it is planted,
        and otherwise cannot; None where no such model can be had.
        """
        ...


ATTACKS: Registry[Callable[..., Attack]] = Registry("attack")
