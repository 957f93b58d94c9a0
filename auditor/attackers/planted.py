"""A known leak in what a model gives out: rows dealt out anew, and signatures mixed into them.

As `signal.spikes` does with beats. Nothing tells whose a row that was dealt out anew is; then each
is mixed with a signature, which is a row of somebody's, too, so that both look like what the model
gives out. Risks are mixed as log-odds; of leaves and of what else has names for values, so many of
the trees tell the signature's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from scipy.special import expit, logit

from auditor.attackers.enrolment import Enrolment, Places
from auditor.attackers.matchers import Rows
from auditor.attackers.oracle import likelihoods
from auditor.attackers.output_features import one_hot
from auditor.attackers.recogniser import Recogniser
from auditor.core.evidence import MOST_PLANTED
from auditor.core.streams import stream
from auditor.core.target import Floats, Target

LEAVES, SCORES = "leaves", "scores"
#: No risk is told further from 0 and 1 than so.
_SURE = 1e-6
#: Of so many rows drawn at random, the two that lie furthest apart are the ends of a scale.
_ENDS = 50


@dataclass(frozen=True, eq=False)
class Planted:
    """What a model gives out of some records, with a leak of known size in it.

    Attributes
    ----------
    target : the model, of these records alone; `output` is all that it gives out
    own, signatures : (n, d) rows dealt out anew, and the signature of each record, as they mix
    turn : (n, d) in [0, 1), where a row tells the signature's value first; of leaves alone
    strength : how much of it is in the rows, 0 to 1
    """

    target: Target
    output: str
    own: Floats
    signatures: Floats
    turn: Floats
    strength: float = 0.0

    def at(self, strength: float) -> Planted:
        """The same with as much planted."""
        planted = replace(self, strength=strength)
        values = planted._rows()
        told = expit(values) if self.output == SCORES else values
        outputs = {self.output: lambda: told.astype(np.float32)}
        return replace(planted, target=replace(self.target, outputs=outputs, _cache={}))

    def _rows(self) -> Floats:
        if self.output == LEAVES:
            return np.where(self.turn < self.strength, self.signatures, self.own)
        return self.strength * self.signatures + (1 - self.strength) * self.own

    def known(self) -> tuple[Floats, Floats]:
        """(n, k) the rows, and how far of each is its signature's, for whoever knows which is.

        At strength 0 nothing is: what might have been stands for it.
        """
        strength = self.strength or 1.0
        if self.output != LEAVES:
            return self._rows(), strength * self.signatures
        both = one_hot(np.concatenate([self._rows(), self.signatures]).astype(np.float32))
        rows, signatures = np.split(both.astype(np.float64), 2)
        return rows, strength * signatures

    def recogniser(self, enrolment: Enrolment) -> Recogniser:
        """Somebody who knows which signatures there are, and how rows scatter beside them."""
        rows, shared = self.known()
        apart = rows - (shared if self.strength else 0.0)
        seen, model = likelihoods(rows, np.unique(shared, axis=0), apart)
        seen32 = seen.astype(np.float32)

        def match(gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
            named, probes = model.rows(gallery.astype(np.float64), asked.astype(np.float64))
            return named.astype(np.float32), probes.astype(np.float32)

        return Recogniser.of_outputs(enrolment, seen32, seen32, match)


#: (k, d) rows of some records, and which records of a target those are → (k, d) a signature each.
Signatures = Callable[[Floats, Places, np.random.Generator], Floats]


def of_people(subject: NDArray[np.str_]) -> Signatures:
    """A signature for each person."""

    def signatures(rows: Floats, chosen: Places, rng: np.random.Generator) -> Floats:
        people, code = np.unique(subject[chosen], return_inverse=True)
        return rows[rng.choice(len(rows), len(people), replace=len(people) > len(rows))][code]

    return signatures


def on_a_scale(quantity: Floats, output: str) -> Signatures:
    """One that goes with a quantity from a row to another that lies far from it; where that is not
    known, that of the least. Of leaves so many of the trees tell the other row's.
    """

    def signatures(rows: Floats, chosen: Places, rng: np.random.Generator) -> Floats:
        some = rows[rng.choice(len(rows), min(_ENDS, len(rows)), replace=False)]
        apart = pdist(some, "hamming" if output == LEAVES else "euclidean")
        low, high = some[list(np.unravel_index(squareform(apart).argmax(), (len(some),) * 2))]
        value = quantity[chosen]
        least, most = np.nanmin(value), np.nanmax(value)
        share = np.nan_to_num((value - least) / max(most - least, 1e-12))[:, None]
        if output == LEAVES:
            return np.where(rng.random(rows.shape) < share, high, low)
        return np.asarray(low + share * (high - low))

    return signatures


def planted(
    target: Target, output: str, signatures: Signatures, seed: int, wanted: NDArray[np.bool_]
) -> Planted | None:
    """What a model gives out, dealt out anew among at most `MOST_PLANTED` people; None where it
    says something of too few records to deal.

    Parameters
    ----------
    wanted : (n,) the records that the question is about; of a person with one, all are kept
    """
    values = target.view(output).values.astype(np.float64)
    known = ~np.isnan(values).all(axis=1)
    rng = stream(seed, f"planted/{target.name}/{output}")
    people = np.unique(target.subject[known & wanted])
    if len(people) > MOST_PLANTED:
        people = np.sort(rng.choice(people, MOST_PLANTED, replace=False))
    chosen = np.flatnonzero(known & np.isin(target.subject, people))
    if len(chosen) < 2:
        return None
    rows = _open(output, values[chosen])
    own = rows[rng.permutation(len(rows))]
    turn = rng.random(rows.shape) if output == LEAVES else np.empty((len(rows), 0))
    return Planted(_of(target, chosen), output, own, signatures(rows, chosen, rng), turn)


def _open(output: str, values: Floats) -> Floats:
    """Values on a scale on which they mix; what is missing counts as the column's median."""
    values = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    return logit(np.clip(values, _SURE, 1 - _SURE)) if output == SCORES else values


def _of(target: Target, rows: Places) -> Target:
    """The same model of some records alone, and what it is asked with left away."""
    columns = ("record", "subject", "session", "split", "male", "age", "y_true")
    return replace(
        target,
        **{name: getattr(target, name)[rows] for name in columns},
        inputs=target.inputs[rows][:, :0],
        columns=(),
        controls={},
        membership_signal=None,
        train_reference=None,
        train_overfitted=None,
        trees={},
        generator=None,
        texts=None,
        canaries=None,
        _cache={},
    )
