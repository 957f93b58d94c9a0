"""A model as it could be released instead: by scores that are rounded further, or as it was earlier
in its training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from auditor.core.errors import EvidenceError
from auditor.core.target import Floats, Rows, Target, TrainReference

#: Decimals that scores are rounded to.
DECIMALS = (0, 1, 2, 3)
_SCORES = "scores"
#: What of a stage of training is looked at; each costs a search.
_LOOKED_AT = ("scores", "predictions", "embedding", "leaves")
#: How near the fit must be to what the scores tell of it: single precision, and then some.
_TOLD = 1e-3


def variants(target: Target) -> Iterator[Target]:
    """What could be released instead of a model, and gives away no more."""
    if _SCORES in target.outputs:
        # Of all roundings the same reference models are asked.
        again = target.train_reference and remembered(target.train_reference)
        for decimals in DECIMALS:
            if target.decimals is None or decimals < target.decimals:
                yield _rounded(target, again, decimals)
    for n, make in sorted(target.stages.items())[:-1]:
        stage = make()
        yield replace(
            stage,
            name=target.name,
            outputs={name: one for name, one in stage.outputs.items() if name in _LOOKED_AT},
            controls={},
            trees={},
            thresholds=None,
            stages={},
            generator=None,
            texts=None,
            canaries=None,
            instead_of=target,
            stopped_at=n,
            _cache={},
        )


def rounded(output: str, values: Rows, decimals: int) -> Rows:
    """An output of so many decimals, as somebody reads it who knows that it was rounded: a score of
    0.00 lies between 0 and half a unit, and is taken to be in the middle.
    """
    told = np.round(values, decimals)
    if output != _SCORES:
        return told
    least = 10.0**-decimals / 4
    return np.clip(told, least, 1 - least).astype(np.float32)


def _rounded(target: Target, again: TrainReference | None, decimals: int) -> Target:
    """The scores alone, of so many decimals, and how well the model fits as far as they tell."""

    def scores() -> Rows:
        return rounded(_SCORES, target.view(_SCORES).values, decimals)

    def signal() -> Floats:
        assert target.membership_signal is not None
        fit = target.membership_signal()
        _told_by_scores(target, fit)
        return _fit_rounded(fit, decimals)

    def train_reference(trained: NDArray[np.bool_], y_true: Floats, seed: int) -> Floats:
        assert again is not None
        return _fit_rounded(again(trained, y_true, seed), decimals)

    return replace(
        target,
        outputs={_SCORES: scores},
        controls={},
        trees={},
        thresholds=None,
        stages={},
        replicates=None,
        generator=None,
        texts=None,
        canaries=None,
        membership_signal=signal if target.membership_signal else None,
        train_reference=train_reference if again else None,
        train_overfitted=None,
        instead_of=target,
        rounded_to=decimals,
        _cache={},
    )


def _fit_rounded(fit: Floats, decimals: int) -> Floats:
    """Log-odds of what is true, as scores of so many decimals tell them."""
    least = 10.0**-decimals / 4
    return np.asarray(logit(np.clip(np.round(expit(fit), decimals), least, 1 - least)))


def _told_by_scores(target: Target, fit: Floats) -> None:
    """Make sure that the fit is the log-odds of what is true, by the scores of findings.

    Raises
    ------
    EvidenceError
        It is something else, such as the likeness of a pair: rounded scores do not tell it.
    """
    kinds = [target.kind(label) for label in target.labels]
    findings = [place for place, kind in enumerate(kinds) if kind == "finding"]
    told = target.view(_SCORES).values
    like = fit.shape[1] == len(kinds) and "value" not in kinds and told.shape[1] >= len(findings)
    if like:
        truth, score = target.y_true[:, findings], told[:, : len(findings)]
        apart = np.abs(np.where(truth == 1, score, 1 - score) - expit(fit[:, findings]))
        like = not (apart[np.isfinite(apart) & np.isin(truth, (0, 1))] > _TOLD).any()
    if not like:
        raise EvidenceError("how well the model fits is told by more than its scores")


def remembered(train: TrainReference) -> TrainReference:
    """Training that is not done twice on the same records."""
    known: dict[tuple[bytes, bytes, int], Floats] = {}

    def train_reference(trained: NDArray[np.bool_], y_true: Floats, seed: int) -> Floats:
        key = trained.tobytes(), y_true.tobytes(), seed
        if key not in known:
            known[key] = train(trained, y_true, seed)
        return known[key]

    return train_reference
