"""A text is read for whose it is, and for what its writer was taught."""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from auditor.checks.text.check import (
    Canaries,
    Identifying,
    QuotedValues,
    Recital,
    TextIdentifiers,
    TextLinkage,
    TextSearch,
    TextsOfOnePerson,
    VerbatimMemorisation,
    exposure,
    plan,
)
from auditor.checks.text.texts import (
    CLASSES,
    agreement,
    class_sizes,
    hardest,
    identifying,
    overlap,
    runs_of,
)
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Counts, Trials
from auditor.core.target import NEITHER
from auditor.signal.claims import Claim, claims
from auditor.systems.gem.grounding import TOLERANCES, grounded
from auditor.targets.texts import Texts
from tests.checks.asking import context, estimated, measured
from tests.checks.text.plant import (
    COLUMNS,
    about,
    echoing,
    naming,
    quoting,
    reciting,
    repeating,
    surprised,
    target,
    told,
    twice,
)
from tests.stats.evidence import random_search


def ran(attack, seed=0):
    assert attack.unmet(context(seed)) is None
    return attack.attack(context(seed), np.random.default_rng(seed))


# --- numbers ------------------------------------------------------------------------------


def test_a_class_is_everybody_with_a_text_that_quotes_as_much():
    rng = np.random.default_rng(0)
    marks = [Claim("QRS", None, float(value), "ms") for value in range(6)]
    quoted = [frozenset(marks[at] for at in np.flatnonzero(rng.random(6) < 0.5)) for _ in range(60)]
    person = rng.permutation(np.arange(60) % 25)
    sizes = class_sizes(quoted, person)
    for one in range(25):
        own = [quoted[row] for row in np.flatnonzero(person == one)]
        having = [
            len({p for p, other in zip(person, quoted, strict=True) if other >= text})
            for text in own
        ]
        single = [
            len({p for p, other in zip(person, quoted, strict=True) if mark in other})
            for text in own
            for mark in text
        ]
        assert sizes[one].tolist() == [min([*single, 25]), min(having)]


def test_whose_texts_quote_nothing_are_everybody():
    sizes = class_sizes([frozenset(), frozenset(claims("QRS is 96 ms"))], np.array([0, 1]))
    assert sizes.tolist() == [[2, 2], [1, 1]]


def test_a_number_agrees_as_far_as_it_is_grounded():
    rng = np.random.default_rng(1)
    for column in TOLERANCES:
        feature, unit = column.rsplit(" ", 1)
        measured = rng.uniform(-180, 400, 300)
        one = Claim(feature, None, float(measured[0] + 5), unit)
        expected = [grounded(one, {column: float(value)}) for value in measured]
        assert (agreement(one, measured) > 0).tolist() == expected
    measured = rng.uniform(-1, 2, 300)
    one = Claim("R", "V5", 0.62, "mV")
    expected = [grounded(one, {"R V5 mV": float(value)}) for value in measured]
    assert (agreement(one, measured) > 0).tolist() == expected


def test_a_number_agrees_fully_with_what_it_is_the_rounding_of():
    rng = np.random.default_rng(2)
    for _ in range(50):
        row = np.array(
            [rng.normal(mean, spread) for mean, spread, *_ in COLUMNS.values()], dtype=np.float32
        )
        for one in claims(told(row)):
            measured = row[[list(COLUMNS).index(one.column)]].astype(float)
            assert agreement(one, measured).tolist() == [2]
    assert agreement(Claim("QRS", None, 96.0, "ms"), np.array([nan])).tolist() == [0]


def test_a_text_finds_the_record_that_most_of_its_numbers_agree_with():
    given = target(1, about(True), n_people=40)
    found = ran(TextLinkage(given)).search
    scores = np.zeros((40, 40))
    for row, text in enumerate(given.texts.told["full"]):
        for one in claims(text):
            column = given.inputs[:, given.columns.index(one.column)].astype(float)
            scores[row] += agreement(one, column)
    own = np.diag(scores)
    assert found.mated_score.tolist() == own.tolist()
    assert found.n_above.tolist() == (scores > own[:, None]).sum(axis=1).tolist()
    assert found.n_tied.tolist() == ((scores == own[:, None]).sum(axis=1) - 1).tolist()


