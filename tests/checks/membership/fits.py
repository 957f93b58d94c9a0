"""People whom a model fits in several findings, members better by a known amount: no model at all,
whose recipe could be known.
"""

from __future__ import annotations

import numpy as np

from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Target

FINDINGS, EACH = 3, 2
#: Of the fit among people, in the unit of how much members are fitted better.
SPREAD = np.sqrt(1 + 1 + 0.5**2 / EACH)


def fitted(seed: int, n: int, better: float = 0.0, *, share: float = 1.0) -> Target:
    """Half of the people are members.

    Parameters
    ----------
    better : by how many spreads members are fitted better
    share : of the members so many of whom that is true
    """
    rng = stream(seed, "fits")
    true = rng.random((n, FINDINGS)) < 0.4
    usual = rng.normal(size=(n, FINDINGS)) + rng.normal(size=(n, 1)) + 2 * true
    member = np.isin(np.arange(n), rng.permutation(n)[: n // 2])
    learnt = member & (rng.random(n) < share)
    person = np.repeat(np.arange(n), EACH)
    fit = (usual + better * SPREAD * learnt[:, None])[person]
    fit += 0.5 * rng.normal(size=fit.shape)
    blank = np.full(len(person), np.nan)
    return Target(
        name="fits",
        title="",
        record=np.arange(len(person)).astype(str),
        subject=person.astype(str),
        session=np.full(len(person), ""),
        split=np.where(member, MEMBER, NONMEMBER).astype(np.int8)[person],
        membership_unknown="",
        male=blank,
        age=blank,
        labels=tuple(f"finding {place}" for place in range(FINDINGS)),
        y_true=true[person].astype(float),
        outputs={},
        membership_signal=lambda: fit,
        inputs=np.zeros((len(person), 0), np.float32),
        columns=(),
    )
