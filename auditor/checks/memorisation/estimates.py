"""What a generator gives away of the pictures that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from auditor.core.evidence import Evidence, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import Curves, measure, rate
from auditor.stats.searches import _LUCK, against_twins, beside_strangers, beyond_luck, rate_gap
from auditor.stats.small_cells import shares_of_people

#: A picture that is three times as near to one real picture as to any other is its copy (Yoon et
#: al. 2023, "Diffusion Probabilistic Models Generalize when They Fail to Memorize").
_COPY = float(np.log(3))
#: What is told of the scores that are held against the tail of other people's.
_LEARNT = {"copies": "copied", "cliques": "extracted"}


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """Estimates of what was seen, their curves, and what may be told of fewer than ten people.

    - `ratio_auc`, `unasked_auc`: how well members are told from held-out twins by how near what is
      drawn comes to their own pictures, asked for them or for nobody; chance is what sex and age
      alone would give;
    - `copied`, `extracted`: the share of members whose picture is given out as good as it is;
    - `rank1`, `rank10` …: how often people's real pictures are found by the drawn ones, and
      `rank1_excess`, how much more often than strangers' of the same sex and age band;
      `members_rank1` … the same of members, and `member_gap`, how much more often theirs are found
      than those of others.

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    found: dict[str, Estimate] = {}
    curves: Curves = {}
    few: dict[str, Any] = {}
    for name, one in seen.items():
        if isinstance(one, SearchResult):
            if not name:
                more, shown = measure("", one, level=level, rng=rng)
                found, curves = found | more | beside_strangers(one, level), curves | shown
            for k in (1, 10):
                if one.n_gallery > k:
                    hits = metrics.rank_rate(one, k)
                    found[f"{name}_rank{k}".lstrip("_")] = rate(hits, level, k / one.n_gallery)
        elif isinstance(one, Trials) and name in _LEARNT:
            people = beyond_luck(one, _COPY)
            more, fewer = shares_of_people({_LEARNT[name]: people}, level, _LUCK / len(people))
            found, few = found | more, few | fewer
        elif isinstance(one, Trials):
            found[f"{name}_auc"], curves[f"{name}_roc"] = against_twins(one, level)
    members, others = seen.get("members"), seen.get("nonmembers")
    if isinstance(members, SearchResult) and isinstance(others, SearchResult):
        found["member_gap"] = rate_gap(members, others, level)
    return found, curves, few
