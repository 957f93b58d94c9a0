"""An ECG leads to its person's image where the two share more than what is true of many; and what
retrieval amounts to.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.cross_modal.check import CrossModalRetrieval, Elsewhere, Retrieved, plan
from auditor.core.errors import EvidenceError
from auditor.core.target import NONMEMBER
from auditor.stats.metrics import rank_rate
from tests.checks.asking import context, estimated
from tests.checks.cross_modal.plant import pairing
from tests.checks.output_linkage.plant import People
from tests.checks.output_linkage.test_check import shuffled
from tests.stats.evidence import random_search


def run(target, seed=0) -> Retrieved:
    attack = CrossModalRetrieval(target)
    assert attack.unmet(context()) is None
    return attack.attack(context(), np.random.default_rng(seed))


def first(seen, k=1):
    return rank_rate(seen, k).mean()


def visits(seed, own, visit, n=80, **more):
    """Both sides hold something of the person, and something of the visit."""
    people = People(seed, n, each=2)
    shared = own * people.noise(10, per_person=True) + visit * people.noise(10)
    sides = {name: shared + 0.5 * people.noise(10) for name in ("embedding", "other")}
    return people.target(sides, **more)


def test_only_a_model_of_both_kinds_of_input_is_asked():
    target = pairing(0, False)
    assert [one.view for one in plan(target)] == ["model"]
    assert plan(replace(target, outputs={"embedding": target.outputs["embedding"]})) == []


def test_people_whom_the_model_never_saw_are_searched_apart_from_its_members():
    target = pairing(0, False)
    seen = run(target)
    members = set(target.subject[target.part != NONMEMBER])
    assert seen.members is not None
    assert set(seen.members.subject) == members
    assert not set(seen.cosine.subject) & members
    assert seen.cosine.n_gallery == seen.members.n_gallery == 100
    everybody = run(replace(target, unknown="nobody knows"))
    assert everybody.cosine.n_gallery == 200
    assert everybody.members is everybody.taught_members is None


def test_records_without_an_image_are_nobodys_pair():
    target = pairing(0, True)
    images = target.view("other").values.copy()
    images[: len(images) // 2] = np.nan
    half = replace(target, outputs={**target.outputs, "other": lambda: images}, known={})
    seen = run(half)
    assert set(seen.cosine.subject) <= set(target.subject[len(images) // 2 :])
    images[5:] = np.nan
    alone = replace(target, outputs={**target.outputs, "other": lambda: images}, known={})
    assert "an ECG and an image" in str(CrossModalRetrieval(alone).unmet(context()))
    with pytest.raises(EvidenceError, match="an ECG and an image"):
        CrossModalRetrieval(alone).attack(context(), np.random.default_rng(0))


def test_what_is_of_the_person_is_found_at_another_visit_and_what_is_of_the_visit_is_not():
    person, visit = (run(visits(0, *both)).elsewhere for both in ((2, 0), (0, 2)))
    assert person is not None
    assert visit is not None
    assert first(person.person) > 0.5
    assert first(visit.encounter) > 0.5
    assert first(visit.person) < 0.15
    assert set(person.person.subject) == set(person.encounter.subject)
    assert person.person.n_gallery == person.encounter.n_gallery == 40


def test_a_model_that_was_asked_about_one_visit_each_says_nothing_of_another():
    assert run(pairing(0, False)).elsewhere is None


def test_labels_are_searched_among_people_who_have_them():
    target = pairing(0, False)
    seen = run(target)
    has = set(target.subject[(target.truth[:, 0] == 1) & (target.part == NONMEMBER)])
    assert set(seen.labels["edema"].subject) == has
    assert seen.labels["edema"].n_gallery == len(has)
    assert (seen.alike.demographic_size <= seen.cosine.demographic_size).all()
    few = target.truth * 0
    few[:9] = 1
    assert run(replace(target, truth=few)).labels == {}


def test_what_other_people_teach_finds_a_number_that_the_cosine_overlooks():
    seen = run(pairing(1, True))
    assert first(seen.taught, 5) > first(seen.cosine, 5) + 0.2
    assert first(run(pairing(1, False)).beyond, 5) < 0.2


def test_random_weights_find_nobody():
    target = visits(0, 0, 2)
    rng = np.random.default_rng(0)
    blank = {name: lambda: rng.normal(size=(160, 10)) for name in ("embedding", "other")}
    seen = run(replace(target, controls=blank))
    assert first(seen.untrained) < 0.15 < first(seen.cosine)


def test_more_of_the_pair_is_found_more_often():
    rates = [first(run(visits(2, 0, strength)).cosine) for strength in (0, 0.5, 1, 3)]
    assert rates == sorted(rates)
    assert rates[0] < 0.1 < 0.9 < rates[-1]


def test_the_order_of_the_records_does_not_matter():
    target = visits(1, 1, 1)
    one, other = run(target), run(shuffled(target))
    for name in ("cosine", "members", "taught", "taught_members", "alike", "beyond"):
        same = (getattr(each, name).n_above for each in (one, other))
        np.testing.assert_array_equal(*same, err_msg=name)
    assert one.elsewhere is not None
    assert other.elsewhere is not None
    np.testing.assert_array_equal(one.elsewhere.person.n_above, other.elsewhere.person.n_above)


# --- what retrieval amounts to ------------------------------------------------------------


def searches(strength: float = 0.0, members: float = 0.0) -> Retrieved:
    rng = np.random.default_rng(3)
    other = random_search(np.random.default_rng(8), 40)
    own, mine = random_search(rng, 40, strength), random_search(rng, 60, members)
    return Retrieved(
        cosine=own,
        members=mine,
        taught=own,
        taught_members=mine,
        alike=other,
        beyond=other,
        untrained=other,
        labels={"edema": other},
        elsewhere=Elsewhere(other, other),
    )


def told(seen: Retrieved):
    return estimated(CrossModalRetrieval(None), seen)


def test_everything_is_told_with_chance_beside_it():
    seen = told(searches())
    found = seen.estimates
    wanted = "rank1 rank10 auc_known members_rank1 members_rank10 member_gap taught_member_gap "
    wanted += "taught_rank10 alike_auc_known beyond_auc_known label_edema_rank10 person_rank1 "
    wanted += "encounter_gap untrained_rank1"
    assert set(wanted.split()) <= set(found)
    assert found["rank10"].chance == pytest.approx(10 / 40)
    assert found["members_rank1"].chance == pytest.approx(1 / 60)
    for one in found.values():
        assert one.low <= one.value <= one.high
        assert one.n_subjects >= 10
    assert seen.curves["gallery"]["gallery"][-1] == 40
    assert seen.params == {}


def test_memorised_pairs_are_a_gap_and_a_model_that_finds_everybody_has_none():
    gaps = [told(searches(*both)).estimates["member_gap"] for both in ((0, 8), (8, 8), (0, 0))]
    assert gaps[0].low > 0.5
    assert all(one.low < 0 < one.high for one in gaps[1:])


def test_nine_people_are_too_few():
    few = random_search(np.random.default_rng(0), 9)
    nothing = dict.fromkeys(vars(searches()))
    with pytest.raises(EvidenceError, match="10 people"):
        told(Retrieved(**nothing | {"cosine": few, "alike": few, "labels": {}}))
