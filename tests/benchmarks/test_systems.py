"""Every question to each of the twelve clinical systems: what is found, and what was planted.

A system is trained at its small size and asked all that a scan asks a model, of which the rules are
those of the profile `model`.
Its attacks are put to the proof even where a rule fails without, so that beside each figure stands
what is found where nothing is planted, and where something is. Each rule is judged by each output
alone. A question is some rows and is not asked again; `SYSTEMS` (a list with commas) chooses.
Seconds are of the processor.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

import pytest

from auditor.checks import registry
from auditor.checks.base import OnModel
from auditor.checks.competence.check import prove
from auditor.checks.run import run_check
from auditor.core.errors import DataError
from auditor.core.finding import Estimate, Finding, Ruling
from auditor.core.formatting import amount, interval
from auditor.engine import engine
from auditor.policy import words
from auditor.policy.judge import judge
from auditor.policy.profile import Profile, Rule, load_profile
from auditor.policy.proofs import limits_of
from auditor.policy.standing import asked
from auditor.simulate.hospital import Hospital
from auditor.simulate.pairs import PairedPopulation
from auditor.stats.small_cells import FEW
from auditor.systems import model_dir, study
from auditor.systems import task as tasks
from auditor.systems.open import open_target
from auditor.systems.result import Study
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.benchmarks.measurements import Recorder
from tests.benchmarks.test_speed import say

TABLE = "systems"
SYSTEMS = [one for one in os.environ.get("SYSTEMS", "").split(",") if one] or tasks.names()
#: What the folder of a system is made of, where it is not a hospital's tables.
PICTURES, RECORDINGS = ("cardionets", "cromotex", "gem", "jepa"), ("ptb-xl",)
#: People of a hospital's tables, and people with a radiograph and a cine beside their ECG.
HOSPITAL, PAIRED = 2000, 300
#: Where no rule asks for what is found; and the question that says that all others were asked.
NO_RULE, TRAINING = "no rule", "training"
CELLS = ("figure", "null", "planted", "verdict", "why")


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory, request):
    """The folder that a system is trained on, by its name; each is made once."""

    @cache
    def written(kind: str) -> Path:
        if kind == "recordings":
            return Path(request.getfixturevalue("data")) / "ptb-xl"
        folder = Path(tmp_path_factory.mktemp("systems")) / kind
        folder.mkdir()
        if kind == "pictures":
            PairedPopulation(PAIRED, n_visits=2).write(folder)
        else:
            Hospital(HOSPITAL).write(folder)
        return folder

    def of(system: str) -> Path:
        if system in RECORDINGS:
            return written("recordings")
        return written("pictures" if system in PICTURES else "tables")

    return of


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_question_to_a_system_is_answered_or_says_what_would(
    system, folder_of, tmp_path, measured
):
    done = {row["question"] for row in _rows(measured) if row["system"] == system}
    if TRAINING in done:
        pytest.skip("stands in the table")
    profile = load_profile("model")
    with engine(1, None) as workers:
        started = time.process_time()
        release = Release.open(folder_of(system), workers, may_be_empty=True)
        folder = tmp_path / system
        model_dir.write(_trained(system, release), folder, study.FAULTS)
        trained = time.process_time() - started
        say(f"{system}: trained in {trained:.0f} s")
        target, context = open_target(folder, release), Context(release, "cpu", 0, None)
        for check in registry.of_models([target], profile.galleries):
            # No rule judges what could be released instead.
            if check.target.instead_of is None and _question(check) not in done:
                _asked_and_kept(system, check, context, profile, measured)
    # Last, so that it says that all was asked.
    key = {"system": system, "question": TRAINING, "rule": NO_RULE}
    measured.row(TABLE, key, {**dict.fromkeys(CELLS, ""), "s": f"{trained:.1f}"})
    asked = [row for row in _rows(measured) if row["system"] == system]
    silent = [one["question"] for one in asked if not (one["figure"] or one["why"])]
    assert silent == [TRAINING]


def _asked_and_kept(
    system: str, check: OnModel, context: Context, profile: Profile, measured: Recorder
) -> None:
    """A question to a system, and the proof of its attack where a rule asks for one, as rows."""
    cell = profile.minimum_cell
    started = time.process_time()
    found = run_check(check, context, level=profile.level, smallest_cell=cell)
    limits = limits_of(found, profile)
    proof = None
    if found.status == "measured" and limits:
        proof = prove(check, context, found, limits, level=profile.level, smallest_cell=cell)
    took = time.process_time() - started
    say(f"{found.id}: {found.status}, {took:.1f} s; {found.reason or ''}")
    for rule in _rules(profile, found) or (None,):
        key = {"system": system, "question": _question(check)}
        key["rule"] = rule.id if rule else NO_RULE
        measured.row(TABLE, key, _cells(found, proof, rule, profile) | {"s": f"{took:.1f}"})
    assert found.status != "failed", found.reason


def _rows(measured: Recorder) -> list[dict[str, str]]:
    try:
        return measured.rows(TABLE)
    except KeyError:
        return []


def _trained(system: str, release: Release) -> Study:
    """A system; by every fold where one alone holds too few people, as it says then."""
    try:
        return study.run(system, release)
    except DataError as error:
        if "--every-fold" not in str(error):
            raise
        return study.run(system, release, every_fold=True)


def _question(check: OnModel) -> str:
    return " · ".join(part for part in (check.id, check.output, check.protocol) if part)


def _rules(profile: Profile, finding: Finding) -> list[Rule]:
    """The rules that ask for a number of a finding."""
    return [rule for rule in profile.rules if rule.models and asked(rule, [finding])]


def _cells(
    one: Finding, proof: Finding | None, rule: Rule | None, profile: Profile
) -> dict[str, str]:
    """What one question found, and what a rule says of that alone."""
    withheld = [name for name, said in one.params.items() if said == FEW]
    name = rule.estimate if rule else next(iter([*one.estimates, *withheld]), "")
    found, unit = one.estimates.get(name), words.metric(one.check, name).unit if name else "number"
    cells = {**dict.fromkeys(CELLS, ""), "why": one.reason or ""}
    if found is not None:
        cells["figure"] = f"{name} {_shown(found, unit)}"
        cells["null"] = "" if found.chance is None else f"chance {amount(found.chance, unit)}"
    elif isinstance(few := one.params.get(name), str):
        cells["figure"] = f"{name} {few}"
    if proof is not None:
        if null := proof.estimates.get(f"null_{name}"):
            cells["null"] = "; ".join(filter(None, (cells["null"], f"found {_shown(null, unit)}")))
        if twin := proof.estimates.get(f"planted_{name}"):
            cells["planted"] = f"in a twin: {_shown(twin, unit)}"
        if doses := proof.curves.get(f"doses_{name}"):
            cells["planted"] = _planted(doses, unit, words.metric(one.check, name).read_by)
        if proof.reason:
            cells["planted"] = proof.reason
    if rule is not None:
        ruling = _ruling(rule, [one, proof] if proof else [one], profile)
        cells["verdict"] = ruling.outcome + ("" if rule.required else ", not required")
        cells["why"] = ruling.reason if ruling.outcome in ("inconclusive", "not assessed") else ""
    return cells


def _planted(doses: dict, unit: str, by: str) -> str:
    """The weakest, the middle and the strongest of what was planted: so much, and what was read."""
    places = [place for place, strength in enumerate(doses["strength"]) if strength]
    chosen = sorted({places[0], places[len(places) // 2], places[-1]})
    told = []
    for place in chosen:
        there = amount(doses["truth"][place], unit)
        read = amount(doses["read"][place], "number" if by else unit)
        told.append(f"{there} → {read}")
    return "; ".join(told) + (f" ({by})" if by else "")


def _ruling(rule: Rule, findings: list[Finding], profile: Profile) -> Ruling:
    """What a rule says of these findings alone."""
    (ruling,) = judge(findings, profile.model_copy(update={"rules": (rule,)})).rules
    return ruling


def _shown(estimate: Estimate, unit: str) -> str:
    value, low, high = interval(estimate, unit)
    return value if low == high else f"{value} ({low} to {high})"
