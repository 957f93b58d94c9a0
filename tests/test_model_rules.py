"""Every rule about models that ships, through the command line: it passes, it fails and it stays
open, each with its exit status.

What is audited is a simulated model that was made to give something away, or nothing, or to say too
little to be judged; the rule is that of the profile `model`, alone, or beside one that passes where
it decides nothing by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import auditor.audit
from auditor import cli
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Floats, Generator, Target
from auditor.policy.profile import Rule, load_profile
from auditor.targets.texts import Texts
from tests.checks.cross_modal.plant import pairing
from tests.checks.membership.plant import DEEP, of_trees
from tests.checks.memorisation.plant import of_people
from tests.checks.memorisation.plant import target as generator
from tests.checks.output_attribute.plant import of_diagnoses, of_sex
from tests.checks.output_linkage.plant import People
from tests.checks.singling_out.plant import labelled
from tests.checks.split.plant import recorded, under_two_names, with_copies
from tests.checks.structure.plant import (
    CAREFUL,
    nested_findings,
    population,
    stopped,
    with_trees,
)
from tests.checks.structure.plant import at as some
from tests.checks.text.plant import answers, repeating, told, twice
from tests.checks.text.plant import naming as dated
from tests.checks.text.plant import target as writer

RULES = {one.id: one for one in load_profile("model").rules}
STATUS = {"pass": 0, "fail": 1, "inconclusive": 3, "not assessed": 3}


def learnt(how_well: float, n: int = 2400) -> Target:
    """Training people are told from others by so much, in spreads of how well others are fitted;
    a recipe trains such models again, and another learns by heart.
    """
    rng = stream(0, "learnt")
    member = rng.permutation(np.arange(n) % 2 == 0)

    def recipe(much: float) -> Callable[[np.ndarray, Floats, int], Floats]:
        def fitted(rows: np.ndarray, truth: Floats, seed: int) -> Floats:
            noise = stream(seed, "fitted").normal(size=truth.shape)
            return noise + much * rows[:, None] + 0 * truth

        return fitted

    nobody = of_people(
        np.array([f"p{one:04d}" for one in range(n)]),
        np.where(member, MEMBER, NONMEMBER).astype(np.int8),
        np.full(n, np.nan),
        np.full(n, np.nan),
        {},
    )
    fits = recipe(how_well)(member, np.zeros((n, 1)), 1)
    return replace(
        nobody,
        labels=("A",),
        y_true=rng.integers(0, 2, (n, 1)).astype(float),
        membership_signal=lambda: fits,
        train_reference=recipe(how_well),
        train_overfitted=recipe(6.0),
    )


def kept_beyond_the_best(learnt: bool) -> Target:
    """Trees that were stopped by others and kept whole; grown on their members, or on others."""
    target, other = (stopped(stream(0, name)) for name in ("late", "others late"))
    return replace(target, trees=(target if learnt else other).trees)


def explaining(learnt: bool) -> Target:
    """Trees that tell how far each input moves them; grown on their members, or on any half."""
    return of_trees(1, DEEP, learnt=learnt, n=160)


def in_small_leaves(learnt: bool) -> Target:
    """Trees whose leaves are as small as members make them; grown on these, or on others."""
    target, other = (population(stream(0, name)) for name in ("deep", "others"))
    recipe = {"max_depth": 10, "min_child_weight": 0.0, "max_bin": 1024}
    grown = with_trees(target if learnt else other, recipe)
    return replace(target, trees=grown.trees)


def naming(n_named: int, n: int = 160) -> Target:
    """Texts that quote numbers, in so many of which a date or a device is named, too."""
    return writer(0, dated(n_named), n)


def reciting(share: float, n: int = 160) -> Target:
    """A text model that tells so many of its members their own answers."""

    def write(rng, table, band, member):
        written, full = answers(rng, len(table)), answers(rng, len(table))
        those = rng.permutation(np.flatnonzero(member))
        for row in those[: round(share * len(those))]:
            full[row] = written[row]
        return {"texts": Texts({"full": tuple(full)}, tuple(written))}

    return writer(0, write, n)


def rate_alone(rows: np.ndarray) -> list[str]:
    """Texts that quote the rate of the heart to the nearest ten."""
    return [f"The heart rate is {np.clip(round(row[0] / 10), 5, 9)}0 bpm." for row in rows]


def quoting(how: str, n: int = 240) -> Target:
    """Texts that quote all that was measured, or a rate, or write the same of everybody."""

    def write(rng, table, band, member):
        texts = {
            "everything": lambda: list(map(told, table)),
            "a rate": lambda: rate_alone(table),
            "nothing of anybody": lambda: ["The heart rate is 70 bpm."] * len(table),
        }[how]()
        return {"texts": Texts({"full": tuple(texts)}, ("",) * len(table))}

    return writer(0, write, n)


def writing_twice(how: str, n: int = 240) -> Target:
    """Texts of two visits that name a person by a number, or tell a rate, or do not look at all."""
    if how == "a rate":

        def write(rng, table, band, names):
            return {"texts": Texts({"full": tuple(rate_alone(table))}, ("",) * len(table))}

        return twice(0, write, n)
    return twice(0, repeating(how == "a number"), n)


def blind_generator() -> Target:
    """A generator that draws anybody's picture, whomever it is asked for."""
    found = generator(0, 120)
    return replace(found, generator=Blind(found.generator))


