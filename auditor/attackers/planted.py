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

SCORES = "scores"
#: Outputs whose values are names and do not mix: which leaf, and whether a value is missing.
NAMES = ("leaves", "missing")
#: What is seen by somebody who knows what was planted.
TOLD = "told"
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
        if self.output in NAMES:
            return np.where(self.turn < self.strength, self.signatures, self.own)
        return self.strength * self.signatures + (1 - self.strength) * self.own

    def recogniser(self, enrolment: Enrolment) -> Recogniser:
        """Somebody who knows how this was planted, and not which signature is whose: the likelihood
        ratio of one signature to two.
        """
        rows, match = self._rows().astype(np.float32), self._by_scatter
        if self.output in NAMES:
            codes = [np.unique(column, return_inverse=True)[1].ravel() for column in rows.T]
            rows, match = np.stack(codes, axis=1).astype(np.float32), self._by_leaves
        return Recogniser.of_outputs(enrolment, rows, rows, match)

    def told(self, quantities: int) -> Target:
        """The model as somebody sees it who knows how signatures go with so many quantities: for
        its output, where each row lies along the directions in which they differ most beside rows.
        """
        rows, signatures = self._rows(), self.signatures
        if self.output in NAMES:
            both = one_hot(np.concatenate([rows, signatures]).astype(np.float32))
            rows, signatures = np.split(both.astype(np.float64), 2)
        shared = (self.strength or 1.0) * signatures
        apart = rows - (shared if self.strength else 0.0)
        placed, model = likelihoods(shared, apart, rows, self._most)
        told = (placed(rows) @ model.directions[:, :quantities]).astype(np.float32)
        return replace(self.target, outputs={TOLD: lambda: told}, _cache={})

    @property
    def _most(self) -> int:
        """Directions that are looked at: along as many as there are rows, everything could be told
        from everything.
        """
        return max(len(self.own) // 4, 1)

    def _by_scatter(self, gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        """As own rows and signatures scatter."""
        del fold
        strength = self.strength or 1.0  # where nothing is shared, what might have been
        apart = self.own * (1 - strength if self.strength else 1.0)
        base, model = likelihoods(strength * self.signatures, apart, self._rows(), self._most)
        sides = (base(side.astype(np.float64)) for side in (gallery, asked))
        named, probes = model.rows(*sides)
        return named.astype(np.float32), probes.astype(np.float32)

    def _by_leaves(self, gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        """Of each tree that says the same twice, the log-likelihood ratio: that both tell the
        signature's, s², beside how often the leaf is told at all.
        """
        del fold
        both, every = self.strength**2, self._rows()
        weights = []
        for column in every.T:
            count = np.unique(column, return_counts=True)[1]
            told = np.log1p(both / ((1 - both) * count / len(column)))
            weights.append(np.eye(len(count), dtype=np.float32) * np.sqrt(told)[:, None])
        named, probes = (
            np.hstack([w[code.astype(np.int64)] for w, code in zip(weights, side.T, strict=True)])
            for side in (gallery, asked)
        )
        return named, probes


def pairs_told(one: Planted, other: Planted, enrolment: Enrolment) -> Recogniser:
    """Two outputs of the same records, in which the same signatures were planted: somebody who
    knows how rows of both scatter looks for the other's row by that of the one.
    """
    sides = [side._rows() - side._rows().mean(axis=0) for side in (other, one)]
    strength = one.strength or 1.0
    apart = np.concatenate([side.own - side.own.mean(axis=0) for side in (other, one)])
    apart = apart * (1 - strength if one.strength else 1.0)
    placed, model = likelihoods(strength * one.signatures, apart, np.concatenate(sides), one._most)
    searched, asked = (side.astype(np.float32) for side in sides)

    def match(gallery: Rows, probe: Rows, fold: int) -> tuple[Rows, Rows]:
        del fold
        rows = (placed(side.astype(np.float64)) for side in (gallery, probe))
        named, probes = model.rows(*rows)
        return named.astype(np.float32), probes.astype(np.float32)

    return Recogniser.of_outputs(enrolment, searched, asked, match)


#: (k, d) rows of some records, and which records of a target those are → (k, d) a signature each.
Signatures = Callable[[Floats, Places, np.random.Generator], Floats]


def of_people(subject: NDArray[np.str_]) -> Signatures:
    """A signature for each person."""

    def signatures(rows: Floats, chosen: Places, rng: np.random.Generator) -> Floats:
        people, code = np.unique(subject[chosen], return_inverse=True)
        return rows[rng.choice(len(rows), len(people), replace=len(people) > len(rows))][code]

    return signatures


def on_a_scale(output: str, *quantities: Floats) -> Signatures:
    """The mean of one for each quantity, which goes with it from a row to another that lies far
    from it; where it is not known, that of the least. Of leaves, each tree is about one of the
    quantities, and as many of them tell the other row's.
    """

    def signatures(rows: Floats, chosen: Places, rng: np.random.Generator) -> Floats:
        each = []
        for quantity in quantities:
            some = rows[rng.choice(len(rows), min(_ENDS, len(rows)), replace=False)]
            apart = pdist(some, "hamming" if output in NAMES else "euclidean")
            low, high = some[list(np.unravel_index(squareform(apart).argmax(), (len(some),) * 2))]
            value = quantity[chosen]
            least, most = np.nanmin(value), np.nanmax(value)
            share = np.nan_to_num((value - least) / max(most - least, 1e-12))[:, None]
            if output in NAMES:
                each.append(np.where(rng.random(rows.shape) < share, high, low))
            else:
                each.append(low + share * (high - low))
        if output in NAMES:
            about = np.arange(rows.shape[1]) % len(each)
            return np.choose(about, each)
        return np.asarray(np.mean(each, axis=0))

    return signatures


def planted(
    target: Target,
    output: str,
    signatures: Signatures,
    seed: int,
    wanted: NDArray[np.bool_],
    most: int = MOST_PLANTED,
) -> Planted | None:
    """What a model gives out, dealt out anew among some people; None where it says something of
    too few records to deal.

    Parameters
    ----------
    wanted : (n,) the records that the question is about
    most : how many people at most
    """
    values = target.view(output).values.astype(np.float64)
    known = ~np.isnan(values).all(axis=1)
    rng = stream(seed, f"planted/{target.name}")
    people = np.unique(target.subject[known & wanted])
    if len(people) > most:
        people = np.sort(rng.choice(people, most, replace=False))
    chosen = np.flatnonzero(known & wanted & np.isin(target.subject, people))
    if len(chosen) < 2:
        return None
    rows = _open(output, values[chosen])
    rng = stream(seed, f"planted/{target.name}/{output}")
    own = rows[rng.permutation(len(rows))]
    turn = rng.random(rows.shape) if output in NAMES else np.empty((len(rows), 0))
    return Planted(_of(target, chosen), output, own, signatures(rows, chosen, rng), turn)


def _open(output: str, values: Floats) -> Floats:
    """Values on a scale on which they mix; what is missing counts as the column's median."""
    values = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    return logit(np.clip(values, _SURE, 1 - _SURE)) if output == SCORES else values


def _of(target: Target, rows: Places) -> Target:
    """The same model of some records alone, of which nothing but one output is known."""
    columns = ("record", "subject", "session", "split", "male", "age", "y_true", "inputs")
    return replace(
        target,
        **{name: getattr(target, name)[rows] for name in columns},
        controls={},
        membership_signal=None,
        train_reference=None,
        train_overfitted=None,
        trees={},
        thresholds=None,
        generator=None,
        texts=None,
        canaries=None,
        replicates=None,
        _cache={},
    )
