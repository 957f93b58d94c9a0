"""1:N search against the definition, written out with the whole score matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from auditor.attackers.demographics import Demographics
from auditor.attackers.search import AGE_REACH, BLOCK, SKETCHED, search_gallery


@st.composite
def searches(draw):
    """A gallery with one or more records per person, and probes of enrolled people."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_people = draw(st.integers(2, 12))
    gallery_subject = np.concatenate([np.arange(n_people), rng.integers(0, n_people, 5)])
    probe_subject = rng.integers(0, n_people, draw(st.integers(1, 30)))
    # Few distinct values, so that ties are common.
    gallery = rng.integers(-1, 2, (len(gallery_subject), 3)).astype(np.float32)
    probe = rng.integers(-1, 2, (len(probe_subject), 3)).astype(np.float32)
    return gallery, gallery_subject.astype(str), probe, probe_subject.astype(str)


def by_definition(gallery, gallery_subject, probe, probe_subject):
    people = np.unique(gallery_subject)
    scores = np.stack(
        [(probe @ gallery[gallery_subject == one].T).max(axis=1) for one in people], axis=1
    )
    own = probe_subject[:, None] == people[None]
    mate = scores[own]
    impostor = np.where(own, -np.inf, scores)
    return people, mate, impostor


def searched(search, kinds=None):
    gallery, gallery_subject, probe, probe_subject = search
    known = kinds or dict.fromkeys(gallery_subject, Demographics())
    rng = np.random.default_rng(0)
    return search_gallery(lambda fold: (gallery, probe), gallery_subject, probe_subject, known, rng)


@given(searches())
def test_ranks_ties_and_best_impostors_follow_the_definition(search):
    people, mate, impostor = by_definition(*search)
    seen = searched(search)
    assert np.array_equal(seen.mated_score, mate)
    assert np.array_equal(seen.n_above, (impostor > mate[:, None]).sum(axis=1))
    assert np.array_equal(seen.n_tied, (impostor == mate[:, None]).sum(axis=1))
    assert np.array_equal(seen.best_impostor, impostor.max(axis=1))
    assert seen.n_gallery == len(people)


@given(searches())
def test_a_rival_is_one_of_those_who_come_before_the_probes_own_person(search):
    people, mate, impostor = by_definition(*search)
    kind = {one: Demographics(sex=str(int(one) % 2)) for one in people}
    seen, alike = searched(search), searched(search, kind)
    for probe, own in enumerate(search[3]):
        theirs = np.array([kind[one] == kind[own] for one in people])
        for rival, among in (
            (seen.rival[probe], np.ones(len(people), dtype=bool)),
            (alike.rival[probe], np.ones(len(people), dtype=bool)),
            (alike.demographic_rival[probe], theirs),
        ):
            over = people[among & (impostor[probe] > mate[probe])]
            same = people[among & (impostor[probe] == mate[probe])]
            assert rival in (over if len(over) else same if len(same) else [""])


def test_each_of_those_who_come_before_is_as_often_the_rival():
    n = 3000
    names = np.array(["a", "b", "c", "own"])
    gallery = np.array([[3.0], [2.0], [4.0], [1.0]], dtype=np.float32)
    probe = np.ones((n, 1), dtype=np.float32)
    seen = searched((gallery, names, probe, np.repeat("own", n)))
    counts = [(seen.rival == one).sum() for one in "abc"]
    low, high = binom.ppf([0.0005, 0.9995], n, 1 / 3)
    assert all(low <= one <= high for one in counts)
    assert sum(counts) == n


@given(searches())
def test_the_sketch_counts_every_impostor_score_at_every_mate_score(search):
    _, mate, impostor = by_definition(*search)
    seen = searched(search)
    assert seen.edges == pytest.approx(np.unique(mate), abs=1e-5)
    for row, one in enumerate(seen.sketch_subject):
        theirs = impostor[search[3] == one]
        assert np.array_equal(seen.sketch[row], [(theirs >= edge).sum() for edge in seen.edges])
        assert seen.n_impostors[row] == np.isfinite(theirs).sum()


