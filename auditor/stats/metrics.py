"""What evidence amounts to: rates of biometrics and of detection, by person."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auditor.core.errors import EvidenceError
from auditor.core.evidence import SearchResult, Trials

Floats = NDArray[np.float64]
_OPEN_SET_FOLDS = 5
#: Cells of a table of people and thresholds beyond which it is kept in single precision.
_MANY = 2_000_000


def by_person(values: Floats, subject: NDArray[np.str_]) -> Floats:
    """The mean of each person's values, people in ascending order of their names."""
    _, code = np.unique(subject, return_inverse=True)
    return np.bincount(code, weights=values) / np.bincount(code)


def hits(above: NDArray[np.int64], ties: NDArray[np.int64], k: int) -> Floats:
    """(n,) the chance that a person is among the first k when ties are broken at random."""
    return np.clip((k - above) / (1 + ties), 0, 1)


def rank_rate(result: SearchResult, k: int) -> Floats:
    """(n_people,) how often each person is among the first k."""
    return by_person(hits(result.n_above, result.n_tied, k), result.subject)


def matched_impostor_rate(result: SearchResult, k: int) -> Floats:
    """(n_people,) how often a stranger of the same sex and age band is among the first k."""
    has = result.matched_impostor_above >= 0
    rate = hits(result.matched_impostor_above[has], result.matched_impostor_tied[has], k)
    return by_person(rate, result.subject[has])


def demographic_rate(result: SearchResult, k: int) -> Floats:
    """(n_people,) how often each is among the first k of those of their sex and about their age."""
    rate = hits(result.demographic_above, result.demographic_tied, k)
    return by_person(rate, result.subject)