@dataclass(frozen=True, eq=False)
class Blind:
    """Draws for each what another would be drawn for any of them."""

    of: Generator

    def drawn(self, seed, rows):
        return self.of.drawn(seed, stream(seed, "blind").permutation(rows))

    def __getattr__(self, name: str):
        return getattr(self.of, name)


def embedding(strength: float, n: int = 120) -> Target:
    """An embedding of noise, in which so much is the person's own."""
    people = People(0, n)
    own = people.noise(32, per_person=True)
    return people.target({"embedding": people.noise(32) + 3 * strength * own})


def collapsed(n: int = 120) -> Target:
    """An embedding of many columns that rise and fall as one."""
    people = People(0, n)
    return people.target({"embedding": people.noise(1) @ np.ones((1, 32))})


def paired(strength: float, n: int = 200) -> Target:
    """ECGs and images that lie together by so much of the pair's own."""
    found = pairing(0, False, n)
    people = People(1, n, 1)
    own = people.noise(24)
    ecg, image = ((people.noise(24) + 3 * strength * own).astype(np.float32) for _ in range(2))
    both = {"embedding": lambda: ecg, "other": lambda: image}
    return replace(found, outputs=both, _cache={})


def same_of_everybody(n: int = 200) -> Target:
    """Embeddings of both kinds of input that are the same for everybody."""
    same = {name: lambda: np.ones((n, 24), dtype=np.float32) for name in ("embedding", "other")}
    return replace(pairing(0, False, n), outputs=same, _cache={})


def rebuilding(noise: float, n: int = 240) -> Target:
    """An embedding that is one of the inputs and so much noise, and other noise beside."""
    people = People(0, n)
    inputs, seen = people.noise(6), people.noise(4)
    seen[:, 0] = inputs[:, 2] + noise * seen[:, 0]
    columns = tuple(f"x{one}" for one in range(6))
    return people.target({"embedding": seen}, inputs=inputs.astype(np.float32), columns=columns)


def telling_age(strength: float, n: int = 240, seed: int = 0) -> Target:
    """An embedding in which so much of age stands."""
    people = People(seed, n)
    seen = people.noise(16)
    seen[:, :1] += strength * people.age_z
    return people.target({"embedding": seen})


def apart(n_apart: int, recipe=CAREFUL) -> Target:
    """Files of a finding and of a part of it, which so many members have who have the whole."""
    return with_trees(nested_findings(stream(0, "few"), n_apart), recipe, 10)


