"""What every check of a model promises, on small models of every kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from auditor.checks import registry
from auditor.checks.base import Measured, OnModel
from auditor.checks.run import not_begun
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Finding
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Floats, Target
from auditor.learning.boost import FINDING, Objective
from auditor.policy import words
from auditor.policy.standing import inapplicable
from auditor.targets.texts import Texts
from tests.checks.asking import attacked, context, estimated, measured
from tests.checks.cross_modal.plant import pairing
from tests.checks.membership.plant import CLASSES, VALUE, of_trees
from tests.checks.memorisation.plant import of_people
from tests.checks.memorisation.plant import target as generator
from tests.checks.output_linkage.plant import People, ordered, risk
from tests.checks.performance.plant import embedding, measuring, staged, telling
from tests.checks.structure.plant import DEEP, nested_findings, stopped, with_trees
from tests.checks.text.plant import answers, echoing, naming, repeating, twice
from tests.checks.text.plant import target as writer


def encoder() -> Target:
    """An encoder and its risks, beside random weights and the table that it was asked with."""
    people = People(0, 60)
    own = people.noise(6, per_person=True)
    inputs = (own + people.noise(6)).astype(np.float32)
    truth = people.rng.random((len(inputs), 2)) < risk(own[:, :2])
    scores = risk(own[:, :2] + people.age_z + people.noise(2))
    given = {"embedding": np.hstack([own, people.age_z, people.sex_z]), "scores": scores}
    blank = {
        name: lambda one=one: np.random.default_rng(1).random(one.shape)
        for name, one in given.items()
    }
    return people.target(
        {"embedding": given["embedding"] + people.noise(8), "scores": scores},
        inputs=inputs,
        columns=tuple("abcdef"),
        controls=blank,
        labels=("K70", "K80"),
        y_true=truth.astype(float),
    )


def pairs() -> Target:
    """ECGs and images of two visits each, beside random weights."""
    target = pairing(0, True, 80, memorised=1.0, each=2)
    blank = {
        name: lambda: np.random.default_rng(1).normal(size=(160, 5))
        for name in ("embedding", "other")
    }
    return replace(target, controls=blank)


def talker() -> Target:
    """Texts by every prompt, how likely their tokens are, identifiers and canaries."""

    def write(rng: np.random.Generator, table: Floats, *others: Any) -> dict[str, Any]:
        texts = naming(48)(rng, table, *others)["texts"]
        n = len(table)
        prompts = {name: tuple(answers(rng, n)) for name in ("blank", "image only", "signal only")}
        loss = rng.exponential(size=(n, 20))
        texts = Texts({**texts.told, **prompts}, texts.written, loss)
        return {"texts": texts, **echoing(10, True)(rng, table, *others)}

    return writer(0, write, 60)


def learner() -> Target:
    """So many people that the rarest rates are told, and a recipe that learns them by heart."""
    n = 2400

    def fitted(rows: np.ndarray, truth: Floats, seed: int) -> Floats:
        return stream(seed, "learner").normal(size=truth.shape) + 6.0 * rows[:, None] + 0 * truth

    member = np.random.default_rng(0).permutation(np.arange(n) % 2 == 0)
    truth = np.random.default_rng(1).integers(0, 2, (n, 2)).astype(float)
    nobody = of_people(
        np.array([f"p{one:04d}" for one in range(n)]),
        np.where(member, MEMBER, NONMEMBER).astype(np.int8),
        np.full(n, np.nan),
        np.full(n, np.nan),
        {},
    )
    return replace(
        nobody,
        labels=("A", "B"),
        y_true=truth,
        membership_signal=lambda: fitted(member, truth, 0),
        train_reference=fitted,
        train_overfitted=fitted,
    )


def trees(objective: Objective = FINDING) -> Target:
    """Trees of two findings, of classes or of a value, and people whose sex and age are known."""
    found = of_trees(0, n=48, tells=2 if objective is FINDING else 1, objective=objective)
    person = np.unique(found.subject, return_inverse=True)[1]
    rng = np.random.default_rng(0)
    male, age = rng.integers(0, 2, 48).astype(float), rng.uniform(30, 80, 48)
    return replace(found, male=male[person], age=age[person])


#: A stage of trees of thirty rounds.
_ONE = (7,)
TARGETS = {
    "trees": trees,
    "trees of classes": lambda: trees(CLASSES),
    "trees of a value": lambda: trees(VALUE),
    "nested trees": lambda: with_trees(nested_findings(np.random.default_rng(0), 30), DEEP, 8),
    "trees kept beyond the best": lambda: stopped(np.random.default_rng(0)),
    "encoder": encoder,
    "laboratory values": lambda: ordered(0, True, 110),
    "pairs": pairs,
    "generator": lambda: generator(0, 60, copied=0.5),
    "texts": talker,
    "texts of two visits": lambda: twice(0, repeating(True), 60),
    "many people": learner,
    "risks": lambda: telling(0, True, 100),
    "stages that tell values": lambda: staged(measuring(0, 1.0, 100), measuring(0, 0.5, 100)),
    "stages that tell findings": lambda: staged(embedding(0, 1.0, 100), embedding(0, 0.5, 100)),
}


@cache
def target(kind: str) -> Target:
    return TARGETS[kind]()


@cache
def planned(kind: str) -> list[OnModel]:
    every = registry.of_models([target(kind)], (20,))
    # Of what could be released instead, one rounding and one stage stand for all.
    return [one for one in every if one.rounded_to in (None, 1) and one.stopped_at in (None, *_ONE)]


@cache
def carried_out(kind: str, place: int) -> tuple[Any, Measured]:
    """What a check saw, and what that amounts to."""
    check = planned(kind)[place]
    seen = attacked(check)
    return seen, estimated(check, seen)


@cache
def unmet(kind: str, place: int) -> str | None:
    return planned(kind)[place].unmet(context())


PLANNED = [(kind, place) for kind in TARGETS for place in range(len(planned(kind)))]
EVERY = [one for one in PLANNED if unmet(*one) is None]
NAMES = [
    "/".join(filter(None, (kind, not_begun(one, context()).id)))
    for kind, place in EVERY
    for one in [planned(kind)[place]]
]
#: Of the outputs of a model that a check is put to, the first stands for the others.
FIRST = list(
    {(kind, planned(kind)[place].id): (kind, place) for kind, place in EVERY[::-1]}.values()
)
OF_MODELS = sorted({planned(kind)[place].id for kind, place in EVERY})


def test_every_question_to_models_is_asked_here_of_people_enough():
    known = [one.id for one in words.checks().values() if one.subject == "model"]
    assert sorted(set(known) - {"training"}) == OF_MODELS
    every, answered = (
        {type(planned(kind)[place]) for kind, place in some} for some in (PLANNED, EVERY)
    )
    assert every == answered


# --- evidence -----------------------------------------------------------------------------


def differs(one: Any, other: Any, where: str = "evidence") -> str:
    """Where two pieces of evidence differ; "" where they do not."""
    if type(one) is not type(other):
        return f"{where}: {type(one)} and {type(other)}"
    if is_dataclass(one):
        one, other = (
            {f.name: getattr(each, f.name) for f in fields(each)} for each in (one, other)
        )
    if isinstance(one, Mapping):
        if list(one) != list(other):
            return f"{where}: {list(one)} and {list(other)}"
        return next(filter(None, (differs(one[k], other[k], f"{where}.{k}") for k in one)), "")
    if isinstance(one, tuple | list):
        if len(one) != len(other):
            return f"{where}: {len(one)} and {len(other)}"
        every = zip(one, other, strict=True)
        return next(filter(None, (differs(*both, f"{where}[]") for both in every)), "")
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        return "" if np.array_equal(one, other, equal_nan=True) else where
    return "" if np.array_equal(one, other) else where


def arrays(of: Target) -> Iterator[tuple[str, np.ndarray]]:
    """Everything that a check is given."""
    for name in ("record", "subject", "session", "split", "male", "age", "y_true", "inputs"):
        yield name, getattr(of, name)
    for output in of.outputs:
        yield output, of.view(output).values
    for output in of.controls:
        yield f"random {output}", of.view(output, control=True).values
    if of.generator is not None:
        yield "pictures", of.generator.real
    if of.texts is not None and of.texts.loss is not None:
        yield "loss", of.texts.loss


@pytest.mark.parametrize(
    ("kind", "place"),
    [one if one in FIRST else pytest.param(*one, marks=pytest.mark.slow) for one in EVERY],
    ids=NAMES,
)
def test_the_same_stream_gives_the_same_evidence_and_what_is_given_is_not_changed(kind, place):
    check = planned(kind)[place]
    before = {name: values.copy() for name, values in arrays(check.target)}
    seen, _ = carried_out(kind, place)
    assert differs(seen, attacked(check)) == ""
    assert is_dataclass(seen)
    for name, values in arrays(check.target):
        np.testing.assert_array_equal(values, before[name], err_msg=name)


@pytest.mark.parametrize(("kind", "place"), EVERY, ids=NAMES)
def test_an_estimate_stands_with_its_interval_its_people_and_its_chance(kind, place):
    _, found = carried_out(kind, place)
    assert found.estimates
    for name, one in found.estimates.items():
        assert one.low <= one.value <= one.high, name
        assert one.chance is not None, name
        assert one.n_subjects >= MIN_PEOPLE, name
    for name, curve in found.curves.items():
        assert len({len(column) for column in curve.values()}) == 1, name


# --- words --------------------------------------------------------------------------------


def returned(check: str) -> set[str]:
    """The names of all estimates of a check."""
    every = [carried_out(*one)[1] for one in EVERY if planned(one[0])[one[1]].id == check]
    return {name for one in every for name in one.estimates}


def declared(check: str) -> Iterator[str]:
    """The names that are declared, and patterns of names, with each control in its place."""
    about = words.checks()[check]
    for name in about.metrics:
        places = about.controls if "<control>" in name else [""]
        yield from (name.replace("<control>", one) for one in places)


def matches(pattern: str, check: str, names: set[str]) -> bool:
    """Whether a name is declared by this one alone."""
    about = words.checks()[check]
    metric = next(iter(about.metrics.values()))
    alone = replace(about, metrics={pattern: metric})
    return any(alone.metric(name) for name in names)


@pytest.mark.parametrize("check", OF_MODELS)
def test_what_is_returned_is_declared_and_what_is_declared_is_returned(check):
    about, names = words.checks()[check], returned(check)
    assert [name for name in names if about.metric(name) is None] == []
    others = {name for name in names if name not in about.metrics}
    assert [one for one in declared(check) if one not in names
            and not matches(one, check, others)] == []  # fmt: skip
    assert about.headline
    assert [name for name in about.headline if name not in about.metrics] == []


@pytest.mark.parametrize("check", OF_MODELS)
def test_words_are_filled_in_wherever_a_name_is(check):
    about = words.checks()[check]
    for name in returned(check):
        metric = about.metric(name)
        assert metric is not None
        assert "{" not in metric.title + metric.meaning, name
        assert metric.title, name
        assert metric.meaning.endswith("."), name


@pytest.mark.parametrize(("kind", "place"), EVERY, ids=NAMES)
def test_the_threat_is_a_sentence_about_somebody(kind, place):
    threat = planned(kind)[place].threat
    assert threat.endswith(".")
    assert "{" not in threat


# --- what is told by one question and not by another -----------------------------------------


def found_by(kind: str, place: int) -> Finding:
    """The finding of a check that was carried out."""
    check = planned(kind)[place]
    measured_, said = carried_out(kind, place)[1], not_begun(check, context())
    return replace(
        said, status="measured", reason=None, estimates=measured_.estimates,
        params=measured_.params, inapplicable=check.inapplicable,
    )  # fmt: skip


@pytest.mark.parametrize("check", OF_MODELS)
def test_a_number_that_a_question_never_tells_is_said_to_be_none_of_its(check):
    asked = [found_by(*one) for one in EVERY if planned(one[0])[one[1]].id == check]
    about = words.checks()[check]
    # Of names that are a label's or a column's, and of what takes many people, nothing is owed.
    limited = {
        name
        for name, metric in about.metrics.items()
        if metric.may_be_limited and not metric.least_people
        if any(name in one.estimates for one in asked)
    }
    questions: dict[tuple[str, str | None], list[Finding]] = {}
    for one in asked:
        questions.setdefault((one.output, one.protocol), []).append(one)
    silent = {
        (*question, name)
        for question, every in questions.items()
        for name in limited
        if not any(name in one.estimates or name in one.params for one in every)
        and not all(inapplicable(name, one) for one in every)
    }
    assert silent == set()
    told = {(one.id, name) for one in asked for name in one.estimates if inapplicable(name, one)}
    assert told == set()


# --- twins and plants ---------------------------------------------------------------------


@pytest.mark.parametrize("check", OF_MODELS)
def test_a_metric_is_called_proven_exactly_where_a_twin_shows_it(check):
    about = words.checks()[check]
    shown: dict[str, bool] = {}
    for kind, place in EVERY:
        asked = planned(kind)[place]
        twins = [asked.twin(one, 0) for one in (True, False)] if asked.id == check else [None]
        if None in twins:
            continue
        planted, clean = (measured(one).estimates for one in twins)
        shown |= {
            name: shown.get(name, False) or one.value > clean[name].high
            for name, one in planted.items()
            if name in clean
        }
    proven = {name for name in shown if about.metric(name).proof}
    assert proven == {name for name, one in shown.items() if one}
    shown |= dict.fromkeys(shown_by_doses(check), True)
    others = {name for name in shown if name not in about.metrics}
    for name, metric in about.metrics.items():
        assert not metric.proof or name in shown or matches(name, check, others), name


def shown_by_doses(check: str) -> Iterator[str]:
    """What an attack finds more of where nearly nothing but a leak is left in outputs."""
    for kind, place in EVERY:
        asked = planned(kind)[place]
        if asked.id == check and asked.dealt_anew(0.0, False, 0) is not None:
            planted, clean = (
                measured(asked.dealt_anew(one, False, 0)).estimates for one in (0.95, 0.0)
            )
            yield from (name for name in clean if planted[name].value > clean[name].high)


PLANTS = {
    (check, leak): plant
    for check in OF_MODELS
    for leak, plant in import_module(f"tests.checks.{words.folder_of(check)}.plant").PLANTS.items()
}


#: One leak of each check; the others take twice as long.
LEAKS = {check: (check, leak) for check, leak in reversed(PLANTS)}.values()


@pytest.mark.parametrize("check", OF_MODELS)
def test_every_check_has_a_leak_to_find(check):
    assert check in {one for one, _ in PLANTS}


@pytest.mark.parametrize(
    ("check", "leak"),
    [one if one in LEAKS else pytest.param(*one, marks=pytest.mark.slow) for one in PLANTS],
)
def test_a_planted_leak_is_found_and_its_clean_twin_is_silent(check, leak):
    plant = PLANTS[check, leak]
    assert all(plant(seed, True) for seed in range(3))
    assert sum(plant(seed, False) for seed in range(5)) <= 1
