"""Folds keep people whole and labels even, as well as a plain iterative stratification does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from auditor.systems.tabular.folds import stratified


def dealt(labels: np.ndarray, n_folds: int, seed: int = 0) -> np.ndarray:
    """Folds of people of one row each."""
    people = np.array([f"p{n}" for n in range(len(labels))])
    return stratified(people, sparse.csc_matrix(labels), n_folds, np.random.default_rng(seed))


def off(labels: np.ndarray, fold: np.ndarray, n_folds: int) -> np.ndarray:
    """(n_folds, m) how many people with a label a fold has too many."""
    counts = np.stack([labels[fold == one].sum(axis=0) for one in range(n_folds)])
    return counts - labels.sum(axis=0) / n_folds


def plain(labels: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Algorithm 1 of Sechidis, Tsoumakas and Vlahavas (2011), step by step."""
    n, m = labels.shape
    wanted = np.full(n_folds, n / n_folds)
    wanted_of = np.tile(labels.sum(axis=0) / n_folds, (n_folds, 1))
    left, fold = set(range(n)), np.full(n, -1)
    while left:
        rest = labels[sorted(left)].sum(axis=0)
        there = [label for label in range(m) if rest[label] > 0]
        if not there:
            for one in sorted(left):
                best = np.flatnonzero(wanted == wanted.max())
                fold[one] = rng.choice(best)
                wanted[fold[one]] -= 1
            break
        label = min(there, key=lambda one: rest[one])
        for one in [one for one in sorted(left) if labels[one, label]]:
            best = np.flatnonzero(wanted_of[:, label] == wanted_of[:, label].max())
            best = best[wanted[best] == wanted[best].max()]
            fold[one] = rng.choice(best)
            left.remove(one)
            wanted_of[fold[one], labels[one] > 0] -= 1
            wanted[fold[one]] -= 1
    return fold


@given(st.integers(0, 1000), st.integers(3, 8))
def test_no_person_is_in_two_folds(seed, n_folds):
    rng = np.random.default_rng(seed)
    subject = rng.integers(0, 40, 120).astype(str)
    labels = sparse.csc_matrix(rng.random((120, 6)) < 0.2)
    fold = stratified(subject, labels, n_folds, rng)
    assert set(fold.tolist()) <= set(range(n_folds))
    assert len({*zip(subject.tolist(), fold.tolist(), strict=True)}) == len(set(subject.tolist()))


@given(st.integers(0, 1000), st.integers(3, 8))
def test_labels_that_nobody_shares_and_people_without_any_are_even(seed, n_folds):
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 5, 150)
    labels = np.eye(5, dtype=int)[which][:, :4]
    fold = dealt(labels, n_folds, seed)
    assert np.abs(off(labels, fold, n_folds)).max() <= 1
    assert np.abs(np.bincount(fold, minlength=n_folds) - 150 / n_folds).max() <= 1


@given(st.integers(0, 1000))
def test_the_rarest_label_is_even_whatever_the_others_are(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random((200, 6)) < [0.05, 0.2, 0.3, 0.3, 0.4, 0.5]).astype(int)
    n = labels.sum(axis=0)
    fold = dealt(labels, 5, seed)
    rarest = int(n.argmin())
    assert np.abs(off(labels, fold, 5))[:, rarest].max() <= 1


def test_labels_are_more_even_than_the_plain_algorithm_makes_them():
    ours, theirs, drawn = [], [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        labels = (rng.random((300, 20)) < rng.uniform(0.05, 0.5, 20)).astype(int)
        ours.append(np.abs(off(labels, dealt(labels, 5, seed), 5)).mean())
        theirs.append(np.abs(off(labels, plain(labels, 5, rng), 5)).mean())
        drawn.append(np.abs(off(labels, rng.integers(0, 5, 300), 5)).mean())
    assert np.mean(ours) < 0.6 * np.mean(theirs)
    assert np.mean(theirs) < 0.7 * np.mean(drawn)


def test_a_label_that_everybody_with_another_shares_out_is_even_too():
    # Everybody is of one of four ages, which are dealt first: sex must not be left to luck.
    rng = np.random.default_rng(0)
    labels = np.hstack([np.eye(4, dtype=int)[rng.integers(0, 4, 400)], rng.random((400, 2)) < 0.5])
    fold = dealt(labels.astype(int), 8)
    assert np.abs(off(labels, fold, 8)).max() <= 2
    assert np.ptp(np.bincount(fold)) <= 2


def test_a_person_counts_once_however_many_records_there_are():
    # Half of the people have the label, and one of them has half of all records.
    subject = np.repeat(np.arange(40), [400, *[10] * 39]).astype(str)
    labels = (subject.astype(int) % 2 == 0)[:, None]
    fold = stratified(subject, sparse.csc_matrix(labels), 4, np.random.default_rng(0))
    of_person = fold[np.unique(subject, return_index=True)[1]]
    with_it = np.unique(subject).astype(int) % 2 == 0
    assert np.bincount(of_person[with_it]).tolist() == [5, 5, 5, 5]
    assert np.bincount(of_person).tolist() == [10, 10, 10, 10]


def test_the_same_stream_deals_the_same_folds_and_another_others():
    labels = (np.random.default_rng(0).random((100, 4)) < 0.3).astype(int)
    assert (dealt(labels, 5, 1) == dealt(labels, 5, 1)).all()
    assert (dealt(labels, 5, 1) != dealt(labels, 5, 2)).any()


def test_the_order_of_names_does_not_say_who_is_where():
    # Early names would else fill the first folds.
    fold = dealt(np.zeros((400, 1), dtype=int), 4)
    first = np.bincount(fold[:100], minlength=4)
    assert first.min() > 10


def test_fewer_people_than_folds_leave_some_empty():
    fold = dealt(np.ones((3, 1), dtype=int), 20)
    assert len(set(fold.tolist())) == 3