def alone(far: float) -> Target:
    """Trees of a member with a hundred records, all with the finding, so far from everybody."""
    rng = stream(0, "single")
    target = population(rng)
    mine = np.flatnonzero(target.split == MEMBER)
    visits = np.concatenate([np.arange(len(target.record)), np.repeat(mine[0], 100)])
    target = some(target, visits)
    visitor = target.subject == target.subject[mine[0]]
    target.y_true[target.inputs[:, 2] > 1.5] = 0
    target.y_true[visitor] = 1
    target.inputs[visitor] = target.inputs[rng.choice(mine, visitor.sum())]
    target.inputs[visitor, 2] += far
    lazy = {"max_depth": 3, "min_child_weight": 0.0, "gamma": 12.0, "max_bin": 1024}
    return with_trees(target, lazy, 10)


def on_both_sides(n: int) -> Target:
    """A split on both sides of which so many people stand by name."""
    target = population(stream(0, "both sides"))
    mine = np.flatnonzero(target.split == MEMBER)
    people = np.unique(target.subject[mine])[:n]
    for one in people:
        target.split[mine[target.subject[mine] == one][-1]] = NONMEMBER
    return target


def copied(n: int) -> Target:
    """A split on both sides of which so many records stand, under two names."""
    rng = stream(0, "copied")
    return with_copies(recorded(rng), rng, n, 0.0)


def named_twice(n: int) -> Target:
    """A training in which so many records stand under two names."""
    rng = stream(0, "two names")
    return under_two_names(recorded(rng), rng, n, 0.0)


def few(target: Target, n: int = 8) -> Target:
    """The same of so many people on either side, too few for anything to be told."""
    people = [np.unique(target.subject[target.split == one])[:n] for one in (MEMBER, NONMEMBER)]
    return some(target, np.flatnonzero(np.isin(target.subject, np.concatenate(people))))


@dataclass(frozen=True)
class Case:
    """A model, and what a rule says of it."""

    rule: str
    outcome: str
    target: Callable[[], Target]
    told: str = ""


