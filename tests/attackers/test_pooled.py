"""Records of a person that are searched for together, against means taken by hand."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers.demographics import Demographics
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import cosine
from auditor.attackers.pooled import pooled
from auditor.attackers.recogniser import RECOGNISERS, Recogniser
from auditor.data.protocols import Items, split
from auditor.stats.metrics import rank_rate

LADDER = RECOGNISERS.ladder()


def told_apart(n: int, n_records: int, strength: float, seed: int = 1, day: float = 0.0):
    """People with so many records on each of two days, in 64 directions, as a recogniser sees them
    under the protocol cross-session, and the day of each record.
    """
    rng = np.random.default_rng(seed)
    whose = np.repeat(np.arange(n), 2 * n_records)
    when = np.tile(np.repeat(["monday", "tuesday"], n_records), n)
    person = strength * rng.standard_normal((n, 64))
    of_day = day * rng.standard_normal((n, 2, 64))
    shown = person[whose] + of_day[whose, (when == "tuesday").astype(int)]
    shown = (shown + rng.standard_normal(shown.shape)).astype(np.float32)
    first = np.arange(n) * 2 * n_records
    rest = np.setdiff1d(np.arange(len(whose)), first)
    names = np.char.zfill(whose.astype(str), 5)
    none = np.zeros(len(whose), dtype=np.int64)
    enrolment = Enrolment(
        Items.whole(first),
        Items.whole(rest),
        np.flatnonzero(when[rest] == "tuesday"),
        names[first],
        names[rest],
        none[first],
        none[rest],
        dict.fromkeys(names, Demographics()),
    )
    return Recogniser(enrolment, shown[first], shown[rest], cosine), when, shown


def first(seen: Recogniser) -> float:
    return float(rank_rate(seen.search(np.random.default_rng(0)), 1).mean())


def test_ten_weak_records_of_a_pseudonym_give_away_what_one_does_not():
    found = []
    for seed in range(3):
        one, when, _ = told_apart(300, 5, 0.26, seed=seed)
        found.append((first(one), first(pooled(one, when, "everything"))))
    single, together = np.mean(found, axis=0)
    assert single < 0.04
    assert together > 0.17


@pytest.mark.parametrize("held", ["session", "everything"])
def test_where_there_is_nothing_together_finds_no_more(held):
    found = [
        first(pooled(one, when, held))
        for one, when, _ in (told_apart(300, 5, 0.0, seed=seed) for seed in range(10))
    ]
    # Ten times 300 people at 1 in 300: more than 24 have a chance of 1 in 10,000.
    assert np.sum(found) * 300 <= 24


def test_a_set_is_the_mean_of_its_records_and_a_person_is_the_enrolled_session():
    one, when, shown = told_apart(7, 3, 1.0)
    seen = pooled(one, when, "everything")
    days = shown.reshape(7, 2, 3, 64).mean(axis=2)
    assert seen.gallery == pytest.approx(days[:, 0], abs=1e-6)
    assert seen.pool == pytest.approx(days[:, 1], abs=1e-6)
    assert np.array_equal(seen.enrolment.pool_subject, one.enrolment.gallery_subject)
    assert np.array_equal(seen.enrolment.probe, np.arange(7))


def test_a_value_that_is_not_known_of_a_record_is_left_out_of_the_mean():
    one, when, _ = told_apart(5, 2, 1.0)
    one.pool[:, 3] = np.nan
    one.gallery[2, 5] = np.nan
    seen = pooled(one, when, "everything")
    assert np.isnan(seen.pool[:, 3]).all()
    assert seen.gallery[:, 3] == pytest.approx(one.gallery[:, 3])
    assert np.isfinite(seen.gallery).all()


def test_one_record_on_each_day_is_what_it_was():
    one, when, _ = told_apart(5, 1, 1.0)
    assert pooled(one, when, "session") is one
    assert pooled(one, when, "everything") is one


@pytest.mark.parametrize("name", [name for name in LADDER if not RECOGNISERS[name].needs_training])
def test_every_recogniser_finds_people_by_all_of_their_records(name, context):
    when = context.records["session"].to_numpy().astype(str)
    who = Enrolment.of_release(context, split(context.records, "cross-session"))
    one = RECOGNISERS[name](context, who)
    seen = pooled(one, when, "everything")
    assert len(seen.pool) == who.n_mated
    assert len(seen.gallery) == len(one.gallery)
    assert first(seen) > 0.4
    assert first(seen) >= first(one) - 0.15


@pytest.mark.parametrize("protocol", ["same-session", "random-segment"])
def test_within_a_session_the_enrolled_record_stays_alone_and_halves_are_not_pooled(
    protocol, context
):
    when = context.records["session"].to_numpy().astype(str)
    who = Enrolment.of_release(context, split(context.records, protocol))
    one = RECOGNISERS["template"](context, who)
    seen = pooled(one, when, "everything")
    assert np.array_equal(seen.gallery, one.gallery)
    assert (seen is one) == (protocol == "random-segment" or len(who.probe) == who.n_mated)
