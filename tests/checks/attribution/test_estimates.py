"""What the parts of a heartbeat amount to, and when an explanation is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from auditor.checks.attribution.estimates import attribution, slug
from auditor.checks.attribution.segments import EVERY, SEGMENTS, Atom
from auditor.core.evidence import Attribution, Explanation, Portrait, SearchResult, Trials
from auditor.stats.intervals import newcombe_paired, wilson

N, ATOMS = 20, len(Atom)
RNG = np.random.default_rng(0)
PEOPLE = np.array([f"p{i:02d}" for i in range(N)])
TIME = np.array([0, 0.06, 0.06, 0.06, 0.03, 0.05, 0.02, 0.12, 0.25, 0.35])


def search_result(found: np.ndarray) -> SearchResult:
    """A search that finds some people at the first attempt."""
    n, zero = len(found), np.zeros(len(found), dtype=np.int64)
    return SearchResult(
        subject=PEOPLE[:n], mated_score=np.ones(n), n_above=1 - found.astype(np.int64), n_tied=zero,
        best_impostor=np.zeros(n), n_gallery=50, edges=np.array([0.5]), sketch_subject=PEOPLE[:n],
        sketch=np.zeros((n, 1), dtype=np.int64), n_impostors=zero + 49,
        matched_impostor_above=zero - 1, matched_impostor_tied=zero - 1,
        demographic_above=zero, demographic_tied=zero, demographic_size=zero + 50,
        demographic_best=np.zeros(n), nearest=np.zeros((n, 1)),
        rival=np.full(n, ""), demographic_rival=np.full(n, ""),
    )  # fmt: skip


def explanation(share: np.ndarray | None = None, **tests) -> Explanation:
    """One that stands every test, of two beats of everybody, where nothing else is said."""
    n = 2 * N
    if share is None:
        share = np.zeros(ATOMS)
        share[[Atom.Q, Atom.CORE, Atom.S]] = 0.3
        share[Atom.T] = 0.1
    noisy = share + RNG.normal(0, 0.01, (n, 1, ATOMS))
    settings = {
        "method": "ablation",
        "subject": np.repeat(PEOPLE, 2),
        "turn": np.tile([0, 1], N),
        "share": noisy,
        "time": np.tile(TIME, (n, 1)),
        "deletion": RNG.normal(0.3, 0.02, n),
        "insertion": RNG.normal(0.3, 0.02, n),
        "matched": RNG.normal(0.3, 0.02, n),
        "moved_share": np.stack([noisy] * 4),
        "moved_time": np.tile(TIME, (4, n, 1)),
        "randomised": np.where(np.arange(n) < 16, RNG.normal(0, 0.1, n), np.nan),
        "error": 0.01,
    }
    return Explanation(**(settings | tests))


def seen(**parts) -> Attribution:
    """An attack that finds everybody, and nobody without the QRS."""
    everybody, nobody = search_result(np.ones(N)), search_result(np.zeros(N))
    without = {
        name: nobody if name == "QRS" else everybody for name in EVERY if name != "unassigned"
    }
    portrait = Portrait(("I",), np.arange(3) / 250, np.zeros((1, 3)), ("", "P", "P"), N)
    sizes, by_size = np.array([2, 50]), np.tile([0, 0, 0.8, 0, 0.2, 0], (2 * N, 2, 1))
    known = Attribution(
        everybody, nobody, without, without, without, (explanation(),), portrait, sizes, by_size
    )
    return replace(known, **parts)


def told(evidence: Attribution, name: str = ""):
    return attribution(name, evidence, level=0.95, rng=np.random.default_rng(1))


def verdict(one: Explanation, **parts) -> dict[str, str]:
    _, _, params = told(seen(explanations=(one,), **parts))
    return params["verdicts"][0]


def test_what_is_lost_is_told_for_every_part_with_an_interval_that_holds_for_all_of_them():
    found, curves, params = told(seen())
    assert set(found) == {"rank1", "untrained_rank1", *(f"masked_{slug(s)}" for s in SEGMENTS)}
    qrs, t = found["masked_qrs"], found["masked_t"]
    assert qrs.value == 1
    assert qrs.low > 0.5
    assert t.low < 0 < t.high
    assert qrs.level == pytest.approx(1 - 0.05 / 6)
    assert params["reading"].startswith("What people are found by is first of all the QRS")
    assert curves["segments"]["segment"] == [name for name in EVERY if name != "unassigned"]


def test_an_explanation_that_stands_every_test_is_believed_and_drawn():
    _, curves, params = told(seen())
    assert params["verdicts"] == [{"method": "ablation", "verdict": "trustworthy", "why not": "–"}]
    assert params["drawn_by"] == "ablation"
    assert curves["enrichment_by_lead"]["QRS"][0] == pytest.approx(9, rel=0.05)  # 0.9 in 10 %


UNRELATED = np.eye(ATOMS)[np.tile([Atom.P_RISE, Atom.T], N)][:, None]


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ({"deletion": np.tile([-0.5, 0.5], N)}, "cost no more than in any order"),
        ({"insertion": np.tile([-0.5, 0.5], N)}, "bring no more than in any"),
        ({"matched": np.tile([-0.5, 0.5], N)}, "as much time elsewhere"),
        ({"randomised": np.full(2 * N, 0.9)}, "random weights"),
        ({"share": UNRELATED, "moved_share": np.stack([UNRELATED] * 4)}, "another beat"),
        (
            {"moved_share": np.stack([np.tile(np.eye(ATOMS)[Atom.TP], (2 * N, 1, 1))] * 4)},
            "readers",
        ),
        ({"error": 0.06}, "add up"),
    ],
)
def test_an_explanation_that_fails_one_test_is_not_believed_and_says_which(tests, why):
    said = verdict(explanation(**tests))
    assert said["verdict"] == "not trustworthy"
    assert why in said["why not"]
    assert ";" not in said["why not"]


def test_nothing_is_believed_of_a_network_that_random_weights_do_as_well_as():
    said = verdict(explanation(), untrained=search_result(np.ones(N)))
    assert said["verdict"] == "not trustworthy"
    assert "random weights" in said["why not"]


def test_without_a_second_beat_nothing_is_believed():
    one = explanation()
    alone = replace(one, turn=np.zeros(2 * N, dtype=np.int64))
    assert "another beat" in verdict(alone)["why not"]


def test_of_fewer_than_ten_people_nothing_is_believed():
    one = explanation()
    few = np.isin(one.subject, PEOPLE[:9])
    names = ("subject", "turn", "share", "time", "deletion", "insertion", "matched", "randomised")
    thin = replace(
        one,
        **{name: getattr(one, name)[few] for name in names},
        moved_share=one.moved_share[:, few],
        moved_time=one.moved_time[:, few],
    )
    said = verdict(thin, by_size=np.ones((few.sum(), 2, 6)) / 6)
    assert said["why not"] == "beats of fewer than 10 people were explained"


def test_relevance_that_is_dealt_out_evenly_is_nowhere_enriched():
    even = explanation(share=TIME)
    _, curves, _ = told(seen(explanations=(even,)))
    for segment in SEGMENTS:
        assert curves["enrichment"][segment][0] == pytest.approx(1, abs=0.1)
        low, high = (curves[f"enrichment_{end}"][segment][0] for end in ("low", "high"))
        assert low <= 1.05
        assert high >= 0.95
    assert curves["enrichment"]["unassigned"] == [None]


def test_what_speaks_against_the_answer_is_no_share_of_what_speaks_for_it():
    share = np.zeros(ATOMS)
    share[Atom.T], share[Atom.TP] = -0.5, 0.5
    _, curves, _ = told(seen(explanations=(explanation(share=share),)))
    assert curves["share"]["T"][0] == 0
    assert curves["share"]["TP"][0] == pytest.approx(0.5, abs=0.05)


def test_the_loss_and_the_enrichment_are_told_by_the_number_of_people_searched():
    _, curves, _ = told(seen())
    assert curves["drop_by_gallery"]["gallery"] == [2, 50]
    assert curves["drop_by_gallery"]["QRS"] == pytest.approx([1 / 49, 1], abs=0.03)
    assert curves["enrichment_by_gallery"]["QRS"] == pytest.approx([8, 8], rel=1e-3)


def test_a_drop_in_telling_sexes_apart_is_paired_by_person():
    positive = np.arange(N) % 2 == 0
    score = positive + RNG.normal(0, 0.5, N)
    zero = np.zeros(N, dtype=np.int64)
    whole = Trials(score, positive, PEOPLE, zero)
    blind = Trials(np.zeros(N), positive, PEOPLE, zero)
    without = {name: blind if name == "T" else whole for name in EVERY if name != "unassigned"}
    parts = {"masked": without, "swapped": without, "alone": without}
    found, _, params = told(seen(whole=whole, untrained=None, **parts), "sex")
    assert found["sex_masked_p"].value == found["sex_masked_p"].high == 0
    assert found["sex_masked_t"].value == pytest.approx(found["sex_auc"].value - 0.5)
    assert found["sex_masked_t"].low > 0
    assert "the T wave" in params["sex_reading"]


@given(st.integers(5, 60), st.data())
def test_a_paired_interval_holds_the_difference_and_never_collapses(n, data):
    rates = st.lists(st.floats(0, 1), min_size=n, max_size=n).map(np.array)
    one, other = data.draw(rates), data.draw(rates)
    low, high = newcombe_paired(one, other, 0.95)
    assert -1 <= low <= one.mean() - other.mean() <= high <= 1
    assert high - low > 0.01
    assert (-high, -low) == pytest.approx(newcombe_paired(other, one, 0.95))


def test_a_paired_interval_is_that_of_the_paper_worked_by_hand():
    # 36 both, 12 the first alone, 2 the second alone, 0 neither.
    one = np.repeat([1.0, 1.0, 0.0], [36, 12, 2])
    other = np.repeat([1.0, 0.0, 1.0], [36, 12, 2])
    p, q, n = 0.96, 0.76, 50
    (low_p, high_p), (low_q, high_q) = wilson(48, n, 0.95), wilson(38, n, 0.95)
    phi = (36 * 0 - 12 * 2) / np.sqrt(48 * 2 * 38 * 12)
    low = (
        p - q - np.sqrt((p - low_p) ** 2 - 2 * phi * (p - low_p) * (high_q - q) + (high_q - q) ** 2)
    )
    high = (
        p - q + np.sqrt((high_p - p) ** 2 - 2 * phi * (high_p - p) * (q - low_q) + (q - low_q) ** 2)
    )
    assert newcombe_paired(one, other, 0.95) == pytest.approx((low, high))


def test_a_paired_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(4)
    p, shared, inside = 0.7, 0.6, 0
    for _ in range(600):
        common = rng.random(30) < shared
        first = rng.random(30) < p
        second = np.where(common, first, rng.random(30) < p)
        low, high = newcombe_paired(first.astype(float), second.astype(float), 0.95)
        inside += low <= 0 <= high
    expected = 0.95 - 3 * np.sqrt(0.95 * 0.05 / 600) * norm.ppf(0.975) / 1.96
    assert inside / 600 > expected