def test_one_wrong_number_does_not_lose_a_record():
    given = target(1, about(True))
    texts = given.texts.told["full"]
    wrong = tuple(text.replace("PR is ", "PR is 9") for text in texts)
    changed = replace(given, texts=Texts({"full": wrong}, ("",) * len(texts)))
    assert (ran(TextLinkage(changed)).search.n_above == 0).mean() > 0.95


def test_a_text_without_numbers_is_no_better_than_a_guess():
    given = target(1, quoting(True), n_people=40)
    texts = list(given.texts.told["full"])
    texts[:30] = ["Sinus rhythm."] * 30
    changed = replace(given, texts=Texts({"full": tuple(texts)}, ("",) * 40))
    found = ran(TextLinkage(changed)).search
    assert set(found.n_tied[:30]) == {39}
    silent = replace(given, texts=Texts({"full": ("Sinus rhythm.",) * 40}, ("",) * 40))
    assert TextLinkage(silent).unmet(context()) == "the texts quote no numbers"
    assert "nothing that the texts quote" in (
        TextLinkage(replace(given, columns=tuple(map(str, range(8))))).unmet(context()) or ""
    )


def test_the_order_of_records_says_nothing():
    given = target(3, about(True), n_people=40)
    order = np.random.default_rng(0).permutation(40)
    names = ("record", "subject", "session", "split", "male", "age", "y_true", "inputs")
    texts = given.texts.told["full"]
    shuffled = replace(
        given,
        **{name: getattr(given, name)[order] for name in names},
        texts=Texts({"full": tuple(texts[row] for row in order)}, ("",) * 40),
    )
    one, other = (ran(QuotedValues(each)) for each in (given, shuffled))
    assert one.values.tolist() == other.values.tolist()
    one, other = (ran(TextLinkage(each)).search for each in (given, shuffled))
    assert one.n_above[order].tolist() == other.n_above.tolist()


# --- texts of one person ------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 2])
def test_texts_of_other_days_are_searched_where_there_are_enough(days):
    given = twice(0, repeating(True), 40, days=days)
    asked = TextsOfOnePerson(given)
    assert asked.protocol == ("cross-session" if days == 2 else "same-session")
    found = ran(asked).search
    assert len(found.subject) == 40
    assert found.n_gallery == 40
    assert (found.n_above == 0).mean() > 0.9


def test_two_texts_with_the_same_rare_word_are_of_one_person_however_rows_are_ordered():
    given = twice(1, repeating(True), 40)
    order = np.random.default_rng(0).permutation(80)
    names = ("record", "subject", "session", "split", "male", "age", "y_true", "inputs")
    texts = given.texts.told["full"]
    shuffled = replace(
        given,
        **{name: getattr(given, name)[order] for name in names},
        texts=Texts({"full": tuple(texts[row] for row in order)}, ("",) * 80),
    )
    one, other = (ran(TextsOfOnePerson(each)).search for each in (given, shuffled))
    assert sorted(one.mated_score.round(5)) == sorted(other.mated_score.round(5))


def test_who_has_one_text_is_not_searched_for():
    given = twice(0, repeating(True), 20)
    texts = tuple(
        "" if row % 2 and row > 16 else text for row, text in enumerate(given.texts.told["full"])
    )
    few = replace(given, texts=Texts({"full": texts}, ("",) * 40))
    assert "two texts" in (TextsOfOnePerson(few).unmet(context()) or "")
    assert not [one for one in plan(target(0, about(True))) if one.protocol == "same-session"]


# --- texts and what they are about --------------------------------------------------------


def test_who_writes_the_same_of_everybody_is_not_seen_to_look():
    given = target(2, about(True))
    same = given.texts.told["full"][0]
    for texts in ((same,) * 160, tuple(np.random.default_rng(0).permutation(answers_of(given)))):
        blind = replace(given, texts=Texts({"full": texts}, ("",) * 160))
        found = measured(TextLinkage(blind)).estimates
        assert found["uses_input"].low <= 0.5
        assert found["rank1"].high < 0.1
    assert measured(TextLinkage(given)).estimates["uses_input"].low > 0.5


def answers_of(given):
    return list(given.texts.told["full"])


def test_who_tells_the_rhythm_alone_is_seen_to_look():
    given = target(2, about(True))
    rate = given.inputs[:, 0]
    texts = tuple(
        f"{'Fast' if one > 70 else 'Slow'} rhythm. PR is 160 ms." for one in rate.tolist()
    )
    seen = replace(given, texts=Texts({"full": texts}, ("",) * 160))
    assert measured(TextLinkage(seen)).estimates["uses_input"].low > 0.5


