"""Recall and precision of what is sure, by class, on the corpora."""

from __future__ import annotations

import pytest

from auditor.data.identifiers import HIPAA, column, hits
from tests.data.identifiers import corpus, fifth, fourth, second, third
from tests.data.identifiers.scores import scores, whole

RECALL, PRECISION = 0.98, 0.95


def told_text(one: corpus.Text) -> list[tuple[str, int, int]]:
    return [(hit.kind, hit.start, hit.stop) for hit in hits(one.text, one.where) if hit.sure]


def told_column(one: corpus.Cells) -> str | None:
    found = column(one.name, one.values, one.known)
    return found.kind if found and found.sure else None


@pytest.fixture(scope="module")
def seen():
    return scores(corpus, told_text, told_column)


@pytest.mark.parametrize("kind", sorted(HIPAA))
def test_each_class_is_found_and_little_else_is_called_it(seen, kind):
    assert seen[kind].n >= 10
    assert seen[kind].recall >= RECALL
    assert seen[kind].precision >= PRECISION


def test_the_corpus_is_large_enough_and_in_eight_languages_or_more():
    planted = [*corpus.texts(), *corpus.columns(0)]
    ordinary = [*corpus.lookalikes(0), *corpus.ordinary_columns()]
    assert len(planted) >= 600
    assert len(ordinary) >= 600
    assert len(corpus.LANGUAGES) >= 8


@pytest.mark.parametrize("other", [second, third, fourth, fifth])
def test_what_was_written_after_the_recognisers_is_told_too(other):
    total = whole(scores(other, told_text, told_column).values())
    assert total.n >= 300
    assert total.recall >= 0.96
    assert total.precision >= 0.98


@pytest.mark.parametrize("seed", [1, 2])
def test_other_people_are_told_as_well(seed):
    seen = scores(corpus, told_text, told_column, seed)
    n = sum(one.n for one in seen.values())
    assert sum(one.found for one in seen.values()) >= RECALL * n
    assert sum(one.right for one in seen.values()) >= PRECISION * sum(
        one.told for one in seen.values()
    )


@pytest.mark.parametrize("text", corpus.EPONYMS)
def test_no_eponym_is_anybody_s_name(text):
    assert [hit for hit in hits(text) if hit.kind == "name"] == []


@pytest.mark.parametrize("other", [corpus, second, third, fourth, fifth])
def test_little_that_is_ordinary_has_to_be_looked_at(other):
    ordinary = list(other.lookalikes(0))
    assert sum(bool(hits(one.text)) for one in ordinary) <= 0.1 * len(ordinary)
