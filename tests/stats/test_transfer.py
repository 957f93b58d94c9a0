"""Another day, foretold: what a planted drop is, what sets differ in, and what is not known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from auditor.attackers.demographics import Demographics
from auditor.attackers.search import search_gallery, search_margins
from auditor.core.evidence import Margins
from auditor.core.finding import Estimate
from auditor.policy import words
from auditor.stats.forecast import rank1_at
from auditor.stats.metrics import rank_rate, tpir_at_fpir
from auditor.stats.transfer import (
    Loss,
    OtherDay,
    expected_loss,
    foretold,
    mean_loss,
    moved,
    other_days,
)


def people(n: int, seed: int = 0, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a gallery and of probes, both (n, 24): one direction each, and noise."""
    rng = np.random.default_rng(seed)
    heart = strength * rng.standard_normal((n, 24))
    rows = (heart + 0.3 * rng.standard_normal((n, 24)) for _ in range(2))
    gallery, probe = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in rows)
    return gallery.astype(np.float32), probe.astype(np.float32)


def margins(gallery: np.ndarray, probe: np.ndarray) -> Margins:
    names = np.array([f"p{one:04d}" for one in range(len(gallery))])
    nobody = np.zeros(len(names), dtype=np.int64)
    return search_margins(lambda fold: (gallery, probe), names, names, nobody)


def rank1(seen: Margins, loss: float) -> float:
    return float(rank_rate(moved(seen, loss), 1).mean())


def row(data: str, loss: float, **changes) -> OtherDay:
    plain = OtherDay(data, True, "template", 20, 90, "I", 10.0, 500.0, 30.0, "", loss)
    return replace(plain, **changes)


def test_who_comes_before_a_person_after_a_loss_is_counted_as_scores_say():
    gallery, probe = people(30)
    seen, scores = margins(gallery, probe), probe @ gallery.T
    for place in (0, 7, 29):
        others = np.delete(scores[place], place).astype(float)
        mated = float(scores[place, place])
        assert seen.mean_impostor[place] == pytest.approx(others.mean(), abs=1e-6)
        for column in (0, 40, 80, 96):
            left = mated - seen.losses[column] * (mated - others.mean())
            assert seen.n_reached[place, column] == np.count_nonzero(others >= left)


def test_a_probe_that_scores_below_others_comes_nearer_to_them_with_every_loss():
    gallery, probe = people(30)
    seen, scores = margins(gallery, -probe), -probe @ gallery.T
    others = np.delete(scores[3], 3).astype(float)
    left = float(scores[3, 3]) - seen.losses[70] * (float(scores[3, 3]) - others.mean())
    assert seen.n_reached[3, 70] == np.count_nonzero(others >= left)


def test_who_loses_next_to_nothing_is_found_as_before():
    gallery, probe = people(60, strength=0.25)
    names = np.array([f"p{one:04d}" for one in range(60)])
    known, rng = dict.fromkeys(names, Demographics()), np.random.default_rng(0)
    before = search_gallery(lambda fold: (gallery, probe), names, names, known, rng)
    assert rank1(margins(gallery, probe), 1e-4) == pytest.approx(rank_rate(before, 1).mean())


