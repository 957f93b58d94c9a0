"""An ECG leads to its person's image where the two share more than what is true of many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.cross_modal.check import Retrieved, attacks
from auditor.core.errors import EvidenceError
from auditor.core.target import NONMEMBER
from auditor.stats.metrics import rank_rate
from tests.checks.cross_modal.plant import PLANTS, pairing
from tests.checks.output_linkage.plant import CASE, People
from tests.checks.output_linkage.test_check import shuffled


def run(target, seed=0):
    attack = Retrieved(target)
    assert attack.unmet(CASE) is None
    return attack.run(CASE, np.random.default_rng(seed))


def first(seen, k=1):
    return rank_rate(seen, k).mean()


def visits(seed, own, visit, n=80, **more):
    """Both sides hold something of the person, and something of the visit."""
    people = People(seed, n, each=2)
    shared = own * people.noise(10, per_person=True) + visit * people.noise(10)
    sides = {name: shared + 0.5 * people.noise(10) for name in ("embedding", "other")}
    return people.target(sides, **more)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_leak_is_found_and_its_clean_twin_is_not(name):
    assert all(PLANTS[name](seed, True) for seed in range(4))
    assert sum(PLANTS[name](seed, False) for seed in range(4)) <= 1


def test_only_a_model_of_both_kinds_of_input_is_asked():
    target = pairing(0, False)
    assert [one.view for one in attacks(target)] == ["model"]
    assert attacks(replace(target, outputs={"embedding": target.outputs["embedding"]})) == []


def test_people_whom_the_model_never_saw_are_searched_apart_from_its_members():
    target = pairing(0, False)
    seen = run(target)
    members = set(target.subject[target.part != NONMEMBER])
    assert set(seen["members"].subject) == members
    assert not set(seen[""].subject) & members
    assert seen[""].n_gallery == seen["members"].n_gallery == 100
    everybody = run(replace(target, unknown="nobody knows"))
    assert everybody[""].n_gallery == 200
    assert "members" not in everybody


def test_records_without_an_image_are_nobodys_pair():
    target = pairing(0, True)
    images = target.view("other").values.copy()
    images[: len(images) // 2] = np.nan
    half = replace(target, outputs={**target.outputs, "other": lambda: images}, known={})
    seen = run(half)
    assert set(seen[""].subject) <= set(target.subject[len(images) // 2 :])
    images[5:] = np.nan
    alone = replace(target, outputs={**target.outputs, "other": lambda: images}, known={})
    assert "an ECG and an image" in str(Retrieved(alone).unmet(CASE))
    with pytest.raises(EvidenceError, match="an ECG and an image"):
        Retrieved(alone).run(CASE, np.random.default_rng(0))


def test_what_is_of_the_person_is_found_at_another_visit_and_what_is_of_the_visit_is_not():
    person, visit = run(visits(0, 2, 0)), run(visits(0, 0, 2))
    assert first(person["person"]) > 0.5
    assert first(visit["encounter"]) > 0.5
    assert first(visit["person"]) < 0.15
    assert set(person["person"].subject) == set(person["encounter"].subject)
    assert person["person"].n_gallery == person["encounter"].n_gallery == 40


def test_a_model_that_was_asked_about_one_visit_each_says_nothing_of_another():
    assert not {"person", "encounter"} & set(run(pairing(0, False)))


def test_labels_are_searched_among_people_who_have_them():
    target = pairing(0, False)
    seen = run(target)
    has = set(target.subject[(target.truth[:, 0] == 1) & (target.part == NONMEMBER)])
    assert set(seen["label/edema"].subject) == has
    assert seen["label/edema"].n_gallery == len(has)
    assert (seen["alike"].demographic_size <= seen[""].demographic_size).all()
    few = target.truth * 0
    few[:9] = 1
    assert "label/edema" not in run(replace(target, truth=few))


def test_what_other_people_teach_finds_a_number_that_the_cosine_overlooks():
    seen = run(pairing(1, True))
    assert first(seen["taught"], 5) > first(seen[""], 5) + 0.2
    assert first(run(pairing(1, False))["beyond"], 5) < 0.2


def test_random_weights_find_nobody():
    target = visits(0, 0, 2)
    rng = np.random.default_rng(0)
    blank = {name: lambda: rng.normal(size=(160, 10)) for name in ("embedding", "other")}
    seen = run(replace(target, controls=blank))
    assert first(seen["untrained"]) < 0.15 < first(seen[""])


def test_more_of_the_pair_is_found_more_often():
    rates = [first(run(visits(2, 0, strength))[""]) for strength in (0, 0.5, 1, 3)]
    assert rates == sorted(rates)
    assert rates[0] < 0.1 < 0.9 < rates[-1]


def test_the_order_of_the_records_does_not_matter():
    target = visits(1, 1, 1)
    one, other = run(target), run(shuffled(target))
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name].n_above, other[name].n_above, err_msg=name)
