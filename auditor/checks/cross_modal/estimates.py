"""How often an ECG leads to its person's image, and what that costs to prevent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditor.checks.cross_modal.check import Retrieved
from auditor.core.evidence import MIN_PEOPLE, Evidence, SearchResult
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.core.target import NONMEMBER, Target
from auditor.stats.estimators import Curves, measure, rate
from auditor.stats.metrics import auc, by_person, rank_rate
from auditor.stats.searches import above_alike, measure_search, paired_gain, rate_gap

#: Weights of a true pair in the loss, and temperatures, as the trade-off is asked about.
WEIGHTS, TEMPERATURES = (0.0, 1.0, 3.0, 10.0), (0.01, 0.07)


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """What the searches of `checks.cross_modal.check.Retrieved` amount to.

    Recall@k is `rankk`. Of the unnamed and the `taught` search: `rank1`, `rank10`, `auc_known`
    (see `above_alike`), those of `members`, and how many more of them are found first
    in a gallery as large (`member_gap`: memorised pairs). `alike_auc_known`, among people of whom
    the same is true too, and `beyond_auc_known`, by what that does not foretell; `label_…_rank1`;
    `person_rank1` and `encounter_rank1`, and by how much an ECG of the very visit finds more
    (`encounter_gap`).

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    searches = {name: one for name, one in seen.items() if isinstance(one, SearchResult)}
    found, curves = measure_search(searches[""], level, rng)
    for name in ("", "taught"):
        if name not in searches:
            continue
        key = f"{name}_".lstrip("_")
        found |= {f"{key}{rank}": one for rank, one in _recall(searches[name], level).items()}
        members = searches.get(f"{name} members".strip())
        if name and (alike := above_alike(searches[name], level, rng)):
            found[f"{key}auc_known"] = alike
        if members:
            told = _recall(members, level)
            found |= {f"{key}members_{rank}": one for rank, one in told.items()}
            found[f"{key}member_gap"] = rate_gap(members, searches[name], level)
    for name in ("alike", "beyond"):
        if name in searches and (alike := above_alike(searches[name], level, rng)):
            found[f"{name}_auc_known"] = alike
    if "untrained" in searches:
        found |= measure("untrained", searches["untrained"], level=level, rng=rng)[0]
        found["gain_over_untrained"] = paired_gain(searches[""], searches["untrained"], level)
    for name, one in searches.items():
        label = name.removeprefix("label/")
        if label != name:
            found |= {f"label_{label}_{rank}": each for rank, each in _recall(one, level).items()}
            if alike := above_alike(one, level, rng):
                found[f"label_{label}_auc_known"] = alike
    if "person" in searches:
        for name in ("person", "encounter"):
            found |= {f"{name}_{k}": each for k, each in _recall(searches[name], level).items()}
        if alike := above_alike(searches["person"], level, rng):
            found["person_auc_known"] = alike
        found["encounter_gap"] = paired_gain(searches["encounter"], searches["person"], level)
    return found, curves, {}


def _recall(seen: SearchResult, level: float) -> dict[str, Estimate]:
    """Recall@1 and, where there are more people than ten, recall@10."""
    ranks = [k for k in (1, 10) if k == 1 or k < seen.n_gallery]
    return {f"rank{k}": rate(rank_rate(seen, k), level, k / seen.n_gallery) for k in ranks}


@dataclass(frozen=True)
class Traded:
    """What one recipe links, and what it is good for.

    Attributes
    ----------
    weight, temperature : of a true pair in the loss, and of the loss
    held_out, members : recall@1 of people whom the model never saw, and of its own; None of too few
    auroc : over what the model tells, the mean AUROC of people it never saw; None where it tells
        nothing, or too few
    """

    weight: float
    temperature: float
    held_out: Estimate
    members: Estimate | None
    auroc: float | None


def sweep(
    train: Callable[[float, float], Target],
    weights: Sequence[float] = WEIGHTS,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    seed: int = 0,
    level: float = 0.95,
) -> list[Traded]:
    """Linkage against AUROC over the weight of true pairs and the temperature.

    Parameters
    ----------
    train : weight, temperature → the model trained so; everything else is left alike

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    rows = []
    for temperature in temperatures:
        for weight in weights:
            target = train(weight, temperature)
            seen = Retrieved(target).searches(stream(seed, "cross-modal/sweep"))
            held_out, members = (
                _recall(seen[name], level)["rank1"] if name in seen else None
                for name in ("", "members")
            )
            assert held_out is not None
            rows.append(Traded(weight, temperature, held_out, members, _auroc(target)))
    return rows


def _auroc(target: Target) -> float | None:
    """The mean, over what is told, of the AUROC of people the model never saw, by person."""
    if "scores" not in target.outputs:
        return None
    unseen = target.part == NONMEMBER
    score, truth = target.view("scores").values[unseen], target.truth[unseen]
    found = []
    for one, true in zip(score.T, truth.T, strict=True):
        known = ~np.isnan(true)
        who = target.subject[unseen][known]
        positive = by_person(true[known], who) > 0
        if min(positive.sum(), (~positive).sum()) >= MIN_PEOPLE:
            found.append(auc(by_person(one[known].astype(np.float64), who), positive))
    return float(np.mean(found)) if found else None
