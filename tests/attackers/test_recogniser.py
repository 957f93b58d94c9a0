"""What every recogniser promises."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auditor import attackers
from auditor.attackers.enrolment import FOLDS, Enrolment
from auditor.attackers.recogniser import RECOGNISERS, Recogniser, recogniser
from auditor.core.errors import ConfigError
from auditor.data.protocols import FIRST_HALF, SECOND_HALF, Items, split
from auditor.stats.metrics import rank_rate
from tests.releases import prepared_as

LADDER = RECOGNISERS.ladder()
#: What learns nothing from who is whose.
PLAIN = ("template", "fiducials", "subspace", "embedding")


def enrolled(context, protocol: str = "cross-session") -> Enrolment:
    return Enrolment.of_release(context, split(context.records, protocol))


def anew(context):
    """The same case, of which nothing was worked out yet."""
    return replace(context, memo={})


def scores(seen: Recogniser) -> np.ndarray:
    """(n_pool, n_gallery) every item asked about in its own fold."""
    fold = seen.enrolment.pool_fold
    found = np.empty((len(fold), len(seen.enrolment.gallery)))
    for one in range(FOLDS):
        places = np.flatnonzero(fold == one)
        gallery, asked = seen.rows(one, places)
        found[places] = asked @ gallery.T
    return found


@pytest.mark.parametrize("name", LADDER)
def test_it_scores_the_same_when_it_is_asked_again(name, context):
    one, two = (RECOGNISERS[name](once, enrolled(once)) for once in (context, anew(context)))
    assert np.array_equal(scores(one), scores(two))
    found = [seen.search(np.random.default_rng(4)) for seen in (one, two)]
    for key, value in vars(found[0]).items():
        assert np.array_equal(value, vars(found[1])[key]), key


@pytest.mark.parametrize("name", LADDER)
def test_it_changes_nothing_that_it_is_given(name, context):
    records, who = context.records.copy(), enrolled(context)
    arrays = {key: value.copy() for key, value in vars(who).items() if hasattr(value, "shape")}
    seen = RECOGNISERS[name](context, who)
    gallery, pool = seen.gallery.copy(), seen.pool.copy()
    seen.search(np.random.default_rng(0))
    assert np.array_equal(seen.gallery, gallery, equal_nan=True)
    assert np.array_equal(seen.pool, pool, equal_nan=True)
    assert context.records.equals(records)
    for key, value in arrays.items():
        assert np.array_equal(getattr(who, key), value), key


@pytest.mark.parametrize("name", LADDER)
@pytest.mark.parametrize("protocol", ["same-session", "random-segment"])
def test_its_rows_are_those_of_the_items_that_are_asked_about(name, protocol, context):
    who = enrolled(context, protocol)
    seen = RECOGNISERS[name](context, who)
    assert len(seen.gallery) == len(who.gallery)
    assert len(seen.pool) == len(who.pool)
    places = np.flatnonzero(who.pool_fold == 2)
    gallery, asked = seen.rows(2, places)
    again, backwards = seen.rows(2, places[::-1])
    assert len(gallery) == len(who.gallery)
    assert asked.dtype == gallery.dtype == np.float32
    assert np.isfinite(asked).all()
    assert np.isfinite(gallery).all()
    assert again == pytest.approx(gallery, abs=1e-4)
    assert backwards[::-1] == pytest.approx(asked, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", ["template", "plda", "fusion"])
def test_where_nothing_is_lost_margins_place_people_as_the_search_does(name, context):
    seen = RECOGNISERS[name](context, enrolled(context, "random-segment"))
    found = seen.search(np.random.default_rng(0))
    every, some = (seen.margins(np.random.default_rng(0), most) for most in (1000, 7))
    assert np.array_equal(every.subject, found.subject)
    assert every.mated_score == pytest.approx(found.mated_score, rel=1e-4, abs=1e-4)
    assert every.best_impostor == pytest.approx(found.best_impostor, rel=1e-4, abs=1e-4)
    # Whoever ties, to within rounding, stands before the person.
    assert (every.n_reached[:, 0] >= found.n_above).all()
    assert (every.n_reached[:, 0] <= found.n_above + found.n_tied + 1).all()
    assert len(some.subject) == 7
    assert some.n_gallery == every.n_gallery


@pytest.mark.parametrize("name", [name for name in LADDER if not RECOGNISERS[name].needs_training])
def test_it_tells_apart_people_who_differ(name, context):
    """Two rounds of training, as here, are not enough for a network of the release."""
    seen = RECOGNISERS[name](context, enrolled(context)).search(np.random.default_rng(0))
    assert rank_rate(seen, 1).mean() > 0.3


@pytest.mark.parametrize("name", LADDER)
def test_what_people_are_called_does_not_matter(name, context):
    named = RECOGNISERS[name](context, enrolled(context))
    records = context.records.assign(subject="x" + context.records["subject"].astype(str))
    again = prepared_as(context, replace(context.prepared, records=records))
    assert np.array_equal(scores(RECOGNISERS[name](again, enrolled(again))), scores(named))


@pytest.mark.parametrize("name", PLAIN)
def test_nor_does_the_order_of_their_names_where_nobody_teaches(name, context):
    named = RECOGNISERS[name](context, enrolled(context))
    people = context.records["subject"].unique()
    other = dict(zip(people, sorted(people, reverse=True), strict=True))
    records = context.records.assign(subject=context.records["subject"].map(other))
    again = prepared_as(context, replace(context.prepared, records=records))
    seen = RECOGNISERS[name](again, enrolled(again))
    assert scores(seen) == pytest.approx(scores(named), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", [name for name in LADDER if RECOGNISERS[name].untrained])
def test_an_untrained_control_is_the_same_with_other_weights(name, context):
    who = enrolled(context)
    untrained = RECOGNISERS[name].untrained
    assert untrained is not None
    one, two = RECOGNISERS[name](context, who), untrained(context, who)
    assert one.gallery.shape == two.gallery.shape
    assert not np.array_equal(one.gallery, two.gallery)
    assert np.array_equal(scores(untrained(context, who)), scores(two))


def test_whatever_is_trained_on_the_release_has_an_untrained_control():
    assert [name for name in LADDER if RECOGNISERS[name].needs_training] == ["vit"]
    assert RECOGNISERS["vit"].untrained is not None


@pytest.mark.parametrize("name", LADDER)
def test_a_search_among_some_people_holds_nobody_else(name, context):
    who = enrolled(context)
    some = np.unique(who.gallery_subject)[:7]
    seen = RECOGNISERS[name](context, who).search(np.random.default_rng(0), some)
    assert seen.n_gallery == 7
    assert set(seen.subject) <= set(some)


@pytest.mark.parametrize("name", [name for name in LADDER if RECOGNISERS[name].table])
def test_a_table_has_a_row_per_item_in_order(name, context):
    table = RECOGNISERS[name].table
    assert table is not None
    rows = table(context, Items.whole(np.array([7, 2, 2, 11])))
    alone = table(context, Items.whole(np.array([11])))
    assert rows.dtype == np.float32
    assert np.array_equal(rows[1], rows[2], equal_nan=True)
    assert np.array_equal(rows[3], alone[0], equal_nan=True)
    assert np.isfinite(rows).mean() > 0.9


@pytest.mark.parametrize("name", [name for name in LADDER if RECOGNISERS[name].table])
def test_half_a_record_shows_something_else_than_the_whole(name, context):
    table = RECOGNISERS[name].table
    assert table is not None
    row = np.array([3])
    one, two, whole = (
        table(context, Items(row, np.array([half]))) for half in (FIRST_HALF, SECOND_HALF, 0)
    )
    assert not np.array_equal(one, two, equal_nan=True)
    assert not np.array_equal(one, whole, equal_nan=True)


def test_name_title_and_place_on_the_ladder_can_be_read_without_running_anything():
    said = {}
    for path in Path(attackers.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "recogniser":
                told = {one.arg: one.value for one in node.keywords}
                said[ast.literal_eval(node.args[0])] = tuple(
                    ast.literal_eval(told[key]) for key in ("title", "rung")
                )
    on_the_ladder = {name: RECOGNISERS[name] for name in LADDER}
    assert said == {name: (one.title, one.rung) for name, one in on_the_ladder.items()}


def test_the_ladder_begins_with_the_weakest_and_nobody_shares_a_rung():
    assert LADDER[0] == "template"
    assert LADDER[-1] == "fusion"
    assert len({one.rung for one in RECOGNISERS.values()}) == len(RECOGNISERS)
    assert len({one.title for one in RECOGNISERS.values()}) == len(RECOGNISERS)


def test_what_cannot_be_had_says_why(context, monkeypatch):
    assert not any(RECOGNISERS.unavailable(context, name) for name in LADDER)
    untrained = replace(context, training=None)
    assert "no network is trained" in str(RECOGNISERS.unavailable(untrained, "vit"))
    monkeypatch.setattr("auditor.attackers.embedding.shipped", list)
    blocked = [name for name in LADDER if RECOGNISERS.unavailable(untrained, name)]
    assert blocked == ["vit", "embedding", "adapted"]


def test_a_wrong_name_is_answered_with_the_nearest_and_no_name_is_given_twice():
    with pytest.raises(ConfigError, match="embedding"):
        RECOGNISERS["embeding"]
    with pytest.raises(ValueError, match="two recognisers"):
        recogniser("template", title="Another", rung=1)(RECOGNISERS["template"].enrol)