def open_set(result: SearchResult, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(n_people,) how often each would be taken for somebody else had they not been enrolled, and
    how often each, being enrolled, is not named: below the threshold, or not first.

    The threshold of a person is set on the people of other folds, where both mistakes are as
    frequent: nobody's own scores have a say in it.
    """
    people, code = np.unique(result.subject, return_inverse=True)
    share = 1 / np.bincount(code)[code]
    first = hits(result.n_above, result.n_tied, 1)
    fold = rng.permutation(len(people))[code] % _OPEN_SET_FOLDS
    accepted, missed = np.zeros(len(code)), np.zeros(len(code))
    for one in range(_OPEN_SET_FOLDS):
        told, asked = fold != one, fold == one
        levels = np.unique(np.concatenate([result.best_impostor[told], result.mated_score[told]]))
        unknown = _beyond(result.best_impostor[told], share[told], levels)
        named = _beyond(result.mated_score[told], (share * first)[told], levels)
        gap = unknown - (share[told].sum() - named)
        threshold = levels[min(int((gap > 0).sum()), len(levels) - 1)]
        accepted[asked] = result.best_impostor[asked] >= threshold
        missed[asked] = 1 - first[asked] * (result.mated_score[asked] >= threshold)
    return by_person(accepted, result.subject), by_person(missed, result.subject)


def _beyond(score: Floats, weight: Floats, levels: Floats) -> Floats:
    """How much weight there is of scores at or above each level."""
    order = np.argsort(score)
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    return np.asarray(total[-1] - total[np.searchsorted(score[order], levels)])


def cmc(result: SearchResult, ranks: NDArray[np.int64]) -> Floats:
    """The cumulative match characteristic at these ranks."""
    return np.array([rank_rate(result, int(k)).mean() for k in ranks])


def acceptance(result: SearchResult) -> tuple[Floats, Floats]:
    """What each person contributes to the ROC, thresholds ascending.

    Returns
    -------
    genuine, impostor : (n_people, n_edges) shares accepted (score ≥ edge)
    """
    people, code = np.unique(result.subject, return_inverse=True)
    counts = np.bincount(code)
    reached = np.searchsorted(result.edges, result.mated_score, side="right")
    # Of very many people half the digits are enough, and half the memory.
    size = len(people) * len(result.edges)
    genuine = np.zeros(
        (len(people), len(result.edges) + 1), np.float32 if size > _MANY else np.float64
    )
    np.add.at(genuine, (code, reached), 1)
    np.cumsum(genuine[:, ::-1], axis=1, out=genuine[:, ::-1])
    accepted = genuine[:, 1:]
    accepted /= counts[:, None].astype(genuine.dtype)
    order = np.argsort(result.sketch_subject)
    impostor = result.sketch[order].astype(genuine.dtype)
    impostor /= result.n_impostors[order][:, None].astype(genuine.dtype)
    return accepted, impostor


def eer(genuine: Floats, impostor: Floats) -> Floats:
    """The equal error rate, interpolated on the polygon of the ROC.

    Parameters
    ----------
    genuine, impostor : (…, n_edges) shares accepted at ascending thresholds
    """

    def closed(shares: Floats) -> Floats:
        """With everybody accepted below the lowest threshold and nobody above the highest."""
        edge = np.ones((*shares.shape[:-1], 1))
        return np.concatenate([edge, shares, 0 * edge], axis=-1)

    false_accept, false_reject = closed(impostor), 1 - closed(genuine)
    gap = false_reject - false_accept  # ascends from −1 to 1
    after = (gap >= 0).argmax(axis=-1)[..., None]
    before = np.maximum(after - 1, 0)

    def at(values: Floats, place: NDArray[np.int64]) -> Floats:
        return np.take_along_axis(values, place, axis=-1)[..., 0]

    low, high = at(gap, before), at(gap, after)
    share = np.where(high > low, -low / np.where(high > low, high - low, 1), 0)
    rate = at(false_accept, before) + share * (at(false_accept, after) - at(false_accept, before))
    return np.asarray(rate)


def tpir_at_fpir(result: SearchResult, fpir: float) -> Floats:
    """(n_people,) how often each is ranked first above the threshold that few strangers pass.

    Raises
    ------
    EvidenceError
        There are too few people to see so small a rate.
    """
    n_people = len(np.unique(result.subject))
    if fpir * n_people < 1:
        raise EvidenceError(
            f"an FPIR of {fpir:g} needs {math.ceil(1 / fpir)} people, found {n_people}"
        )
    return named_beyond(result, fpir * n_people)


def named_beyond(result: SearchResult, n_alarms: float) -> Floats:
    """(n_people,) how often each is ranked first above the threshold that so many strangers pass.

    A probe whose person had not been enrolled would have had its best impostor on top. The
    threshold is the lowest at which such probes of at most `n_alarms` people, each counting as a
    share of their person's, raise an alarm; a score at the threshold is accepted.
    """
    code = np.unique(result.subject, return_inverse=True)[1]
    weight = 1 / np.bincount(code)[code]
    # Accepting down to a score accepts everything tied with it, so alarms are counted by score.
    score, place = np.unique(-result.best_impostor, return_inverse=True)
    alarms = np.bincount(place, weights=weight).cumsum()
    n_allowed = int((alarms <= n_alarms + 1e-9).sum())
    over = -score[n_allowed] if n_allowed < len(score) else -np.inf
    return by_person(
        hits(result.n_above, result.n_tied, 1) * (result.mated_score > over), result.subject
    )


def tpr_at_fpr(score: Floats, positive: NDArray[np.bool_], fpr: float) -> float:
    """The best true-positive rate whose false-positive rate is at most `fpr`; never interpolated.

    Raises
    ------
    EvidenceError
        A rate this small cannot be seen with so few negatives.
    """
    negatives = np.sort(score[~positive])[::-1]
    if 0 < fpr * len(negatives) < 1:
        raise EvidenceError(
            f"an FPR of {fpr:g} needs {math.ceil(1 / fpr)} negatives, found {len(negatives)}"
        )
    allowed = int(fpr * len(negatives) + 1e-9)
    if allowed >= len(negatives):
        return 1.0
    return float((score[positive] > negatives[allowed]).mean())


def person_trials(trials: Trials) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    """Each person's mean score, whether they are positive, and their stratum."""
    _, first = np.unique(trials.subject, return_index=True)
    score = by_person(trials.score, trials.subject)
    return score, trials.positive[first], trials.stratum[first]


def auc(
    score: Floats, positive: NDArray[np.bool_], stratum: NDArray[np.int64] | None = None
) -> float:
    """The share of positive-negative pairs of one stratum that stand in the right order."""
    stratum = np.zeros(len(score), dtype=np.int64) if stratum is None else stratum
    right = pairs = 0.0
    for one in np.unique(stratum):
        inside = stratum == one
        place, positives = rankdata(score[inside]), positive[inside]
        n = int(positives.sum())
        right += place[positives].sum() - n * (n + 1) / 2
        pairs += n * (len(place) - n)
    if not pairs:
        raise EvidenceError("no stratum holds people of both kinds")
    return float(right / pairs)


def concordance(value: Floats, truth: Floats) -> float:
    """The share of pairs of people with different truths whose predictions stand in that order.

    Harrell's C without censoring; a tie of predictions counts half.
    """
    right = pairs = 0.0
    for start in range(0, len(value), 512):
        block = slice(start, start + 512)
        later = np.sign(truth[block, None] - truth[None])
        agrees = later * np.sign(value[block, None] - value[None])
        pairs += float((later != 0).sum())
        right += float((agrees > 0).sum() + 0.5 * ((agrees == 0) & (later != 0)).sum())
    if not pairs:
        raise EvidenceError("everybody has the same true value")
    return right / pairs
