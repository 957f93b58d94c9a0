"""A check carried out and measured, or why it was not."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np

from auditor.checks.base import Check
from auditor.core.errors import AuditorError, EvidenceError
from auditor.core.finding import Finding
from auditor.core.streams import stream
from auditor.policy import words
from auditor.signal.prepare import NO_RECORDINGS
from auditor.targets.context import Context

log = logging.getLogger(__name__)


def run_check(check: Check, context: Context, *, level: float, smallest_cell: int) -> Finding:
    """What a check finds: its attack carried out, and its evidence measured.

    Parameters
    ----------
    level : coverage of the intervals
    smallest_cell : no number of fewer people is told
    """
    started = time.perf_counter()
    finding = not_begun(check, context)
    context.progress(finding.id, 0, 0)

    def draw(*part: str) -> np.random.Generator:
        return stream(context.seed, "/".join([finding.id, *part, "interval"]))

    try:
        finding = replace(finding, inapplicable=check.inapplicable)
        if why := _nothing_to_ask(check, context) or check.unmet(context):
            return replace(finding, reason=why)
        # What could be released instead is attacked by the same draws, so that it alone differs.
        drawn = replace(finding, rounded_to=None, stopped_at=None).id
        evidence = check.attack(context, stream(context.seed, drawn))
        measured = check.estimate(evidence, level, draw)
    except EvidenceError as error:
        return replace(finding, reason=str(error))
    except Exception as error:
        # A broken attack must not cost the others; a rule that needs it will not pass without.
        log.debug("%s broke", finding.id, exc_info=True)
        return replace(finding, status="failed", reason=where(error), seconds=since(started))
    told = {
        name: one for name, one in measured.estimates.items() if one.n_subjects >= smallest_cell
    }
    if not told and (measured.estimates or not measured.params):
        return replace(finding, reason="too few people for any number", seconds=since(started))
    return replace(
        finding,
        status="measured",
        reason=None,
        params=measured.params,
        estimates=told,
        curves=measured.curves,
        seconds=since(started),
    )


def not_begun(check: Check, context: Context) -> Finding:
    """The finding of a check that was not carried out yet."""
    return Finding(
        check.id,
        check.view,
        check.protocol,
        check.threat,
        "skipped",
        reason="not begun",
        leads=context.lead_set,
        rounded_to=check.rounded_to,
        stopped_at=check.stopped_at,
    )


def _nothing_to_ask(check: Check, context: Context) -> str | None:
    """Why the release holds nothing that the check could be put to; None where it does."""
    about = words.checks()[check.id]
    if about.subject == "recordings" and context.release.is_empty:
        return NO_RECORDINGS
    return context.prepared.silent if about.needs_beats else None


def where(error: Exception) -> str:
    """What broke, without the values that a message may hold."""
    if isinstance(error, AuditorError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "auditor" in Path(frame.filename).parts] or frames
    last = ours[-1]
    return f"{type(error).__name__} in {Path(last.filename).stem}.{last.name}, line {last.lineno}"


def since(started: float) -> float:
    """Seconds, to the millisecond."""
    return round(time.perf_counter() - started, 3)