@pytest.mark.parametrize("asked", [TextLinkage, TextsOfOnePerson])
def test_a_twin_that_leaks_is_caught_and_one_about_others_is_not(asked):
    given = twice(3, about(False), 60)
    planted, clean = (measured(asked(given).twin(one, 0)).estimates for one in (True, False))
    assert planted["rank1"].low > 10 * planted["rank1"].chance
    assert clean["rank1"].low <= clean["rank1"].chance
    assert planted["rank1_excess"].low > 0 >= clean["rank1_excess"].low


# --- what was taught ----------------------------------------------------------------------


def test_words_overlap_in_runs_of_eight():
    own = runs_of("a b c d e f g h i")
    assert len(own) == 2
    assert overlap(runs_of("A B C D e f g, h"), own) == 1
    assert overlap(runs_of("x a b c d e f g h"), own) == 0.5
    assert overlap(runs_of("a b c d e f g"), own) == 0
    assert overlap(runs_of("h g f e d c b a"), own) == 0
    assert (
        overlap(
            runs_of("QRS is 96.5 ms in all of the leads"), runs_of("QRS is 96 ms in all of the")
        )
        == 0
    )


def test_what_is_said_of_several_people_is_recited_of_nobody():
    given = target(0, reciting(0))
    texts = given.texts
    same = " ".join(f"word{one}" for one in range(20))
    written = tuple(same if row < 80 else text for row, text in enumerate(texts.written))
    changed = replace(given, texts=Texts({"blank": (same,) * 160}, written))
    assert not ran(VerbatimMemorisation(changed)).prompts["blank"].score.any()
    only = tuple(same if row == 0 else text for row, text in enumerate(texts.written))
    changed = replace(given, texts=Texts({"blank": (same,) * 160}, only))
    assert ran(VerbatimMemorisation(changed)).prompts["blank"].score.tolist() == [1.0] + [0.0] * 159


def test_every_prompt_is_asked_about_and_so_are_the_tokens():
    recited = ran(VerbatimMemorisation(target(0, reciting(5))))
    assert set(recited.prompts) == {"blank", "image only"}
    assert recited.tokens is None
    learnt = ran(VerbatimMemorisation(target(0, surprised(0.1))))
    assert learnt.prompts == {}
    assert learnt.tokens is not None


def test_the_hardest_tokens_are_the_largest_fifth():
    rng = np.random.default_rng(0)
    loss = rng.exponential(size=(20, 31))
    loss[np.arange(31) >= rng.integers(0, 31, 20)[:, None]] = nan
    for value, row in zip(hardest(loss), loss, strict=True):
        known = np.sort(row[~np.isnan(row)])[::-1]
        n = max(int(np.ceil(0.2 * len(known))), 1)
        assert value == pytest.approx(known[:n].mean() if len(known) else nan, nan_ok=True)


def test_a_canary_is_held_against_its_own_alternatives_or_everybodys():
    given = target(0, echoing(3, True))
    inserted, reference = given.canaries()
    found = ran(Canaries(given))
    assert found.positive.sum() == 3
    assert np.unique(found.stratum, return_counts=True)[1].tolist() == [1000] * 3
    shared = replace(given, canaries=lambda: (inserted, reference[0]))
    found = ran(Canaries(shared))
    assert [sorted(found.score[(found.stratum == one) & ~found.positive]) for one in range(3)] == [
        sorted(-reference[0])
    ] * 3
    few = replace(given, canaries=lambda: (inserted, reference[:, :50]))
    with pytest.raises(EvidenceError, match="99 alternatives"):
        ran(Canaries(few))


# --- names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Recorded 12.03.2019 at rest.", "date"),
        ("Cart ID: 5501.", "device"),
        ("Read by a GE MAC 5500.", "device"),
        ("Philips PageWriter, standard gain.", "device"),
        ("Sinus rhythm, unchanged from previous tracing.", "earlier record"),
        ("No significant change since the last ECG.", "earlier record"),
        ("Compared with the prior recording QRS is wider.", "earlier record"),
        ("A 67-year-old man.", "age"),
        ("Aged 67.", "age"),
        ("A 94 year old woman.", "age over 89"),
        ("Patient name: Anna Miller", "name"),
    ],
)
def test_each_class_is_met(text, kind):
    assert kind in identifying(text)


