"""A fusion listens to whom the pairs of other people show to know."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers.enrolment import FOLDS, Enrolment
from auditor.attackers.fusion import Fusion, _weights, adaptive_s_norm
from auditor.attackers.recogniser import MIN_MATED, RECOGNISERS
from auditor.data.protocols import Items, Split, later, split
from tests.releases import prepared_as

ALONE = [name for name in RECOGNISERS.ladder() if name != "fusion"]


def enrolled(context, protocol: str = "cross-session") -> Enrolment:
    return Enrolment.of_release(context, split(context.records, protocol))


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("protocol", ["cross-session", "random-segment"])
def test_normalising_changes_the_unit_and_keeps_people_apart(context, name, protocol):
    who = enrolled(context, protocol)
    seen = RECOGNISERS[name](context, who)
    asked = np.flatnonzero(who.pool_fold == 1)
    gallery, probe = adaptive_s_norm(seen.match, who)(seen.gallery, seen.pool[asked], 1)
    scores = (probe @ gallery.T).astype(np.float64)
    own = who.pool_subject[asked][:, None] == who.gallery_subject[None]
    # The nearest others lie about 0 and spread by about 1, whatever the recogniser's own unit.
    near = np.sort(np.where(own, -np.inf, scores), axis=1)[:, -8:]
    assert np.isfinite(scores).all()
    assert abs(np.median(near)) < 3
    assert scores[own].mean() > np.median(near)


def test_a_fusion_is_the_weighed_sum_of_what_it_fuses(context):
    who = enrolled(context)
    fused = RECOGNISERS["fusion"](context, who)
    assert isinstance(fused.match, Fusion)
    names = [name for name in context.fused if name != "fusion"]
    assert sorted(names) == sorted(ALONE)
    parts = [RECOGNISERS[name](context, who) for name in names]
    assert len(fused.match.matches) == len(parts)
    for fold in range(FOLDS):
        asked = np.flatnonzero(who.pool_fold == fold)
        gallery, probe = fused.rows(fold, asked)
        weights = fused.match.weights[fold]
        wanted = 0.0
        for share, one in zip(weights, parts, strict=True):
            rows = adaptive_s_norm(one.match, who)(one.gallery, one.pool[asked], fold)
            wanted = wanted + share * (rows[1] @ rows[0].T)
        assert probe @ gallery.T == pytest.approx(wanted, rel=1e-3, abs=1e-3)
        assert weights.sum() == pytest.approx(1)
        assert (weights >= 0).all()


def test_a_fusion_listens_to_the_recogniser_that_knows():
    rng = np.random.default_rng(0)
    genuine = np.stack([rng.normal(4, 1, 60), rng.normal(0, 1, 60)], axis=1)
    weights = _weights([(genuine, rng.normal(0, 1, (3000, 2)), np.full(60, 1.0))])
    assert weights[0] > 0.7
    few = [(genuine[:5], rng.normal(0, 1, (250, 2)), np.full(5, 1.0))]
    assert _weights(few) == pytest.approx([0.5, 0.5])


def test_what_is_trained_on_pairs_is_left_out_where_few_people_have_any(context):
    people = context.records["subject"].unique()
    keep = context.records["subject"].isin(people[: MIN_MATED - 1])
    first = ~context.records["subject"].duplicated()
    few = prepared_as(context, context.prepared.part(np.flatnonzero(keep | first)))
    firsts = np.flatnonzero(~few.records["subject"].duplicated())
    parts = Split("any", Items.whole(firsts), Items.whole(later(few.records)))
    halves, whole = enrolled(few, "random-segment"), Enrolment.of_release(few, parts)
    for who, n_left_out in ((halves, 0), (whole, 3)):
        assert len(RECOGNISERS["fusion"](few, who).match.matches) == len(ALONE) - n_left_out
