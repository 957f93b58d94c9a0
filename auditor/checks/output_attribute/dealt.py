"""The same questions of outputs that were dealt out anew, and go with what was planted in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.matchers import Rows
from auditor.attackers.planted import TOLD, Planted, on_a_scale, planted
from auditor.checks.base import Draw, Measured, OnModel
from auditor.checks.output_attribute.gains import gains_over_known
from auditor.checks.output_attribute.guesses import Attributes, guessed, laid_out, likely, shown
from auditor.core.streams import stream
from auditor.core.target import Floats, Target
from auditor.targets.context import Context

#: People whose outputs have something planted in them at most, and values of these.
_MOST, _MOST_VALUES = 10_000, 4_000_000


@dataclass(frozen=True, eq=False)
class Asked:
    """One thing that is asked of people.

    Attributes
    ----------
    name : `sex`, `age` or a diagnosis
    truth : (n,) of the first record of each person; NaN of others, and where it is not known
    values : (n, d) what it is guessed by
    """

    name: str
    truth: Floats
    values: Rows

    @property
    def is_diagnosis(self) -> bool:
        """Whether age and sex are known, and no part of the question."""
        return self.name not in ("sex", "age")

    def known(self, target: Target) -> Sequence[Floats]:
        """What else is known of people, of each record."""
        traits = {"age": target.age, "sex": target.male}
        return [one for name, one in traits.items() if name != self.name]

    def planted(self, target: Target, output: str, seed: int) -> Planted | None:
        """What the model gives out of people, dealt out anew, and going with this alone; None where
        it says something of too few.
        """
        alone = replace(
            target,
            labels=(self.name,),
            kinds={},
            y_true=self.truth[:, None],
            inputs=target.inputs[:, :0],
            columns=(),
            outputs={output: lambda: self.values},
            _cache={},
        )
        wanted = self._drawn(stream(seed, f"dealt/{target.name}/{output}/{self.name}"))
        return planted(alone, output, on_a_scale(output, self.truth), seed, wanted, most=_MOST)

    def _drawn(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """(n,) as many people as are dealt; of a yes or a no half of each, where there are."""
        known = rng.permutation(np.flatnonzero(~np.isnan(self.truth)))
        most = min(_MOST, max(_MOST_VALUES // max(self.values.shape[1], 1), 1))
        truth = self.truth[known]
        if self.name == "age":
            chosen = known[:most]
        else:
            sides = sorted((known[truth == one] for one in (0, 1)), key=len)
            rarer = sides[0][: most // 2]
            chosen = np.concatenate([rarer, sides[1][: most - len(rarer)]])
        return np.isin(np.arange(len(self.truth)), chosen)


@dataclass(frozen=True, eq=False)
class Dealt(OnModel):
    """What outputs tell of people that were dealt out anew, and go with one thing at a time.

    Attributes
    ----------
    dealt : each thing that is asked, and the outputs that go with it
    knowing : whether the intruder knows how they do
    """

    dealt: tuple[tuple[Asked, Planted], ...] = ()
    knowing: bool = False
    protocol: str = "subject-disjoint"
    id: ClassVar[str] = "output-attribute"

    def unmet(self, context: Context) -> str | None:
        """Nothing is lacking: it is made of what was asked already."""
        del context
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Attributes:
        """Guesses by each output of what was planted in it, as of what the model gives out."""
        del context
        sex, age, diagnoses = None, None, {}
        for asked, dealt in self.dealt:
            target = dealt.told(1) if self.knowing else dealt.target
            output = TOLD if self.knowing else self.output
            seen = {"output": (output, laid_out(output, target.view(output).values))}
            traits, beside = asked.known(target), asked.is_diagnosis
            sights = shown(seen, traits, self.output, beside=beside)
            truth, subject = target.y_true[:, 0], target.subject
            if asked.name == "age":
                age = guessed(truth, subject, sights, rng)
            elif asked.name == "sex":
                sex = likely(truth, subject, sights, rng)
            else:
                diagnoses[asked.name] = likely(truth, subject, sights, rng)
        return Attributes(sex, age, "withheld", diagnoses)

    def estimate(self, evidence: Attributes, level: float, draw: Draw) -> Measured:
        """What rules are about."""
        return gains_over_known(evidence, level, draw())
