"""A generator that draws what it was taught on is found out, and one that draws hearts is not; and
who is held to be copied is beyond what chance does to those who were never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from auditor.attackers.search import BLOCK
from auditor.checks.competence.check import prove
from auditor.checks.memorisation.check import (
    Copies,
    CopyScores,
    Extraction,
    Found,
    Retrieval,
    plan,
)
from auditor.checks.memorisation.pictures import second_largest
from auditor.checks.run import run_check
from auditor.core.evidence import Trials
from auditor.core.finding import Estimate
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Target
from auditor.policy.judge import judge
from auditor.policy.profile import Profile, Rule
from auditor.policy.proofs import competence_needed
from auditor.stats.input_use import InputUse
from auditor.stats.searches import beyond_luck
from tests.checks.asking import context, estimated, measured
from tests.checks.memorisation.plant import of_people, target
from tests.stats.evidence import random_search

#: Of twenty people, each picture is nearer to the other that was drawn for them.
USED = InputUse(np.ones(20), 0.0)


@dataclass(frozen=True, eq=False)
class Fixed:
    """A generator that always draws the same for a record, and for nobody."""

    real: np.ndarray
    made: np.ndarray
    nobody: np.ndarray | None = None

    def drawn(self, seed, rows):
        return self.made[rows]

    def unconditional(self, seed, n):
        return None if self.nobody is None else np.resize(self.nobody, (n, self.real.shape[1]))

    def encode(self, images):
        return images


def fixed(n: int = 40, seed: int = 0, nobody: np.ndarray | None = None) -> Target:
    """People with one record each, half of them members; the first five are copied."""
    rng = np.random.default_rng(seed)
    real, made = rng.normal(size=(2, n, 6)).astype(np.float32)
    part = np.where(np.arange(n) % 2, NONMEMBER, MEMBER).astype(np.int8)
    made[:10:2] = real[:10:2]
    names = np.array([f"p{one:03d}" for one in range(n)])
    generator = Fixed(real, made, nobody)
    male, age = rng.integers(0, 2, n), rng.integers(40, 60, n)
    return of_people(names, part, male, age, {"generator": generator})


def of_rows(target: Target, rows: np.ndarray) -> Target:
    """Some records of a target, in another order."""
    given = target.generator
    names = ("record", "subject", "session", "split", "male", "age", "y_true", "inputs")
    return replace(
        target,
        **{name: getattr(target, name)[rows] for name in names},
        generator=replace(given, real=given.real[rows], made=given.made[rows]),
    )


def by_name(trials) -> dict[str, float]:
    return dict(zip(trials.subject.tolist(), trials.score.tolist(), strict=True))


def test_nearness_is_that_of_a_whole_table_of_distances():
    rng = np.random.default_rng(1)
    n = 2 * BLOCK + 40  # more than one block of members
    part = np.repeat([MEMBER, NONMEMBER], n // 2).astype(np.int8)
    real, made = rng.normal(5, 1, size=(2, n, 4)).astype(np.float32)
    names = np.array([f"p{one:04d}" for one in range(n)])
    generator = Fixed(real, made)
    given = of_people(names, part, np.zeros(n), np.full(n, 50), {"generator": generator})
    found = Copies(given).attack(context(), np.random.default_rng(0))
    away = cdist(made.astype(float), real.astype(float))
    own = np.diag(away).copy()
    np.fill_diagonal(away, np.inf)
    expected = np.log(away.min(axis=1) / own)
    assert list(by_name(found.ratio).values()) == pytest.approx(expected, abs=1e-4)
    away[np.arange(n), np.arange(n)] = own
    two = np.sort(np.where(part[:, None] == part, away, np.inf), axis=1)[:, :2]
    assert list(by_name(found.copies).values()) == pytest.approx(
        np.log(two[:, 1] / two[:, 0]), abs=1e-4
    )


def test_the_order_of_records_says_nothing():
    given = fixed()
    shuffled = of_rows(given, np.random.default_rng(5).permutation(len(given.record)))
    for attack in (Copies, Extraction):
        nobody = np.random.default_rng(2).normal(size=(9, 6)).astype(np.float32)
        asked = [
            replace(one, generator=replace(one.generator, nobody=nobody))
            for one in (given, shuffled)
        ]
        one, other = (attack(each).attack(context(), np.random.default_rng(0)) for each in asked)
        for name in set(vars(one)) - {"use"}:
            same = (by_name(getattr(each, name)) for each in (one, other))
            assert next(same) == pytest.approx(next(same), abs=1e-5)
        if attack is Copies:
            uses = [np.sort(each.use.apart) for each in (one, other)]
            assert uses[0] == pytest.approx(uses[1])


def test_what_people_are_called_says_nothing():
    given = fixed()
    renamed = replace(given, subject=np.char.add("x", given.subject[::-1]))
    one, other = (
        Copies(each).attack(context(), np.random.default_rng(0)) for each in (given, renamed)
    )
    assert sorted(one.ratio.score) == pytest.approx(sorted(other.ratio.score))


def test_a_picture_that_is_drawn_anew_each_time_is_no_copy():
    given = fixed()
    generator = given.generator

    @dataclass(frozen=True, eq=False)
    class Turning(Fixed):
        def drawn(self, seed, rows):  # the real picture of ever another person
            return self.real[(rows + seed % 20 * 2) % 40]

    turning = replace(given, generator=Turning(generator.real, generator.made))
    score = Copies(turning).attack(context(), np.random.default_rng(0)).copies.score
    assert np.all(score == 0)


def test_the_better_the_copy_the_surer_the_alarm():
    values = []
    for noise in (2.0, 0.8, 0.3):
        given = target(3, copied=1.0, noise=noise, n_people=120)
        values.append(measured(Copies(given), 3).estimates["ratio_auc"].value)
    assert values == sorted(values)
    assert values[0] < 0.9 < values[-1]


def use(target) -> Estimate:
    """Whether what is drawn depends on whom it is drawn for."""
    return measured(Copies(target)).estimates["uses_input"]


@dataclass(frozen=True, eq=False)
class Blind:
    """Draws, but for nobody in particular."""

    of: Any

    @property
    def real(self):
        return self.of.real

    def encode(self, images):
        return self.of.encode(images)

    def unconditional(self, seed, n):
        return self.of.unconditional(seed, n)

    def drawn(self, seed, rows):
        return self.of.unconditional(seed, len(rows))


@dataclass(frozen=True, eq=False)
class Same(Blind):
    """Draws the same for everybody, another picture each time it is asked."""

    def drawn(self, seed, rows):
        return np.repeat(self.of.unconditional(seed, 1), len(rows), axis=0)


def test_a_generator_that_does_not_look_is_told_from_one_that_does():
    given = target(3)
    assert use(given).low > 0.6
    for blind in (Blind, Same):
        assert use(replace(given, generator=blind(given.generator))).low <= 0.5


def test_what_does_not_look_passes_no_rule_on_copies():
    given = target(3)
    rule = Rule(id="copies", check="memorisation", protocol="copies", estimate="copied", limit=0,
                basis="our default: a test", models=True)  # fmt: skip
    asked = Profile(name="t", title="t", context="t", population=1000, rules=(rule,))
    outcomes = []
    for generator in (given.generator, Blind(given.generator)):
        check = Copies(replace(given, generator=generator))
        found = run_check(check, context(), level=0.9, smallest_cell=10)
        proofs = [
            prove(check, context(), one, {"copied": 0.0}, level=0.9, smallest_cell=10)
            for one in competence_needed([found], asked)
        ]
        outcomes.append(judge([found, *proofs], asked).outcome)
    assert outcomes == ["pass", "inconclusive"]


def test_a_generator_that_knows_only_five_pictures_copies_for_everybody():
    given = fixed()
    generator = given.generator
    made = generator.real[np.arange(40) % 5 * 2]
    only = replace(given, generator=replace(generator, made=made))
    assert measured(Copies(only)).estimates["copied"].value == 1


def test_of_a_person_one_picture_is_asked_about():
    given = fixed()
    twice = of_rows(given, np.repeat(np.arange(40), 2))
    found = Copies(twice).attack(context(), np.random.default_rng(0)).ratio
    assert len(found.subject) == len(np.unique(found.subject)) == 40


def test_who_stands_on_both_sides_or_has_no_picture_is_not_asked_about():
    given = fixed()
    generator = given.generator
    real = generator.real.copy()
    real[2] = np.nan
    subject = given.subject.copy()
    subject[1] = subject[0]
    odd = replace(given, subject=subject, generator=Fixed(real, generator.made))
    asked = set(Copies(odd).attack(context(), np.random.default_rng(0)).ratio.subject)
    assert asked == set(given.subject) - {"p000", "p001", "p002"}


def test_pictures_of_nobody_gather_where_they_are_drawn_again():
    given = fixed()
    real = given.generator.real
    rng = np.random.default_rng(4)
    nobody = np.concatenate([real[[0, 0]], real[[2]], rng.normal(size=(6, 6))]).astype(np.float32)
    asked = fixed(nobody=nobody)
    found = Extraction(asked).attack(context(), np.random.default_rng(0))
    assert by_name(found.unasked)["p000"] == 0
    clique = by_name(found.cliques)
    assert clique["p000"] > np.log(100)
    assert max(score for name, score in clique.items() if name not in ("p000", "p002")) < np.log(10)


def test_a_clique_is_more_than_one():
    place, times = np.array([3, 1, 3, 1, 0, 3]), np.array([1.0, 5.0, 3.0, 2.0, 9.0, 2.0])
    assert second_largest(place, times, 5).tolist() == [0, 2, 0, 2, 0]


def test_what_cannot_be_asked_is_said():
    given = fixed()
    unknown = replace(given, membership_unknown="nobody said who its members are")
    assert Copies(unknown).unmet(context()) == "nobody said who its members are"
    assert Retrieval(unknown).unmet(context()) is None
    alone = Retrieval(unknown).attack(context(), np.random.default_rng(0))
    assert alone.members is alone.nonmembers is None
    assert "without a condition" in (Extraction(given).unmet(context()) or "")
    few = replace(given, split=np.full(40, NEITHER, dtype=np.int8))
    assert "found fewer" in (Copies(few).unmet(context()) or "")
    blind = replace(given, generator=Fixed(given.generator.real * np.nan, None))
    assert "with a picture" in (Retrieval(blind).unmet(context()) or "")


def test_a_model_that_generates_nothing_is_asked_nothing():
    assert plan(replace(fixed(), generator=None, texts=None, canaries=None)) == []
    assert [one.protocol for one in plan(fixed())] == ["copies", "extraction", "retrieval"]


def test_retrieval_is_told_of_members_and_others_among_the_same_people():
    found = Retrieval(fixed()).attack(context(), np.random.default_rng(0))
    sides = {name: one for name, one in vars(found).items() if name != "use"}
    assert {name: len(one.subject) for name, one in sides.items()} == {
        "everybody": 40,
        "members": 20,
        "nonmembers": 20,
    }
    assert {one.n_gallery for one in sides.values()} == {40}
    copied = np.isin(found.everybody.subject, [f"p{one:03d}" for one in range(0, 10, 2)])
    assert np.all(found.everybody.n_above[copied] == 0)


@pytest.mark.parametrize("copied", [0, 40])
def test_the_twin_that_copies_is_caught_and_the_one_that_cannot_is_not(copied):
    asked = Copies(target(0, copied=copied))
    share = {}
    for planted in (True, False):
        found = measured(asked.twin(planted, seed=0))
        assert found.params == {}
        share[planted] = found.estimates["copied"]
    assert share[True].low > 0.3  # of every second member
    assert share[False].value == 0


def test_no_twin_is_made_of_what_no_rule_is_about():
    assert Extraction(target(0)).twin(True, 0) is None


# --- what scores amount to ----------------------------------------------------------------


def trials(score, member, stratum=None) -> Trials:
    n = len(score)
    names = np.array([f"p{one:04d}" for one in range(n)])
    band = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    return Trials(np.asarray(score, dtype=float), np.asarray(member, dtype=bool), names, band)


def test_who_is_far_out_is_beyond_and_counted_as_a_few():
    rng = np.random.default_rng(2)
    score = rng.exponential(0.1, 120)
    score[:5] = 4.0
    seen = trials(score, np.arange(120) < 60)
    assert beyond_luck(seen, 1.0).tolist() == [True] * 5 + [False] * 55
    found = estimated(Copies(None), CopyScores(ratio=seen, copies=seen, use=USED))
    assert found.params == {"copied": "1 to 9 people"}
    assert list(found.estimates) == ["ratio_auc", "uses_input"]


def test_a_search_is_told_of_all_and_of_either_kind():
    rng = np.random.default_rng(4)
    seen = random_search(rng, 60, signal=1.5)
    member = np.isin(seen.subject, np.unique(seen.subject)[:30])
    told = estimated(Retrieval(None), Found(seen, seen.of(member), seen.of(~member), USED))
    found = told.estimates
    assert found["rank10"].chance == pytest.approx(1 / 6)
    assert found["rank1"].value <= found["rank5"].value <= found["rank10"].value
    assert found["members_rank1"].n_subjects == 30
    gap = found["members_rank1"].value - found["nonmembers_rank1"].value
    assert found["member_gap"].value == pytest.approx(gap)
    assert "cmc" in told.curves
    assert not told.params