@given(searches())
def test_a_matched_impostor_is_another_person_of_the_same_kind_searched_without_the_person(search):
    people, _, impostor = by_definition(*search)
    kind = {one: Demographics(sex=str(int(one) % 2)) for one in people}
    seen = searched(search, kind)
    for probe, one in enumerate(search[3]):
        candidates = [p for p in people if p != one and kind[p] == kind[one]]
        if not candidates:
            assert seen.matched_impostor_above[probe] == -1
            continue
        at = np.searchsorted(people, candidates)
        places = {
            (
                int((impostor[probe] > impostor[probe, a]).sum()),
                int((impostor[probe] == impostor[probe, a]).sum()) - 1,
            )
            for a in at
        }
        assert (seen.matched_impostor_above[probe], seen.matched_impostor_tied[probe]) in places


def test_who_knows_sex_and_age_searches_those_who_fit_and_whoever_may():
    rng = np.random.default_rng(2)
    n = 60
    names = np.char.zfill(np.arange(n).astype(str), 2)
    sex = rng.choice(["female", "male", ""], n)
    age = np.where(rng.random(n) < 0.2, np.nan, rng.integers(30, 60, n))
    gallery, probe = rng.normal(size=(2, n, 4)).astype(np.float32)
    kinds = {name: Demographics(s, a) for name, s, a in zip(names, sex, age, strict=True)}
    seen = searched((gallery, names, probe, names), kinds)
    scores = probe @ gallery.T
    for one in range(n):
        fits = (sex == sex[one]) | (sex == "") | (sex[one] == "")
        fits &= (np.abs(age - age[one]) <= AGE_REACH) | np.isnan(age) | np.isnan(age[one])
        fits[one] = False
        assert seen.demographic_size[one] == fits.sum() + 1
        assert seen.demographic_above[one] == (scores[one, fits] > scores[one, one]).sum()


def test_blocks_and_folds_of_probes_do_not_change_what_is_found():
    rng = np.random.default_rng(1)
    who = np.arange(2 * BLOCK + 7) % 40
    gallery = rng.normal(size=(40, 8)).astype(np.float32)
    probe = (gallery[who] + rng.normal(size=(len(who), 8))).astype(np.float32)
    names, known = (
        np.arange(40).astype(str),
        dict.fromkeys(np.arange(40).astype(str), Demographics()),
    )
    whole = searched((gallery, names, probe, who.astype(str)))
    part = slice(BLOCK, 2 * BLOCK)
    one = searched((gallery, names, probe[part], who[part].astype(str)))
    assert np.array_equal(whole.n_above[part], one.n_above)
    assert np.array_equal(whole.matched_impostor_above[part], one.matched_impostor_above)
    fold = who % 3
    folded = search_gallery(
        lambda one: (gallery, probe[fold == one]),
        names,
        who.astype(str),
        known,
        np.random.default_rng(0),
        fold,
    )
    assert np.array_equal(whole.n_above, folded.n_above)
    assert whole.mated_score == pytest.approx(folded.mated_score)
    assert np.array_equal(whole.sketch, folded.sketch)


def test_a_large_gallery_is_sketched_by_a_sample_of_it():
    rng = np.random.default_rng(0)
    n = 2 * SKETCHED
    names = np.char.zfill(np.arange(n).astype(str), 5)
    gallery = rng.normal(size=(n, 8)).astype(np.float32)
    probe = (gallery + 0.5 * rng.normal(size=(n, 8))).astype(np.float32)[:500]
    seen = searched((gallery, names, probe, names[:500]))
    scores = probe @ gallery.T
    scores[np.arange(500), np.arange(500)] = -np.inf
    assert set(seen.n_impostors) <= {SKETCHED, SKETCHED - 1}
    exact = np.array([(scores >= edge).mean() for edge in seen.edges])
    sketched = seen.sketch.sum(axis=0) / seen.n_impostors.sum()
    assert sketched == pytest.approx(exact, abs=0.003)


def test_a_probe_of_nobody_enrolled_is_refused():
    one = np.ones((1, 1), dtype=np.float32)
    with pytest.raises(ValueError, match="not in the gallery"):
        searched((one, np.array(["a"]), one, np.array(["b"])))