@pytest.mark.parametrize(
    "text",
    [
        "QRS is 96 ms. In lead V5: R is 1.20 mV, T is 0.30 mV.",
        "PR is 160 ms and QT is 400 ms",
        "Heart rate is 60 1/min. No change of the ST segment in any lead.",
        "T waves are similar in all leads; the 2nd beat comes early.",
    ],
)
def test_what_is_ordinary_is_no_identifier(text):
    assert identifying(text) == set()


def test_people_are_counted_by_class_and_by_what_was_read():
    found = ran(TextIdentifiers(target(0, naming(8))))
    met = dict(zip(found.told.names, (found.told.values > 0).sum(axis=0).tolist(), strict=True))
    assert met["date"] == met["earlier record"] == 2
    assert met["device"] == 4
    assert not found.written.values.any()


# --- what cannot be asked -----------------------------------------------------------------


def test_a_model_that_writes_nothing_is_asked_nothing():
    given = target(0, reciting(0))
    assert plan(replace(given, generator=None, texts=None, canaries=None)) == []
    assert len(plan(given)) == 4
    assert [one.protocol for one in plan(target(0, echoing(1, True)))] == ["canaries"]


def test_what_cannot_be_asked_is_said():
    given = target(0, reciting(0))
    assert "shown all" in (QuotedValues(given).unmet(context()) or "")
    unknown = replace(given, membership_unknown="nobody said who its members are")
    assert VerbatimMemorisation(unknown).unmet(context()) == "nobody said who its members are"
    nobody = replace(given, split=np.full(160, NEITHER, dtype=np.int8))
    assert "found fewer" in (VerbatimMemorisation(nobody).unmet(context()) or "")


def test_texts_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="2 texts are full, wanted 3"):
        Texts({"full": ("a", "b")}, ("", "", ""))
    with pytest.raises(ValueError, match="loss has 2 rows"):
        Texts({}, ("", "", ""), np.zeros((2, 4)))


def test_the_twin_that_recites_is_caught_and_the_one_that_cannot_is_not():
    asked = VerbatimMemorisation(target(0, reciting(80)))
    share = {}
    for planted in (True, False):
        found = measured(asked.twin(planted, seed=0))
        assert found.params == {}
        share[planted] = found.estimates["blank_recited"]
    assert share[True].low > 0.3  # of every second member
    assert share[False].value == 0


# --- what is told: bits, shares and classes, and of a few people no number -----------------


def ranked(ranks, n: int = 1000) -> Trials:
    """Canaries of these ranks among n, themselves included."""
    score, positive, stratum = [], [], []
    for turn, rank in enumerate(ranks):
        score += [0.5 - rank, *(-np.delete(np.arange(1, n + 1), rank - 1) + 0.0)]
        positive += [True] + [False] * (n - 1)
        stratum += [turn] * n
    names = np.array([f"c{one}" for one in range(len(score))])
    return Trials(np.array(score), np.array(positive), names, np.array(stratum))


def test_exposure_is_the_rank_in_bits():
    assert exposure(ranked([1]), 0.95).value == pytest.approx(np.log2(1000))
    assert exposure(ranked([1000]), 0.95).value == pytest.approx(0)
    found = exposure(ranked([1, 10, 100]), 0.95)
    assert found.value == pytest.approx(np.log2([1000, 100, 10]).mean())
    assert found.n_subjects == 3
    assert found.high <= np.log2(1000)


def test_chance_is_the_mean_exposure_of_all_ranks():
    every = exposure(ranked(range(1, 101), n=100), 0.95)
    assert every.value == pytest.approx(every.chance)
    assert every.chance == pytest.approx(np.log2(np.e), abs=0.05)


@pytest.mark.parametrize("n", [1, 5, 20])
def test_intervals_of_exposure_hold_chance_as_often_as_they_say(n):
    rng = np.random.default_rng(n)
    found = [exposure(ranked(rng.integers(1, 201, n), n=200), 0.9) for _ in range(200)]
    above = np.mean([one.low > one.chance for one in found])
    assert above <= 0.09  # 5 % and what 200 draws leave open
    assert np.mean([one.high < one.chance for one in found]) <= 0.09


def test_one_canary_at_the_top_of_a_thousand_is_enough():
    found = exposure(ranked([1]), 0.95)
    assert found.low > found.chance
    assert not exposure(ranked([300]), 0.95).low > found.chance


