"""What a clinical model's scores amount to: discrimination, calibration, net benefit.

Rates are over records, as clinical papers report them, and every interval is over people: all
estimates are taken of the same draws of people, each with all of their records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from auditor.core.errors import ConfigError, EvidenceError
from auditor.core.evidence import MIN_PEOPLE, ClinicalPredictions
from auditor.core.finding import Estimate
from auditor.stats.estimators import Curves, rounded
from auditor.stats.intervals import newcombe_auc, percentile, person_replicates, wilson

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
#: Weights of people (b, n_people) → the statistic under each row of weights (b,)
Statistic = Callable[[Floats], Floats]

#: What published scripts do otherwise, to be had on demand so that their numbers can be met.
FAULTS: Mapping[str, str] = {
    "narrow-intervals": "α = 0.05 stands where the coverage belongs, so that intervals reach from "
    "the 47.5th to the 52.5th percentile and are about 31 times too narrow",
    "mixed-bins": "the calibration error weighs the gaps of quantile bins with the sizes of bins "
    "of equal width",
    "sensitivity-70": "the threshold is set at a sensitivity of 0.70 where the text says 0.80",
}
_BINS = 10
_AGE_BAND_YEARS = 5
#: With fewer people with the finding there is no ROC worth drawing.
_DRAWN_FROM = 50
_FPRS = np.linspace(0, 1, 21)
_THRESHOLDS = np.arange(1, 51) / 100


@dataclass(frozen=True)
class _Asked:
    """A statistic, and what its estimate is told with.

    Attributes
    ----------
    collapsed : its interval where it is 0, or 1, whoever is drawn; given the value
    reflected : whether the interval is mirrored at the value, see `_estimate`
    """

    statistic: Statistic
    chance: float | None
    n_subjects: int
    collapsed: Callable[[float], tuple[float, float]]
    reflected: bool = False


def performance(
    seen: ClinicalPredictions,
    rng: np.random.Generator,
    level: float = 0.95,
    sensitivity: float = 0.8,
    faults: frozenset[str] = frozenset(),
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """How well a model tells who has the finding, next to what age and sex tell.

    Parameters
    ----------
    rng : resamples people
    level : coverage of the intervals
    sensitivity : at which the threshold is set, on the records the model was tuned on
    faults : of `FAULTS`, those to repeat

    Returns
    -------
    estimates
        auroc, auprc, age_sex_auroc, gain_over_age_sex, ece; where there are people enough also
        within_age_auroc (pairs of one 5-year age band only), auroc_<group>_<value>,
        specificity_at_sensitivity, sensitivity_at_threshold and ece_calibrated (after isotonic
        regression on the records tuned on)
    curves
        roc, calibration, net_benefit; each step of one stands for `MIN_PEOPLE` people with the
        finding and as many without, or is joined to the next
    params
        settings, and the names of what was left out because fewer people are behind it

    Raises
    ------
    ConfigError
        A fault has an unknown name.
    EvidenceError
        Fewer than `MIN_PEOPLE` people have a record with the finding, or without.
    """
    for name in sorted(faults - FAULTS.keys()):
        raise ConfigError(f"faults: '{name}' is not known, wanted some of {', '.join(FAULTS)}")
    level = 0.05 if "narrow-intervals" in faults else level
    names, person = np.unique(seen.subject, return_inverse=True)
    for kind, which in (("with", seen.event), ("without", ~seen.event)):
        if _count(person[which]) < MIN_PEOPLE:
            raise EvidenceError(
                f"needs at least {MIN_PEOPLE} people {kind} the finding; found fewer"
            )
    asked, left_out = _asked(seen, person, level, sensitivity, faults)

    def everything(weights: Floats) -> Floats:
        return np.column_stack([one.statistic(weights) for one in asked.values()])

    whole = dict(zip(asked, everything(np.ones((1, len(names))))[0].tolist(), strict=True))
    drawn = person_replicates(everything, len(names), rng, width=len(person))
    replicates = dict(zip(asked, drawn.T, strict=True))
    found = {
        name: _estimate(one, whole[name], replicates[name], level) for name, one in asked.items()
    }
    gain = whole["auroc"] - whole["age_sex_auroc"]
    low, high = percentile(replicates["auroc"] - replicates["age_sex_auroc"], level)
    found["gain_over_age_sex"] = Estimate(
        gain, min(low, gain), max(high, gain), level, len(names), 0.0
    )
    curves = _curves(seen, person)
    left_out += [name for name in ("roc", "calibration", "net_benefit") if name not in curves]
    params = {"sensitivity": sensitivity, "left out": left_out}
    if faults:
        params["faults"] = {name: FAULTS[name] for name in sorted(faults)}
    return found, curves, params


def _asked(
    seen: ClinicalPredictions,
    person: Ints,
    level: float,
    sensitivity: float,
    faults: frozenset[str],
) -> tuple[dict[str, _Asked], list[str]]:
    """What is estimated, and the names of what is not, for want of people."""
    event, everybody = seen.event, np.ones(len(person), dtype=np.bool_)
    n, n_with, n_without = (_count(person[which]) for which in (everybody, event, ~event))

    def told(behind: int) -> int:
        """People behind an estimate, or all, where the difference would tell of a few."""
        return behind if n - behind >= MIN_PEOPLE else n

    def auc(score: Floats, chosen: Bools, band: Ints | None = None) -> _Asked | None:
        inside, positive = person[chosen], event[chosen]
        sizes = _count(inside[positive]), _count(inside[~positive])
        if min(sizes) < MIN_PEOPLE:
            return None
        statistic = _auroc(score[chosen], positive, inside, None if band is None else band[chosen])
        return _Asked(
            statistic, 0.5, told(_count(inside)), lambda value: newcombe_auc(value, *sizes, level)
        )

    def share(of: int) -> Callable[[float], tuple[float, float]]:
        return lambda value: wilson(value * of, of, level)

    def calibration_error(score: Floats) -> _Asked:
        statistic = _calibration_error(score, event, person, "mixed-bins" in faults)
        return _Asked(statistic, None, n, share(n), reflected=True)

    band = np.floor(np.nan_to_num(seen.age, nan=-1) / _AGE_BAND_YEARS).astype(np.int64)
    comparable = np.isin(band, np.intersect1d(band[event], band[~event])) & ~np.isnan(seen.age)
    asked: dict[str, _Asked | None] = {
        "auroc": auc(seen.score, everybody),
        "auprc": _Asked(
            _average_precision(seen.score, event, person), float(event.mean()), n, share(n_with)
        ),
        "age_sex_auroc": auc(seen.baseline, everybody),
        "within_age_auroc": auc(seen.score, comparable, band),
        "ece": calibration_error(seen.score),
    }
    tuned = ("specificity_at_sensitivity", "sensitivity_at_threshold", "ece_calibrated")
    # Whose records these are is not told: as many records are wanted as people elsewhere.
    if min(int(seen.tuned_event.sum()), int((~seen.tuned_event).sum())) < MIN_PEOPLE:
        asked |= dict.fromkeys(tuned)
    else:
        reached = 0.7 if "sensitivity-70" in faults else sensitivity
        called = seen.score >= _threshold(seen.tuned_score[seen.tuned_event], reached)
        refused = _share(~called[~event], person[~event])
        accepted = _share(called[event], person[event])
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        fitted.fit(seen.tuned_score, seen.tuned_event.astype(float))
        # Chance calls records at random, as many as it takes for the sensitivity.
        estimated = (
            _Asked(refused, round(1 - sensitivity, 9), told(n_without), share(n_without)),
            _Asked(accepted, sensitivity, told(n_with), share(n_with)),
            calibration_error(fitted.predict(seen.score)),
        )
        asked |= dict(zip(tuned, estimated, strict=True))
    for group, values in seen.groups.items():
        each = {
            value: auc(seen.score, values == value)
            for value in np.unique(values[values != ""]).tolist()
        }
        kept = {value: _count(person[values == value]) for value in each if each[value]}
        # Nor may all people, less those of the groups that are told, be a few.
        while kept and 0 < n - _count(person[np.isin(values, list(kept))]) < MIN_PEOPLE:
            fewest = min(kept, key=lambda value: kept[value])
            each[fewest] = None
            del kept[fewest]
        asked |= {f"auroc_{group}_{value}": one for value, one in each.items()}
    left_out = [name for name, one in asked.items() if one is None]
    return {name: one for name, one in asked.items() if one is not None}, left_out


def _estimate(asked: _Asked, value: float, replicates: Floats, level: float) -> Estimate:
    """A percentile interval that holds the value.

    A sum of sizes of gaps only grows by chance, and by resampling once more: its interval is
    mirrored at the value (the basic bootstrap, Davison and Hinkley 1997, section 5.2).
    """
    if value in (0, 1) and (replicates[~np.isnan(replicates)] == value).all():
        low, high = asked.collapsed(value)
    else:
        low, high = percentile(replicates, level)
        if asked.reflected:
            low, high = max(2 * value - high, 0.0), 2 * value - low
    return Estimate(value, min(low, value), max(high, value), level, asked.n_subjects, asked.chance)


def _auroc(score: Floats, event: Bools, person: Ints, band: Ints | None = None) -> Statistic:
    """The share of pairs of an event and another record, of one band, that stand in the right
    order; a tie counts half, and a draw without pairs is NaN."""
    band = np.zeros(len(score), dtype=np.int64) if band is None else band
    levels, place = np.unique(score, return_inverse=True)
    key = band * len(levels) + place
    others = np.flatnonzero(~event)[np.argsort(key[~event])]
    events = np.flatnonzero(event)[np.argsort(key[event])]
    ladder = key[others]
    below, upto = (np.searchsorted(ladder, key[events], side) for side in ("left", "right"))
    first = np.searchsorted(ladder, band[events] * len(levels))
    last = np.searchsorted(ladder, (band[events] + 1) * len(levels))

    def statistic(weights: Floats) -> Floats:
        total = _summed(weights[:, person[others]])
        weight = weights[:, person[events]]
        right = (total[:, below] + total[:, upto]) / 2 - total[:, first]
        pairs = total[:, last] - total[:, first]
        return _ratio((weight * right).sum(axis=1), (weight * pairs).sum(axis=1))

    return statistic


def _average_precision(score: Floats, event: Bools, person: Ints) -> Statistic:
    """The mean, over events, of the share of events among the records that score as much or more.

    By steps, without interpolation, as scikit-learn's `average_precision_score`.
    """
    others = np.flatnonzero(~event)[np.argsort(score[~event])]
    events = np.flatnonzero(event)[np.argsort(score[event])]
    others_below = np.searchsorted(score[others], score[events])
    events_below = np.searchsorted(score[events], score[events])

    def statistic(weights: Floats) -> Floats:
        other, weight = _summed(weights[:, person[others]]), weights[:, person[events]]
        own = _summed(weight)
        true = own[:, -1:] - own[:, events_below]
        false = other[:, -1:] - other[:, others_below]
        # An event that nobody drew has no weight, whatever its precision.
        precision = true / np.maximum(true + false, 1)
        return _ratio((weight * precision).sum(axis=1), own[:, -1])

    return statistic


def _share(hit: Bools, person: Ints) -> Statistic:
    """The share of records that are hits."""
    n = int(person.max()) + 1
    hits, records = np.bincount(person, hit, n), np.bincount(person, minlength=n)
    return lambda weights: _ratio(weights[:, :n] @ hits, weights[:, :n] @ records)


def _calibration_error(score: Floats, event: Bools, person: Ints, mixed: bool) -> Statistic:
    """The mean distance of what is predicted from what is observed, over bins of about as many
    records each.

    Bins are those of the records at hand in every draw. `mixed` weighs them wrongly, see `FAULTS`.
    """
    cuts = _quantiles(score)
    n_bins, n_people = len(cuts) + 1, int(person.max()) + 1
    cell = person * n_bins + np.searchsorted(cuts, score, side="right")

    def by_bin(values: Floats) -> Floats:
        summed = np.bincount(cell, values, n_people * n_bins).astype(np.float64)
        return summed.reshape(n_people, n_bins)

    gap, size = by_bin(score - event), by_bin(np.ones(len(score)))
    if not mixed:
        return lambda weights: np.abs(weights @ gap).sum(axis=1) / (weights @ size).sum(axis=1)
    width = np.histogram(score, bins=_BINS, range=(0, 1))[0][:n_bins] / len(score)
    return lambda weights: np.abs(weights @ gap) / np.maximum(weights @ size, 1) @ width


def _threshold(events: Floats, sensitivity: float) -> float:
    """The highest threshold that at least this share of the events reach."""
    wanted = max(math.ceil(sensitivity * len(events) - 1e-9), 1)
    return float(np.sort(events)[len(events) - wanted])


def _curves(seen: ClinicalPredictions, person: Ints) -> Curves:
    score, event = seen.score, seen.event
    curves: Curves = {}

    def reached(cuts: Floats, which: Bools) -> Floats:
        """How many of these records score as much as each cut, or more."""
        ordered = np.sort(score[which])
        return np.asarray(len(ordered) - np.searchsorted(ordered, cuts), dtype=float)

    n, n_events = len(score), int(event.sum())
    cuts = np.unique(np.quantile(score[~event], _FPRS[1:-1], method="higher"))
    cuts = _told(cuts, score, event, person)[::-1]
    if len(cuts) and _count(person[event]) >= _DRAWN_FROM:
        tpr = np.concatenate([[0], reached(cuts, event) / n_events, [1]])
        fpr = np.concatenate([[0], reached(cuts, ~event) / (n - n_events), [1]])
        curves["roc"] = {"fpr": rounded(_FPRS), "tpr": rounded(np.interp(_FPRS, fpr, tpr))}
    cuts = _told(_quantiles(score), score, event, person)
    place = np.searchsorted(cuts, score, side="right")
    size = np.bincount(place)
    curves["calibration"] = {
        "predicted": rounded(np.bincount(place, score) / size),
        "observed": rounded(np.bincount(place, event) / size),
        "people": [_count(person[place == one]) for one in range(len(size))],
    }
    cuts = _told(_THRESHOLDS, score, event, person)
    if len(cuts):
        odds = cuts / (1 - cuts)
        model = (reached(cuts, event) - reached(cuts, ~event) * odds) / n
        everybody = (n_events - (n - n_events) * odds) / n
        curves["net_benefit"] = {
            "threshold": rounded(cuts),
            "model": rounded(model),
            "treat_all": rounded(everybody),
            "treat_none": [0.0] * len(cuts),
        }
    return curves


def _told(cuts: Floats, score: Floats, event: Bools, person: Ints) -> Floats:
    """Those of ascending cuts that part the records so that `MIN_PEOPLE` people with the finding,
    and as many without, are in each part: what a curve says of a part is said of no fewer."""
    seen = np.zeros((len(cuts) + 1, 2, int(person.max()) + 1), dtype=np.bool_)
    seen[np.searchsorted(cuts, score, side="right"), event.astype(np.int64), person] = True
    kept: list[int] = []
    since = np.zeros_like(seen[0])
    for place in range(len(cuts)):
        since |= seen[place]
        if since.sum(axis=1).min() >= MIN_PEOPLE:
            kept.append(place)
            since[:] = False
    since |= seen[-1]
    if kept and since.sum(axis=1).min() < MIN_PEOPLE:
        kept.pop()
    return cuts[kept]


def _quantiles(score: Floats) -> Floats:
    """Cuts between bins of about as many records each; tied scores stay together."""
    return np.unique(np.quantile(score, np.arange(1, _BINS) / _BINS))


def _summed(weights: Floats) -> Floats:
    """(b, n + 1) the sum of the first k weights of each row, from k = 0."""
    total = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=total[:, 1:])
    return total


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _count(person: Ints) -> int:
    return len(np.unique(person))
