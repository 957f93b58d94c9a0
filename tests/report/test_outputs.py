"""What a model gives away by what is released of it: told from findings, judged by no rule, and the
remedy is one that keeps the limits.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditor.core.finding import Audit, Estimate, Finding, Verdict
from auditor.policy.judge import judge
from auditor.policy.profile import Profile, Rule
from auditor.report import html, outputs, summary
from auditor.report import json as report
from auditor.report.explain import explain

BASIS = "our default: a test"
RULES = (
    Rule(id="found", check="output-linkage", estimate="found_among_1000", limit=0.11,
         basis=BASIS, models=True),
    Rule(id="members", check="membership", estimate="auc", limit=0.6, basis=BASIS, models=True),
)  # fmt: skip
PROFILE = Profile(name="p", title="t", context="c", population=1000, rules=RULES)
NEW = "not of what is released"


def number(value: float, margin: float = 0.01, chance: float | None = 0.001) -> Estimate:
    return Estimate(value, max(value - margin, 0), min(value + margin, 1), 0.9, 300, chance)


def linkage(output: str, value: float, margin: float = 0.01, **more) -> Finding:
    found = {"found_among_1000": number(value, margin)}
    return Finding("output-linkage", f"af.{output}", "cross-session", NEW, "measured",
                   estimates=found, **more)  # fmt: skip


def members(value: float, margin: float = 0.01, **more) -> Finding:
    found = {"auc": number(value, margin, 0.5)}
    return Finding("membership", "af", None, NEW, "measured", estimates=found, **more)


def worth(auc: float, lost: float | None = None, margin: float = 0.01, **more) -> Finding:
    found = {"auc": number(auc, 0.05, 0.5)}
    if lost is not None:
        found["auc_lost"] = Estimate(lost, lost - margin, lost + margin, 0.9, 300, 0.0)
    return Finding("performance", "af.scores", None, NEW, "measured", estimates=found, **more)


RELEASED = (members(0.58), linkage("scores", 0.2), linkage("leaves", 0.4), worth(0.8))
ROUNDED = tuple(
    one
    for n, found, lost in ((0, 0.02, 0.1), (1, 0.05, 0.03), (2, 0.19, 0.0), (3, 0.2, 0.0))
    for one in (
        members(0.58, rounded_to=n),
        linkage("scores", found, rounded_to=n),
        worth(0.8 - lost, lost, rounded_to=n),
    )
)


def audited(*findings: Finding, **of_model) -> Audit:
    model = {
        "name": "af", "title": "atrial fibrillation", "n_tells": 1, "gives": ["leaves", "scores"],
        "file": True, "decimals": None, "rounds": 40, "n_members": 300, "n_nonmembers": 300,
    }  # fmt: skip
    return Audit(
        auditor={"version": "0", "seed": 0, "device": "cpu", "preset": "quick", "versions": {}},
        release={
            "name": "x", "fingerprint": "", "n_subjects": 300, "n_records": 600, "n_sessions": 600,
            "n_quarantined": 0, "leads": [], "fs": [], "models": [model | of_model],
        },
        profile=PROFILE.recorded(),
        verdict=judge(findings, PROFILE),
        findings=findings,
    )  # fmt: skip


def scale(*findings: Finding, **of_model) -> outputs.Scale:
    (one,) = outputs.scales(audited(*findings, **of_model))
    return one


def test_what_can_be_released_stands_from_what_gives_least_away_to_what_is_released():
    steps = [one.title for one in scale(*RELEASED, *reversed(ROUNDED)).steps]
    assert steps == [
        "Scores to 0 decimals", "Scores to 1 decimal", "Scores to 2 decimals",
        "Scores to 3 decimals", "Scores", "Decision paths", "The file, and so all of these",
    ]  # fmt: skip


def test_whoever_has_the_file_has_what_gives_most_away():
    ((title, ladder),) = scale(*RELEASED, *ROUNDED).ladders  # members are within, and not drawn
    assert title == "Found among 1,000 people"
    assert [one.estimate.value for one in ladder.rungs if one.estimate] == [
        0.02, 0.05, 0.19, 0.2, 0.2, 0.4, 0.4,
    ]  # fmt: skip


def test_each_step_says_where_it_stands_to_each_limit():
    rows = dict(scale(*RELEASED, *ROUNDED).rows)
    assert [cell[-1] for cell in rows["Scores to 1 decimal"]] == [
        "✓ within the limit", "✓ within the limit", "0.72 to 0.82",
    ]  # fmt: skip
    assert rows["Decision paths"][0][-1] == "✕ beyond the limit"
    assert rows["Decision paths"][1] == ("–",)


def test_the_remedy_is_the_most_that_keeps_every_limit_with_its_price():
    told = scale(*RELEASED, *ROUNDED).remedy()
    assert "outputs: [scores] and decimals: 1 in model.yaml stays within these limits" in told
    assert "only that scan is a verdict" in told
    assert "a loss of 0.030 (0.020 to 0.040)" in told


def test_scores_as_they_are_come_before_rounded_ones():
    released = (members(0.58), linkage("scores", 0.05), *RELEASED[2:])
    assert "outputs: [scores] in model.yaml stays within" in scale(*released, *ROUNDED).remedy()


def test_where_nothing_keeps_the_limits_that_is_said():
    named = tuple(
        replace(one, estimates={"auc": number(0.9)}) if one.check == "membership" else one
        for one in ROUNDED
    )
    told = scale(members(0.95), *RELEASED[1:], *named).remedy()
    assert told.startswith("No outputs: or decimals: in model.yaml that were tried would meet")
    assert told.endswith("outputs: [scores] and decimals: 0, is beyond the limit by members.")


def test_what_more_people_would_settle_is_not_called_within():
    wide = tuple(
        replace(one, estimates={"found_among_1000": number(0.1, 0.05)})
        if one.check == "output-linkage" else one
        for one in ROUNDED
    )  # fmt: skip
    told = scale(*RELEASED, *wide).remedy()
    assert told.startswith("Nothing that was tried is surely within these limits.")
    assert "found stays open: more people would settle it" in told


def test_what_was_not_measured_of_a_step_keeps_no_limit():
    unasked = tuple(one for one in ROUNDED if one.check != "membership")
    told = scale(*RELEASED, *unasked).remedy()
    assert "none is surely exceeded, and members was not measured there" in told


def test_where_all_is_within_nothing_need_be_held_back():
    released = (members(0.55), linkage("scores", 0.01), linkage("leaves", 0.02), worth(0.8))
    assert scale(*released, *ROUNDED).remedy() == (
        "What is released stays within these limits, as measured."
    )


def test_a_model_that_gives_out_rounded_scores_alone_is_one_step():
    steps = scale(
        members(0.58), linkage("scores", 0.19), worth(0.8), *ROUNDED[:6],
        gives=["scores"], file=False, decimals=2,
    ).steps  # fmt: skip
    assert [one.title for one in steps] == [
        "Scores to 0 decimals", "Scores to 1 decimal", "Scores to 2 decimals",
    ]  # fmt: skip


def staged(*of: tuple[int, float, float]) -> tuple[Finding, ...]:
    return tuple(
        one
        for n, auc, lost in of
        for one in (
            members(auc, stopped_at=n),
            linkage("leaves", 0.01, stopped_at=n),
            worth(0.8 - lost, lost, stopped_at=n),
        )
    )


LEARNT = (members(0.9), linkage("scores", 0.01), linkage("leaves", 0.02), worth(0.8))


def test_training_stops_at_the_last_stage_that_keeps_every_limit():
    one = scale(*LEARNT, *ROUNDED, *staged((5, 0.52, 0.1), (10, 0.56, 0.04), (20, 0.8, 0.01)))
    assert list(one.stages) == [5, 10, 20, 40]
    assert one.stop == 10
    assert one.advice.startswith("Stop here: after 10 of 40 rounds it stays within these limits")
    assert "a loss of 0.040 (0.030 to 0.050)" in one.advice
    (drawn,) = [dose for title, dose in one.doses]
    assert drawn.stages == (5, 10, 20, 40)
    assert [each.value for each in drawn.leak] == [0.52, 0.56, 0.8, 0.9]


def test_where_none_keeps_them_it_stops_where_no_worth_is_lost():
    one = scale(*LEARNT, *ROUNDED, *staged((5, 0.7, 0.1), (10, 0.75, 0.0), (20, 0.8, -0.02)))
    assert one.stop == 10
    assert "what came later bought nothing that shows" in one.advice


def test_where_every_stage_costs_or_may_cost_nothing_is_advised():
    one = scale(*LEARNT, *ROUNDED, *staged((5, 0.7, 0.1), (10, 0.75, 0.05), (20, 0.8, 0.015)))
    assert one.stop is None
    assert "nor is any shown to be worth as much" in one.advice


def of_network(r2: float, lost: float | None = None, **more) -> Finding:
    found = {"probe_r2": number(r2, 0.05, 0.0)}
    if lost is not None:
        found["probe_r2_lost"] = Estimate(lost, lost - 0.01, lost + 0.01, 0.9, 300, 0.0)
    return Finding("performance", "af.embedding", None, NEW, "measured", estimates=found, **more)


def test_of_a_network_steps_are_told_and_what_its_embedding_is_worth():
    learnt = (members(0.9), linkage("embedding", 0.01), of_network(0.3))
    stages = tuple(
        one
        for n, auc, lost in ((75, 0.52, 0.4), (150, 0.56, 0.1), (300, 0.8, 0.0))
        for one in (
            members(auc, stopped_at=n),
            linkage("embedding", 0.01, stopped_at=n),
            of_network(0.3 - lost, lost, stopped_at=n),
        )
    )
    told = {"gives": ["embedding", "other"], "rounds": None, "steps": 600}
    audit = audited(*learnt, *stages, **told)
    one = outputs.scales(audit)[0]
    assert list(one.stages) == [75, 150, 300, 600]
    assert one.advice.startswith("Stop here: after 150 of 600 steps it stays within these limits")
    assert "an R² of 0.20 (0.15 to 0.25), a loss of 0.100" in one.advice
    ((_, dose), *_) = one.doses
    assert (dose.stage_unit, dose.worth_by) == ("steps", "R²")
    assert [each.value for each in dose.worth] == pytest.approx([-0.1, 0.2, 0.3, 0.3])
    page = html.render(audit)
    assert "true of people it never saw (R²)" in page
    assert "by steps of training: after 75" in page
    assert "with an R² of −0.10" in page  # the line is drawn at 0, and the words tell
    assert "rounds of training" not in page.lower()


def test_no_rule_is_judged_by_what_could_be_released_instead():
    bad = (linkage("scores", 0.9, rounded_to=0), members(0.99, stopped_at=5))
    released = (members(0.55), linkage("scores", 0.01), linkage("leaves", 0.02))
    assert judge((*released, *bad), PROFILE) == judge(released, PROFILE)
    only = judge(bad, PROFILE)
    assert only == Verdict("not assessed", only.rules) or not only.rules


def test_the_page_tells_what_could_be_released_instead_in_its_own_section_alone():
    skipped = Finding("membership", "af", None, NEW, "skipped", "for want of people", rounded_to=9)
    audit = audited(*RELEASED, *ROUNDED, skipped)
    assert summary.not_measured(audit) == []
    told = {one.id for group in summary.groups(audit) for one in group.findings}
    assert told == {one.id for one in RELEASED}
    assert all(one.finding.released for one in summary.intruder(audit))
    page = html.render(audit)
    assert "What a model gives away, by what is released of it" in page
    assert "outputs: [scores] and decimals: 1" in page
    assert (
        "Scores to 1 decimal: 5.0%, between 4.0% and 6.0%, guessing 0.1%, within the limit" in page
    )


def test_what_could_be_released_instead_comes_back_from_the_json(tmp_path):
    audit = audited(*RELEASED, *ROUNDED, *staged((5, 0.7, 0.1)))
    report.write(audit, tmp_path / "audit.json")
    back = report.read(tmp_path / "audit.json")
    assert [one.id for one in back] == [one.id for one in audit]
    assert [(one.rounded_to, one.stopped_at) for one in back] == [
        (one.rounded_to, one.stopped_at) for one in audit
    ]
    assert back["output-linkage/af.scores/cross-session/1-decimals"].rounded_to == 1


def test_a_rule_is_explained_with_what_would_meet_it():
    sections = dict(explain("found", audited(*RELEASED, *ROUNDED)).sections)
    (told,) = sections["What of a model could be released to meet it"]
    assert "outputs: [scores] and decimals: 1" in told


def test_rules_about_different_outputs_are_each_told_and_of_the_same_the_strictest():
    of = {"scores": 0.3, "leaves": 0.11}
    rules = [
        Rule(id=f"{name}-{limit}", check="output-linkage", estimate="found_among_1000",
             limit=limit, basis=BASIS, models=True, outputs=(name,))
        for name, most in of.items()
        for limit in (most, 0.9)
    ]  # fmt: skip
    profile = PROFILE.model_copy(update={"rules": tuple(rules)})
    audit = replace(audited(*RELEASED, *ROUNDED), profile=profile.recorded())
    (one,) = outputs.scales(audit)
    assert {rule.id for rule in one.rules} == {"scores-0.3", "leaves-0.11"}
    assert "by leaves" not in one.remedy("scores-0.3")
    assert one.remedy("scores-0.3").startswith("What is released stays within")


def test_a_profile_that_requires_nothing_of_models_advises_nothing():
    optional = tuple(one.model_copy(update={"required": False}) for one in RULES)
    profile = PROFILE.model_copy(update={"rules": optional})
    audit = replace(audited(*LEARNT, *ROUNDED), profile=profile.recorded())
    (one,) = outputs.scales(audit)
    assert one.remedy() == ""
    assert one.stop is None
    assert html.render(audit)


def test_a_model_of_which_nothing_else_was_measured_has_no_scale():
    assert outputs.scales(audited(members(0.58))) == []
    assert "What a model gives away, by" not in html.render(audited(members(0.58)))
