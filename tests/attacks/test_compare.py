"""1:N search against the definition, written out with the whole score matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.attacks.compare import BLOCK, compare


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


@given(searches())
def test_ranks_ties_and_best_impostors_follow_the_definition(search):
    people, mate, impostor = by_definition(*search)
    seen = compare(*search, alike=dict.fromkeys(people, ""), rng=np.random.default_rng(0))
    assert np.array_equal(seen.mate, mate)
    assert np.array_equal(seen.above, (impostor > mate[:, None]).sum(axis=1))
    assert np.array_equal(seen.ties, (impostor == mate[:, None]).sum(axis=1))
    assert np.array_equal(seen.best_impostor, impostor.max(axis=1))
    assert seen.n_gallery == len(people)


@given(searches())
def test_the_sketch_counts_every_impostor_score_at_every_mate_score(search):
    people, mate, impostor = by_definition(*search)
    seen = compare(*search, alike=dict.fromkeys(people, ""), rng=np.random.default_rng(0))
    assert np.array_equal(seen.edges, np.unique(mate))
    for row, one in enumerate(seen.sketch_subject):
        theirs = impostor[search[3] == one]
        assert np.array_equal(seen.sketch[row], [(theirs >= edge).sum() for edge in seen.edges])
        assert seen.n_impostors[row] == np.isfinite(theirs).sum()


@given(searches())
def test_a_stranger_is_another_person_of_the_same_kind_searched_without_the_mate(search):
    people, _, impostor = by_definition(*search)
    kind = {one: str(int(one) % 2) for one in people}
    seen = compare(*search, alike=kind, rng=np.random.default_rng(0))
    for probe, one in enumerate(search[3]):
        candidates = [p for p in people if p != one and kind[p] == kind[one]]
        if not candidates:
            assert seen.stranger_above[probe] == -1
            continue
        at = np.searchsorted(people, candidates)
        places = {
            (
                int((impostor[probe] > impostor[probe, a]).sum()),
                int((impostor[probe] == impostor[probe, a]).sum()) - 1,
            )
            for a in at
        }
        assert (seen.stranger_above[probe], seen.stranger_ties[probe]) in places


def test_blocks_of_probes_do_not_change_what_is_found():
    rng = np.random.default_rng(1)
    who = np.arange(2 * BLOCK + 7) % 40
    gallery = rng.normal(size=(40, 8)).astype(np.float32)
    probe = (gallery[who] + rng.normal(size=(len(who), 8))).astype(np.float32)
    names, alike = np.arange(40).astype(str), dict.fromkeys(np.arange(40).astype(str), "")
    whole = compare(gallery, names, probe, who.astype(str), alike, np.random.default_rng(0))
    part = slice(BLOCK, 2 * BLOCK)
    one = compare(
        gallery, names, probe[part], who[part].astype(str), alike, np.random.default_rng(0)
    )
    assert np.array_equal(whole.above[part], one.above)
    assert np.array_equal(whole.stranger_above[part], one.stranger_above)


def test_a_probe_of_nobody_enrolled_is_refused():
    one = np.ones((1, 1), dtype=np.float32)
    with pytest.raises(ValueError, match="not in the gallery"):
        compare(one, np.array(["a"]), one, np.array(["b"]), {"a": ""}, np.random.default_rng(0))
