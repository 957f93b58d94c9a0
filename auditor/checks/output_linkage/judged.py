"""What rules on linkage by outputs are about, and the same of outputs that were dealt out anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.demographics import groups_of, target_records
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows
from auditor.attackers.output_features import with_output
from auditor.attackers.planted import Planted, of_people, planted
from auditor.attackers.recogniser import Recogniser
from auditor.checks.base import Draw, Measured, OnModel
from auditor.checks.output_linkage.records import later_records, protocol_of, unmet
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, SearchResult
from auditor.core.target import Target
from auditor.stats.among import found_among
from auditor.stats.naming import naming
from auditor.stats.searches import above_alike
from auditor.targets.context import Context

Groups = Mapping[str, NDArray[np.bool_]]
#: Of what is given out of each record, and who is searched for, somebody's sight.
Best = Callable[[Rows, Enrolment], Recogniser]


def enrolled(target: Target, values: Rows, rng: np.random.Generator) -> Enrolment:
    """Who is enrolled by the first record of which something is said, and who is searched for.

    Raises
    ------
    EvidenceError
        The model says something of too few people twice.
    """
    table = target_records(target)
    protocol = protocol_of(table)
    table = with_output(table, values)
    first = np.flatnonzero(~table["subject"].duplicated())
    enrolment = Enrolment.of_outputs(table, first, later_records(table, protocol), rng)
    if enrolment.n_mated < MIN_PEOPLE:
        raise EvidenceError(f"needs {MIN_PEOPLE} people of whom it says something twice")
    return enrolment


def groups(target: Target, enrolment: Enrolment) -> Groups:
    """Of those who are searched for, who is of one sex, about one age, or has as many records."""
    table = target_records(target)
    names, row = np.unique(table["subject"].to_numpy().astype(str), return_index=True)
    row = row[np.searchsorted(names, np.unique(enrolment.pool_subject[enrolment.probe]))]
    kinds = groups_of(table).values()
    return {name: chosen[row] for kind in kinds for name, chosen in kind.items()}


def judged(
    seen: SearchResult, of: Groups, galleries: Sequence[int], level: float, draw: Draw
) -> Measured:
    """Who is found among so many people, and who is named for certain."""
    among, foretold = found_among(seen, galleries, level)
    certain, worst = naming(seen, of, level, draw("named"))
    found = {f"found_among_{n}": one for n, one in among.items()} | certain
    return Measured(found, foretold, {"most_exposed_group": worst} if worst else {})


@dataclass(frozen=True, eq=False)
class ByOutput(OnModel):
    """An intruder looks for people in something that is given out of each record."""

    id: ClassVar[str] = "output-linkage"

    @property
    def protocol(self) -> str:
        """`cross-session` where enough people have records of two sessions."""
        return protocol_of(target_records(self.target))

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        return unmet(target_records(self.target))


@dataclass(frozen=True, eq=False)
class Dealt(ByOutput):
    """Whom outputs name that were dealt out anew, and share with others of their person what was
    planted.

    Attributes
    ----------
    best : how somebody sees them who has to learn it
    known : what was planted, where the intruder knows
    """

    best: Best | None = None
    known: Planted | None = None

    @classmethod
    def of(
        cls, check: OnModel, best: Best, strength: float, knowing: bool, seed: int
    ) -> Dealt | None:
        """The question of a check, where so much is planted."""
        target, table = check.target, target_records(check.target)
        # As texts: of objects, each would be held against each.
        asked = table["subject"].to_numpy(str)[later_records(table, protocol_of(table))]
        wanted = np.isin(target.subject, asked)
        alone = replace(target, inputs=target.inputs[:, :0], columns=())
        dealt = planted(alone, check.output, of_people(target.subject), seed, wanted)
        if dealt is None:
            return None
        dealt = dealt.at(strength)
        known = dealt if knowing else None
        return cls(dealt.target, check.output, check.galleries, best, known)

    def attack(self, context: Context, rng: np.random.Generator) -> tuple[SearchResult, Groups]:
        """One search, and who of those who are searched for is in a group."""
        del context
        values = self.target.view(self.output).values
        enrolment = enrolled(self.target, values, rng)
        assert self.best is not None
        known = self.known
        seen = self.best(values, enrolment) if known is None else known.recogniser(enrolment)
        return seen.search(rng), groups(self.target, enrolment)

    def estimate(self, evidence: tuple[SearchResult, Groups], level: float, draw: Draw) -> Measured:
        """What rules are about, and what the least of it shows by."""
        seen, of = evidence
        found = judged(seen, of, self.galleries, level, draw)
        if not (alike := above_alike(seen, level)):
            return found
        return replace(found, estimates={**found.estimates, "auc_known": alike})