def test_more_loss_never_finds_more_people_and_much_loss_finds_hardly_anybody():
    seen = margins(*people(200))
    rates = [rank1(seen, loss) for loss in (0.01, 0.1, 0.3, 1.0, 10.0)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 1.0
    assert rates[-1] < 0.1


@pytest.mark.parametrize("planted", [0.1, 0.5, 1.5])
def test_the_loss_that_was_planted_is_found_again(planted):
    gallery, probe = people(150, seed=3)
    seen, rng = margins(gallery, probe), np.random.default_rng(1)
    scores = (probe @ gallery.T).astype(float)
    found = []
    for _ in range(40):
        lost = planted * rng.exponential(size=150)
        own = seen.mated_score - lost * (seen.mated_score - seen.mean_impostor)
        others = scores.copy()
        np.fill_diagonal(others, -np.inf)
        found.append((own > others.max(axis=1)).mean())
    assert mean_loss(seen, float(np.mean(found))) == pytest.approx(planted, rel=0.1)


def test_a_loss_is_sought_between_bounds():
    seen = margins(*people(50))
    assert mean_loss(seen, 1.0) == pytest.approx(1e-3)
    assert mean_loss(seen, 0.0) == pytest.approx(10.0)


def test_the_next_set_lies_where_students_distribution_says():
    seen = [row(name, loss) for name, loss in (("a", 0.1), ("b", 0.2), ("c", 0.4))]
    told = expected_loss(seen, "template", "mine", 0.9)
    assert told is not None
    # Three logarithms ln 2 apart, and t(0.95, 2 degrees of freedom) = 2.919986 of the tables.
    reach = 2.919986 * math.log(2) * math.sqrt(4 / 3)
    assert told.value == pytest.approx(0.2)
    assert (told.low, told.high) == pytest.approx((0.2 / math.exp(reach), 0.2 * math.exp(reach)))
    assert (told.n_sets, told.n_real) == (3, 3)


def test_the_interval_holds_the_next_set_as_often_as_it_says():
    rng, inside = np.random.default_rng(5), 0
    for _ in range(1000):
        losses = np.exp(rng.normal(-1.5, 0.7, 6))
        seen = [row(str(place), loss) for place, loss in enumerate(losses[:-1])]
        told = expected_loss(seen, "template", "mine", 0.9)
        assert told is not None
        inside += told.low <= losses[-1] <= told.high
    assert 870 <= inside <= 930


def test_a_set_does_not_foretell_itself_and_few_sets_foretell_nothing():
    seen = [row(name, loss) for name, loss in (("a", 0.1), ("b", 0.2), ("c", 0.4))]
    assert expected_loss(seen, "template", "b", 0.9) is None
    assert expected_loss(seen, "fiducials", "mine", 0.9) is None
    fourth = [*seen, row("mine", 5.0)]
    assert expected_loss(fourth, "template", "mine", 0.9) == expected_loss(
        seen, "template", "mine", 0.9
    )


def test_two_rows_of_one_set_are_one_set():
    seen = [row(name, loss) for name, loss in (("a", 0.1), ("b", 0.2), ("c", 0.4))]
    split = [row("a", 0.05, leads="II"), row("a", 0.2), *seen[1:]]
    one, other = (expected_loss(some, "template", "mine", 0.9) for some in (seen, split))
    assert one is not None
    assert other is not None
    assert other.n_sets == 3
    assert (other.low, other.high) == pytest.approx((one.low, one.high))


def test_what_is_foretold_reaches_over_both_the_sets_and_the_people():
    seen = margins(*people(120))

    def measure(search):
        found = {
            "rank1": float(rank_rate(search, 1).mean()),
            "among": float(rank1_at(search, np.array([10])).mean()),
            "sure": float(tpir_at_fpir(search, 0.01).mean()),
        }
        return {
            name: Estimate(value, value - 0.01, value + 0.01, 0.9, 120, None)
            for name, value in found.items()
        }

    told = foretold(seen, Loss(0.3, 0.1, 0.9, 5, 3), measure)
    for name, one in told.items():
        values = [measure(moved(seen, loss))[name].value for loss in (0.9, 0.3, 0.1)]
        assert one.value == pytest.approx(values[1])
        assert one.low == pytest.approx(values[0] - 0.01)
        assert one.high == pytest.approx(values[2] + 0.01)
    assert told["sure"].value <= told["rank1"].value <= told["among"].value


def test_what_ships_tells_of_sets_and_not_of_people():
    rows = other_days()
    assert {one.view for one in rows} <= set(words.attackers())
    assert min(one.people for one in rows) >= 10
    for view in ("template", "embedding", "fusion"):
        assert len({one.data for one in rows if one.view == view and one.real}) >= 3
    assert not {"qtdb", "mitdb"} & {one.data for one in rows}
