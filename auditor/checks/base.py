"""What a check is: one question to a release or to a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from auditor.core.finding import Estimate
from auditor.core.target import Target
from auditor.policy import words
from auditor.signal.spikes import Planted
from auditor.stats.age_pyramid import PopulationTable
from auditor.targets.context import Context
from auditor.targets.vacuity import constant

#: Where an estimate draws from: a stream for each part of the evidence, by name, or for all of it.
Draw = Callable[..., np.random.Generator]


@dataclass(frozen=True)
class Measured:
    """What a check's evidence amounts to: numbers, curves to draw, and what else is said."""

    estimates: Mapping[str, Estimate]
    curves: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What a preset and a profile say of how checks are carried out.

    Attributes
    ----------
    linkage_views, attribute_views, attribution_views : the attackers that are tried
    protocols : under which people are searched for
    population : people among whom an intruder would have to look
    galleries : sizes at which a rule judges how many are found among so many
    population_table : how many of them there are of each sex and age; None where nobody says
    public : a table that somebody may hold beside the release
    """

    linkage_views: tuple[str, ...]
    attribute_views: tuple[str, ...]
    attribution_views: tuple[str, ...]
    protocols: tuple[str, ...]
    population: int
    population_table: PopulationTable | None = None
    public: Path | None = None
    galleries: tuple[int, ...] = ()

    @property
    def honest_protocols(self) -> tuple[str, ...]:
        """Those under which the attacker's recording is another one than the released."""
        return tuple(one for one in self.protocols if one != "random-segment")


class Check(ABC):
    """One question; its settings are its own fields."""

    id: ClassVar[str]
    #: What of the release, or of a model, the attack looks at; who is enrolled and to be named.
    view: Any
    protocol: Any
    #: What of a model is looked at.
    output: Any = ""
    #: Of a model as it could be released instead: decimals of its scores, rounds or steps of
    #: training.
    rounded_to: Any = None
    stopped_at: Any = None

    @property
    def threat(self) -> str:
        """Who does what, in one sentence."""
        return words.checks()[self.id].threat_of(self.protocol, self.output)

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """Numbers of this check that what is asked cannot have, and why: a rule about one ignores
        what this finds. It is said before anything is tried, so that no attack that breaks, and
        none that finds too few people, comes to say so.
        """
        return {}

    @abstractmethod
    def unmet(self, context: Context) -> str | None:
        """Why what is released does not allow the attack, such as for want of people; None where
        it does.

        A rule may pass without such an attack, and not without one that fails.
        """

    @abstractmethod
    def attack(self, context: Context, rng: np.random.Generator) -> Any:
        """What the attack saw: evidence, and no number.

        Raises
        ------
        EvidenceError
            There is too little to see anything in.
        """

    @abstractmethod
    def estimate(self, evidence: Any, level: float, draw: Draw) -> Measured:
        """What that amounts to: numbers, and no verdict.

        Parameters
        ----------
        level : coverage of the intervals
        draw : streams that people are resampled from

        Raises
        ------
        EvidenceError
            There are too few people for any number.
        """


@dataclass(frozen=True)
class OnRecordings(Check):
    """A question to the recordings of a release."""

    #: What is planted in recordings to see whether the attack finds it.
    planted: ClassVar[Planted] = "person"
    view: str | None = None
    protocol: str | None = None


@dataclass(frozen=True, eq=False)
class OnModel(Check):
    """A question to a model.

    Attributes
    ----------
    output : what of the model is looked at, such as its scores; "" the model as a whole
    galleries : people among whom an intruder would have to look, so many or so many
    """

    target: Target
    output: str = ""
    galleries: tuple[int, ...] = ()

    @property
    def view(self) -> str:
        """The model, and what of it the attack looks at."""
        return f"{self.target.name}.{self.output}" if self.output else self.target.name

    @property
    def protocol(self) -> str | None:
        """Who is enrolled and who is to be named; None where nobody is."""
        return None

    @property
    def rounded_to(self) -> int | None:
        """Decimals of scores that could be released instead."""
        return self.target.rounded_to

    @property
    def stopped_at(self) -> int | None:
        """Rounds or steps of training of a model that could be released instead."""
        return self.target.stopped_at

    @property
    def unused_input(self) -> str | None:
        """Why what is looked at says nothing of any input, so that its silence is no answer; None
        where it does.
        """
        return constant(self.target, self.output) if self.output in self.target.outputs else None

    def dealt_anew(self, strength: float, knowing: bool, seed: int) -> OnModel | None:
        """The same question about what the model gave out, dealt out anew among records and with as
        much planted of what is asked for; None where the question is not about outputs.

        Parameters
        ----------
        strength : 0 nothing, 1 nothing else
        knowing : whether it is asked by somebody who knows how that was planted
        """
        del strength, knowing, seed
        return None

    def twin(self, planted: bool, seed: int) -> OnModel | None:
        """The same question about a model that gives away what is asked for, where it is planted,
        and otherwise cannot; None where no such model can be had.
        """
        del planted, seed
        return None
