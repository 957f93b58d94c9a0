"""A text is read for whose it is, and for what its writer was taught."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from auditor.checks.text.check import (
    Canaries,
    Named,
    Quoted,
    Recited,
    Relinked,
    Texts,
    _classes,
    _hardest,
    agreement,
    attacks,
    identifying,
    overlap,
)
from auditor.checks.text.check import _runs as runs
from auditor.checks.text.estimates import measured
from auditor.core.errors import EvidenceError
from auditor.core.target import NEITHER
from auditor.systems.gem.grounding import TOLERANCES, Claim, claims, grounded
from tests.checks.memorisation.plant import case
from tests.checks.text.plant import (
    COLUMNS,
    PLANTS,
    about,
    echoing,
    naming,
    quoting,
    reciting,
    surprised,
    target,
    told,
)


def ran(attack, seed=0):
    assert attack.unmet(case(seed)) is None
    return attack.run(case(seed), np.random.default_rng(seed))


@pytest.mark.parametrize("leak", PLANTS)
def test_a_planted_leak_is_found_and_its_clean_twin_is_silent(leak):
    assert all(PLANTS[leak](seed, True) for seed in range(3))
    assert sum(PLANTS[leak](seed, False) for seed in range(5)) <= 1


# --- numbers ------------------------------------------------------------------------------


def test_a_class_is_everybody_with_a_text_that_quotes_as_much():
    rng = np.random.default_rng(0)
    marks = [Claim("QRS", None, float(value), "ms") for value in range(6)]
    quoted = [frozenset(marks[at] for at in np.flatnonzero(rng.random(6) < 0.5)) for _ in range(60)]
    person = rng.permutation(np.arange(60) % 25)
    sizes = _classes(quoted, person)
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
    sizes = _classes([frozenset(), frozenset(claims("QRS is 96 ms"))], np.array([0, 1]))
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
    found = ran(Relinked(given))[""]
    scores = np.zeros((40, 40))
    for row, text in enumerate(given.parts["texts"].told["full"]):
        for one in claims(text):
            column = given.inputs[:, given.columns.index(one.column)].astype(float)
            scores[row] += agreement(one, column)
    own = np.diag(scores)
    assert found.mated_score.tolist() == own.tolist()
    assert found.n_above.tolist() == (scores > own[:, None]).sum(axis=1).tolist()
    assert found.n_tied.tolist() == ((scores == own[:, None]).sum(axis=1) - 1).tolist()


def test_one_wrong_number_does_not_lose_a_record():
    given = target(1, about(True))
    texts = given.parts["texts"].told["full"]
    wrong = tuple(text.replace("PR is ", "PR is 9") for text in texts)
    changed = replace(given, parts={"texts": Texts({"full": wrong}, ("",) * len(texts))})
    assert (ran(Relinked(changed))[""].n_above == 0).mean() > 0.95


def test_a_text_without_numbers_is_no_better_than_a_guess():
    given = target(1, quoting(True), n_people=40)
    texts = list(given.parts["texts"].told["full"])
    texts[:30] = ["Sinus rhythm."] * 30
    changed = replace(given, parts={"texts": Texts({"full": tuple(texts)}, ("",) * 40)})
    found = ran(Relinked(changed))[""]
    assert set(found.n_tied[:30]) == {39}
    silent = replace(given, parts={"texts": Texts({"full": ("Sinus rhythm.",) * 40}, ("",) * 40)})
    assert Relinked(silent).unmet(case(0)) == "the texts quote no numbers"
    assert "nothing that the texts quote" in (
        Relinked(replace(given, columns=tuple(map(str, range(8))))).unmet(case(0)) or ""
    )


def test_the_order_of_records_says_nothing():
    given = target(3, about(True), n_people=40)
    order = np.random.default_rng(0).permutation(40)
    names = ("record", "subject", "session", "part", "male", "age", "truth", "inputs")
    texts = given.parts["texts"].told["full"]
    shuffled = replace(
        given,
        **{name: getattr(given, name)[order] for name in names},
        parts={"texts": Texts({"full": tuple(texts[row] for row in order)}, ("",) * 40)},
    )
    one, other = (ran(Quoted(each))["quoted"] for each in (given, shuffled))
    assert one.values.tolist() == other.values.tolist()
    one, other = (ran(Relinked(each))[""] for each in (given, shuffled))
    assert one.n_above[order].tolist() == other.n_above.tolist()


# --- what was taught ----------------------------------------------------------------------


def test_words_overlap_in_runs_of_eight():
    own = runs("a b c d e f g h i")
    assert len(own) == 2
    assert overlap(runs("A B C D e f g, h"), own) == 1
    assert overlap(runs("x a b c d e f g h"), own) == 0.5
    assert overlap(runs("a b c d e f g"), own) == 0
    assert overlap(runs("h g f e d c b a"), own) == 0
    assert (
        overlap(runs("QRS is 96.5 ms in all of the leads"), runs("QRS is 96 ms in all of the")) == 0
    )


def test_what_is_said_of_several_people_is_recited_of_nobody():
    given = target(0, reciting(0))
    texts = given.parts["texts"]
    same = " ".join(f"word{one}" for one in range(20))
    written = tuple(same if row < 80 else text for row, text in enumerate(texts.written))
    changed = replace(given, parts={"texts": Texts({"blank": (same,) * 160}, written)})
    assert not ran(Recited(changed))["prompt blank"].score.any()
    only = tuple(same if row == 0 else text for row, text in enumerate(texts.written))
    changed = replace(given, parts={"texts": Texts({"blank": (same,) * 160}, only)})
    assert ran(Recited(changed))["prompt blank"].score.tolist() == [1.0] + [0.0] * 159


def test_every_prompt_is_asked_about_and_so_are_the_tokens():
    assert set(ran(Recited(target(0, reciting(5))))) == {"prompt blank", "prompt image only"}
    assert set(ran(Recited(target(0, surprised(0.1))))) == {"tokens"}


def test_the_hardest_tokens_are_the_largest_fifth():
    rng = np.random.default_rng(0)
    loss = rng.exponential(size=(20, 31))
    loss[np.arange(31) >= rng.integers(0, 31, 20)[:, None]] = nan
    for value, row in zip(_hardest(loss), loss, strict=True):
        known = np.sort(row[~np.isnan(row)])[::-1]
        n = max(int(np.ceil(0.2 * len(known))), 1)
        assert value == pytest.approx(known[:n].mean() if len(known) else nan, nan_ok=True)


def test_a_canary_is_held_against_its_own_alternatives_or_everybodys():
    given = target(0, echoing(3, True))
    inserted, reference = given.parts["canaries"]()
    found = ran(Canaries(given))["canaries"]
    assert found.positive.sum() == 3
    assert np.unique(found.stratum, return_counts=True)[1].tolist() == [1000] * 3
    shared = replace(given, parts={"canaries": lambda: (inserted, reference[0])})
    found = ran(Canaries(shared))["canaries"]
    assert [sorted(found.score[(found.stratum == one) & ~found.positive]) for one in range(3)] == [
        sorted(-reference[0])
    ] * 3
    few = replace(given, parts={"canaries": lambda: (inserted, reference[:, :50])})
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
    found = ran(Named(target(0, naming(8))))["identifiers"]
    met = dict(zip(found.names, (found.values > 0).sum(axis=0).tolist(), strict=True))
    assert met["date/told"] == met["earlier record/told"] == 2
    assert met["device/told"] == 4
    assert not any(n for name, n in met.items() if name.endswith("/written"))


# --- what cannot be asked -----------------------------------------------------------------


def test_a_model_that_writes_nothing_is_asked_nothing():
    given = target(0, reciting(0))
    assert attacks(replace(given, parts={})) == []
    assert len(attacks(given)) == 4
    assert [one.protocol for one in attacks(target(0, echoing(1, True)))] == ["canaries"]


def test_what_cannot_be_asked_is_said():
    given = target(0, reciting(0))
    assert "shown all" in (Quoted(given).unmet(case(0)) or "")
    unknown = replace(given, unknown="nobody said who its members are")
    assert Recited(unknown).unmet(case(0)) == "nobody said who its members are"
    nobody = replace(given, part=np.full(160, NEITHER, dtype=np.int8))
    assert "found fewer" in (Recited(nobody).unmet(case(0)) or "")


def test_texts_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="2 texts are full, wanted 3"):
        Texts({"full": ("a", "b")}, ("", "", ""))
    with pytest.raises(ValueError, match="loss has 2 rows"):
        Texts({}, ("", "", ""), np.zeros((2, 4)))


def test_the_twin_that_recites_is_caught_and_the_one_that_cannot_is_not():
    asked = Recited(target(0, reciting(80)))
    share = {}
    for planted in (True, False):
        found, _, few = measured(
            ran(asked.twin(planted, seed=0)), level=0.95, rng=np.random.default_rng(0)
        )
        assert few == {}
        share[planted] = found["blank_recited"]
    assert share[True].low > 0.3  # of every second member
    assert share[False].value == 0