CASES = [
    Case("membership", "pass", lambda: learnt(0.0)),
    Case("membership", "fail", lambda: learnt(3.0)),
    Case("membership", "inconclusive", lambda: learnt(0.3, 1000)),
    Case("membership", "not assessed", lambda: learnt(0.0, 120)),
    Case("membership-auc", "pass", lambda: learnt(0.0, 600)),
    Case("membership-auc", "fail", lambda: learnt(3.0, 600)),
    Case("membership-auc", "inconclusive", lambda: learnt(0.3, 200)),
    Case("membership-explained", "fail", lambda: explaining(True)),
    Case("membership-explained", "inconclusive", lambda: explaining(False)),
    Case("membership-late", "fail", lambda: kept_beyond_the_best(True)),
    Case("membership-late", "inconclusive", lambda: kept_beyond_the_best(False)),
    Case("membership-leaves", "fail", lambda: in_small_leaves(True)),
    Case("membership-leaves", "inconclusive", lambda: in_small_leaves(False)),
    Case("memorisation-copies", "pass", lambda: generator(0, 200)),
    Case("memorisation-copies", "fail", lambda: generator(0, 200, copied=0.5)),
    Case(
        "memorisation-copies",
        "inconclusive",
        lambda: generator(0, 60, told=0.0),
        "does not use its input",
    ),
    Case("pictures-found", "pass", lambda: generator(0, 200, told=0.3)),
    Case("pictures-found", "fail", lambda: generator(0, 200, copied=0.8, everybody=True)),
    Case("pictures-found", "inconclusive", blind_generator, "does not use its input"),
    Case("text-recited", "pass", lambda: reciting(0.0)),
    Case("text-recited", "fail", lambda: reciting(0.05)),
    Case("text-recited", "not assessed", lambda: reciting(0.0, 16)),
    Case("texts-names", "pass", lambda: naming(0)),
    Case("texts-names", "fail", lambda: naming(4)),
    Case("texts-names", "fail", lambda: naming(60)),
    Case("texts-names", "not assessed", lambda: naming(0, 8)),
    Case("texts-records", "pass", lambda: quoting("a rate")),
    Case("texts-records", "fail", lambda: quoting("everything")),
    Case(
        "texts-records",
        "inconclusive",
        lambda: quoting("nothing of anybody"),
        "does not use its input",
    ),
    Case("texts-texts", "pass", lambda: writing_twice("a rate")),
    Case("texts-texts", "fail", lambda: writing_twice("a number")),
    Case("texts-texts", "inconclusive", lambda: writing_twice("nothing"), "does not use its input"),
    Case("outputs-found", "pass", lambda: embedding(0.0)),
    Case("outputs-found", "fail", lambda: embedding(0.6)),
    Case("outputs-found", "inconclusive", collapsed, "hardly uses its input"),
    Case("outputs-named", "pass", lambda: embedding(0.0)),
    Case("outputs-named", "fail", lambda: embedding(0.6)),
    Case("outputs-named", "inconclusive", collapsed, "hardly uses its input"),
    Case("images-found", "pass", lambda: paired(0.0)),
    Case("images-found", "fail", lambda: paired(0.6)),
    Case("images-found", "inconclusive", same_of_everybody, "does not use its input"),
    Case("images-named", "pass", lambda: paired(0.0)),
    Case("images-named", "fail", lambda: paired(0.6)),
    Case("images-named", "inconclusive", same_of_everybody, "does not use its input"),
    Case("inputs-rebuilt", "pass", lambda: rebuilding(1.0, 120)),
    Case("inputs-rebuilt", "fail", lambda: rebuilding(0.05)),
    Case("inputs-rebuilt", "not assessed", lambda: rebuilding(1.0, 15)),
    Case("outputs-sex", "pass", lambda: of_sex(0, False, 7000, each=1)),
    Case("outputs-sex", "fail", lambda: of_sex(0, True)),
    Case("outputs-sex", "inconclusive", lambda: of_sex(0, False)),
    Case("outputs-age", "fail", lambda: telling_age(3.0)),
    Case("outputs-age", "pass", lambda: telling_age(0.0)),
    Case("outputs-age", "inconclusive", lambda: telling_age(0.5, 120)),
    Case("outputs-withheld", "fail", lambda: of_diagnoses(0, True)),
    Case("outputs-withheld", "pass", lambda: of_diagnoses(0, False, 600)),
    Case(
        "outputs-withheld",
        "inconclusive",
        lambda: of_diagnoses(0, False),
        "the smallest leak that this attack",
    ),
    Case("few-apart", "pass", lambda: apart(30)),
    Case("few-apart", "fail", lambda: apart(4)),
    Case("few-apart", "not assessed", lambda: few(apart(4))),
    Case("leaf-of-one", "pass", lambda: with_trees(population(stream(0, "small")), CAREFUL, 5)),
    Case("leaf-of-one", "fail", lambda: alone(8.0)),
    Case("leaf-of-one", "not assessed", lambda: few(alone(8.0))),
    Case("split-people", "pass", lambda: on_both_sides(0)),
    Case("split-people", "fail", lambda: on_both_sides(1)),
    Case("split-people", "fail", lambda: on_both_sides(12)),
    Case("split-people", "not assessed", lambda: few(on_both_sides(0))),
    Case("split-copies", "pass", lambda: copied(0)),
    Case("split-copies", "fail", lambda: copied(1)),
    Case("split-copies", "fail", lambda: copied(15)),
    Case("split-copies", "not assessed", lambda: few(copied(0))),
    Case("two-names", "pass", lambda: named_twice(0)),
    Case("two-names", "fail", lambda: named_twice(1)),
    Case("two-names", "not assessed", lambda: few(named_twice(0))),
    Case("labels-few", "pass", lambda: labelled(0, False)),
    Case("labels-few", "fail", lambda: labelled(0, True)),
    Case("labels-few", "not assessed", lambda: few(labelled(0, False), 4)),
]