def test_ties_share_their_ranks():
    seen = Trials(
        np.zeros(4), np.arange(4) == 0, np.array(list("abcd")), np.zeros(4, dtype=np.int64)
    )
    assert exposure(seen, 0.95).value == pytest.approx(np.log2(4 / 2.5))


def test_without_canaries_nothing_is_said():
    seen = ranked([1])
    nobody = Trials(seen.score, np.zeros(1000, bool), seen.subject, seen.stratum)
    with pytest.raises(EvidenceError, match="canary"):
        exposure(nobody, 0.95)


def test_classes_are_shares_of_people():
    sizes = np.column_stack(
        [np.r_[np.ones(12), np.full(28, 40)], np.r_[np.ones(20), np.full(20, 15)]]
    )
    counts = Counts(("one number", "all numbers"), sizes.astype(np.int64))
    found = estimated(QuotedValues(None), counts)
    assert {name: one.value for name, one in found.estimates.items()} == {
        "unique_by_one": 0.3,
        "unique": 0.5,
        "below_11": 0.5,
    }
    assert not found.params


def test_a_few_people_who_are_alone_are_no_share():
    sizes = np.column_stack([np.r_[1, 1, np.full(38, 40)]] * 2)
    found = estimated(QuotedValues(None), Counts(("one number", "all numbers"), sizes))
    assert set(found.params.values()) == {"1 to 9 people"}
    assert not found.estimates


def met(**people: int) -> Counts:
    """Of fifty people, in the texts of how many each class is met."""
    values = np.zeros((50, len(CLASSES)), dtype=np.int64)
    for kind, n in people.items():
        values[:n, CLASSES.index(kind)] = 2
    return Counts(CLASSES, values)


def test_identifiers_are_told_by_class_and_never_of_a_few():
    told = estimated(TextIdentifiers(None), Identifying(met(date=20, age=3), met()))
    found, params = told.estimates, told.params
    assert found["told_direct"].value == 0.4
    assert found["written_direct"].value == found["written_indirect"].value == 0
    assert params["told_indirect"] == "1 to 9 people"
    assert params["hits"] == [
        {"class": "date", "where": "told", "people": 20},
        {"class": "age", "where": "told", "people": "fewer than 10"},
    ]
    json.dumps(params)


def test_what_was_never_written_is_not_told_of():
    found = estimated(TextIdentifiers(None), Identifying(met(), None)).estimates
    assert set(found) == {"told_direct", "told_indirect"}
    nothing = replace(target(0, naming(0)), texts=Texts({}, ("",) * 160))
    with pytest.raises(EvidenceError, match="needs a text"):
        ran(TextIdentifiers(nothing))


def test_prompts_hold_together_at_the_level():
    rng = np.random.default_rng(0)
    member = np.arange(100) < 50
    names = np.array([f"p{one:03d}" for one in range(100)])
    one = Trials(rng.random(100), member, names, np.zeros(100, dtype=np.int64))

    def told(tokens: Trials | None = None, **prompts: Trials):
        seen = Recital({name.replace("_", " "): each for name, each in prompts.items()}, tokens)
        return estimated(VerbatimMemorisation(None), seen).estimates

    alone = told(blank=one)["blank_auc"]
    found = told(blank=one, image_only=one)
    assert found["blank_auc"].low < alone.low
    assert found["blank_auc"].level == 0.95
    assert set(found) == {"blank_auc", "blank_recited", "image_only_auc", "image_only_recited"}
    assert set(told(one)) == {"tokens_auc"}


def test_a_search_is_told_beside_that_for_strangers():
    seen = random_search(np.random.default_rng(4), 60, signal=1.5)
    told = estimated(TextLinkage(None), TextSearch(seen, None))
    found = told.estimates
    assert found["rank10"].chance == pytest.approx(1 / 6)
    assert found["rank1_excess"].low > 0
    assert "cmc" in told.curves


def test_a_stranger_who_quotes_a_little_does_not_hide_those_who_recite_all():
    score = np.zeros(200)
    score[0], score[100:140] = 0.06, 1.0
    member = np.arange(200) >= 100
    people = np.array([f"p{place}" for place in range(200)])
    seen = Recital({"full": Trials(score, member, people, np.zeros(200, dtype=np.int64))}, None)
    found = estimated(VerbatimMemorisation(None), seen)
    assert found.estimates["full_recited"].value == 0.4
