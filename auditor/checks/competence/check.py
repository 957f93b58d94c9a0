"""Could the attack have found anything? It is put to twins: one that leaks on purpose, and one
that holds nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from auditor.checks.base import Check, OnModel
from auditor.checks.run import not_begun, run_check, since
from auditor.core.finding import Estimate, Finding
from auditor.core.record import STANDARD_LEADS
from auditor.data.catalog import DESCRIPTOR
from auditor.policy import words
from auditor.signal.prepare import Prepared
from auditor.simulate.population import Population
from auditor.targets.context import Context
from auditor.targets.release import Release

ID = "competence"


def prove(
    check: Check,
    context: Context,
    metrics: Collection[str],
    *,
    level: float,
    smallest_cell: int,
) -> Finding:
    """Whether a check finds what is planted in a twin of what it was put to, and stays silent in a
    twin where there is nothing to find.

    Of recordings the twin is a simulated release in the same numbers; of a model it is the check's
    own.

    Parameters
    ----------
    metrics : the numbers that have to be shown: those that a rule limits
    """
    started = time.perf_counter()
    threat = words.checks()[ID].threat_of(None, "model" if isinstance(check, OnModel) else "")
    finding = replace(not_begun(check, context), check=ID, threat=threat)
    estimates: dict[str, Estimate] = {}
    for name, planted in (("planted", True), ("null", False)):
        with _twin(check, context, planted) as twin:
            if twin is None:
                why = "no model of its kind can be trained here to be caught"
                return replace(finding, reason=why)
            seen = run_check(*twin, level=level, smallest_cell=smallest_cell)
        if seen.status != "measured":
            return replace(finding, reason=f"on its simulated twin: {seen.reason}")
        estimates |= {f"{name}_{key}": one for key, one in seen.estimates.items() if key in metrics}
    return replace(
        finding, status="measured", reason=None, estimates=estimates, seconds=since(started)
    )


@contextmanager
def _twin(check: Check, context: Context, planted: bool) -> Iterator[tuple[Check, Context] | None]:
    """The check and what it is put to, where the leak is planted or nothing is there."""
    if isinstance(check, OnModel):
        twin = check.twin(planted, context.seed)
        yield None if twin is None else (twin, context)
        return
    with tempfile.TemporaryDirectory(prefix="auditor-twin-") as folder:
        root = Path(folder)
        simulated(context.prepared, float(planted), context.seed).write(root)
        # Its dates are made up: nobody is found by them.
        with (root / DESCRIPTOR).open("a", encoding="utf-8") as file:
            file.write("shifted: true\n")
        release = Release.open(
            root,
            context.engine,
            max_seconds=context.release.max_seconds,
            progress=context.progress,
        )
        yield check, replace(context, release=release, memo={})


def simulated(prepared: Prepared, strength: float, seed: int) -> Population:
    """Simulated people with the sessions and records of a release, and its leads and lengths.

    Parameters
    ----------
    strength : how much of the person, and of their sex and age, is in the signals: 0 none, 1 plain
    """
    records = prepared.records
    sizes = tuple(
        tuple(int(n) for n in person.groupby("session", sort=False).size())
        for _, person in records.groupby("subject", sort=False)
    )
    leads = tuple(lead for lead in prepared.leads if lead in STANDARD_LEADS) or ("II",)
    return Population(
        n_subjects=len(sizes),
        sizes=sizes,
        seconds=float(np.clip(records["duration_s"].median(), 10, 60)),
        leads=leads,
        identity=strength,
        demographics=strength,
        seed=seed,
    )