#: Rules of which one outcome cannot be had, and why.
NEVER = {
    "pass": {
        name: "nothing proves it, and it may only fail"
        for name, one in RULES.items()
        if one.fails_only
    },
}
#: A rule that passes, fails and stays open by itself, beside one that decides nothing.
BESIDE = "split-people"


def audited(
    folder: Path, target: Target, *rules: Rule, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, dict]:
    """The exit status of a scan of a model under these rules, and the audit."""
    monkeypatch.setattr(auditor.audit, "open_targets", lambda *_: ([target], {}))
    (folder / "data").mkdir()
    (folder / "data" / "README.txt").write_text("the recordings stay at home", encoding="utf-8")
    profile = {"title": "t", "context": "c", "population": 100000}
    profile["rules"] = [one.model_dump(mode="json") for one in rules]
    (folder / "own.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    asked = ["scan", str(folder / "data"), "--model", "model.json", "--preset", "quick", "--quiet"]
    ran = CliRunner().invoke(
        cli.main, [*asked, "--profile", str(folder / "own.yaml"), "--out", str(folder / "out")]
    )
    return ran.exit_code, json.loads((folder / "out" / "audit.json").read_text("utf-8"))


def rulings(audit: dict) -> dict[str, dict]:
    return {one["id"]: one for one in audit["verdict"]["rules"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.outcome}")
def test_a_rule_says_so_and_ends_with_its_status(case, tmp_path, monkeypatch):
    rule = RULES[case.rule]
    beside = [] if rule.may_pass else [RULES[BESIDE]]
    status, audit = audited(tmp_path, case.target(), rule, *beside, monkeypatch=monkeypatch)
    ruling = rulings(audit)[case.rule]
    assert ruling["outcome"] == case.outcome
    assert case.told in ruling["reason"]
    decides = rule.may_pass or (rule.fails_only and case.outcome == "fail")
    assert ruling["required"] == decides
    assert status == STATUS[case.outcome if decides else rulings(audit)[BESIDE]["outcome"]]
    assert [one["id"] for one in audit["findings"] if one["status"] == "failed"] == []


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_seen_to_pass_to_fail_and_to_stay_open(rule):
    seen = {case.outcome for case in CASES if case.rule == rule}
    assert "fail" in seen
    assert seen & {"inconclusive", "not assessed"}
    assert ("pass" in seen) != (rule in NEVER["pass"])


@pytest.mark.parametrize("name", ["public", "registered", "enclave"])
def test_every_profile_of_a_release_asks_the_same_of_its_models(name):
    of_models = {one.id: one for one in load_profile(name).rules if one.models}
    assert of_models.keys() == RULES.keys()
    for rule, one in RULES.items():
        theirs = of_models[rule]
        assert theirs.limit >= one.limit
        same = {"limit", "basis"}
        assert theirs.model_dump(exclude=same) == one.model_dump(exclude=same)


# --- what does not look -------------------------------------------------------------------


def constant_scores(n: int = 120) -> Target:
    """Risks that are the same for everybody."""
    people = People(0, n)
    truth = people.rng.integers(0, 2, (len(people.person), 2)).astype(float)
    inputs = people.noise(6).astype(np.float32)
    return people.target(
        {"scores": np.full((len(people.person), 2), 0.3)},
        labels=("A", "B"),
        y_true=truth,
        inputs=inputs,
        columns=tuple(f"x{one}" for one in range(6)),
    )


BLIND = {
    "scores": constant_scores,
    "an embedding": collapsed,
    "embeddings of both kinds": same_of_everybody,
    "a generator": blind_generator,
    "texts": lambda: quoting("nothing of anybody"),
    "texts of two visits": lambda: writing_twice("nothing"),
}
#: What is counted in tables and files is there, whatever the model gives out; whom it does not look
#: at it did not learn; and texts that name nobody do not, whomever they are about.
TOLD_BY_TABLES = {
    "texts-names",
    "split-people",
    "split-copies",
    "two-names",
    "labels-few",
    "few-apart",
}


@pytest.mark.parametrize("kind", BLIND)
def test_what_does_not_look_passes_no_rule_about_what_it_gives_out(kind, tmp_path, monkeypatch):
    rules = [one for one in RULES.values() if one.id not in TOLD_BY_TABLES]
    status, audit = audited(tmp_path, BLIND[kind](), *rules, monkeypatch=monkeypatch)
    assert status == 3
    assert [one["id"] for one in audit["verdict"]["rules"] if one["outcome"] == "pass"] == []


# --- what a model cannot have -------------------------------------------------------------


def held(rule: str, **change) -> Rule:
    """A rule of its own making."""
    return Rule(**RULES[rule].model_dump() | change)


WITHHELD = held("outputs-withheld", required=True, fails_only=True)


def one_finding() -> Target:
    """Risks of one finding, from which none is withheld."""
    return of_diagnoses(0, False, m=1)


def test_no_rule_asks_for_what_a_model_cannot_have(tmp_path, monkeypatch):
    _, audit = audited(tmp_path, one_finding(), WITHHELD, RULES[BESIDE], monkeypatch=monkeypatch)
    assert rulings(audit).keys() == {BESIDE}
    (found,) = (one for one in audit["findings"] if one["check"] == "output-attribute")
    assert found["status"] == "measured"
    assert "tells nothing" in found["inapplicable"]["withheld_gain"]


def test_what_broke_is_asked_for_and_stays_open(tmp_path, monkeypatch):
    from auditor.checks.split.check import TwoNames

    def breaks(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr(TwoNames, "attack", breaks)
    status, audit = audited(tmp_path, named_twice(0), RULES["two-names"], monkeypatch=monkeypatch)
    assert (status, rulings(audit)["two-names"]["outcome"]) == (3, "not assessed")
    (broken,) = (one for one in audit["findings"] if one["status"] == "failed")
    assert "inapplicable" not in broken


def codes_alone() -> Target:
    """A table of yes and no, in which anybody's record is many people's."""
    found = recorded(stream(0, "codes"))
    return replace(found, inputs=(found.inputs > 0).astype(np.float32))


def test_among_codes_no_record_is_looked_for_under_two_names(tmp_path, monkeypatch):
    rules = [RULES[one] for one in ("two-names", "split-copies", BESIDE)]
    status, audit = audited(tmp_path, codes_alone(), *rules, monkeypatch=monkeypatch)
    assert (status, rulings(audit).keys()) == (0, {BESIDE})


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        # Trees that were grown on records drawn by lot count nobody.
        (lambda: apart(4, {**CAREFUL, "subsample": 0.7}), None),
        # Files that count others than the table of members do tell a difference, of whom is open.
        (lambda: without_some(apart(30)), "not assessed"),
    ],
    ids=["drawn by lot", "of another table"],
)
def test_a_difference_that_no_file_tells_is_not_asked_for(target, outcome, tmp_path, monkeypatch):
    rules = RULES["few-apart"], RULES[BESIDE]
    _, audit = audited(tmp_path, target(), *rules, monkeypatch=monkeypatch)
    assert rulings(audit).get("few-apart", {"outcome": None})["outcome"] == outcome


def without_some(target: Target) -> Target:
    """The same without the records of some of its members."""
    left_out = np.unique(target.subject[target.split == MEMBER])[:12]
    return some(target, np.flatnonzero(~np.isin(target.subject, left_out)))
