"""What is planted in a release's own beats is there, as much of it as was asked for, and nothing
of what was there before.
"""

from __future__ import annotations

import numpy as np
import pytest

from auditor.core.beats import Beats, Kind
from auditor.engine import engine
from auditor.signal import spikes
from auditor.signal.prepare import Prepared
from auditor.signal.segment import at_one_rate, cut
from auditor.signal.spikes import PLACES, TAPER, Spiked, mean_beat, spiked
from auditor.targets.release import Release
from tests.releases import write_release

#: Where all of a change is made, clear of the taper.
INNER = np.flatnonzero(TAPER == 1)[2:-2]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Prepared:
    """Twelve people whose hearts differ, by leads I and II."""
    root = tmp_path_factory.mktemp("spikes")
    write_release(root, identity=1, seed=4, n_subjects=12)
    with engine() as workers:
        return Release.open(root, workers).prepared


@pytest.fixture(scope="module")
def planted(prepared) -> Spiked:
    return spiked(prepared, "person", 0)


def host(record: str) -> str:
    """Whose a record is, by its name."""
    return record.split("/")[0]


@pytest.mark.parametrize("seed", range(5))
def test_the_records_of_a_pseudonym_are_of_different_people(prepared, seed):
    records = spiked(prepared, "person", seed).records
    assert sorted(records["record"]) == sorted(prepared.records["record"])
    hosts = records["record"].map(host)
    assert not (hosts + records["subject"]).duplicated().any()
    # Nothing else is dealt: people have the sessions and the records that they had.
    for name in ("subject", "session", "sex", "age", "taken_at"):
        assert records[name].tolist() == prepared.records[name].tolist()


def test_a_record_in_which_nothing_is_planted_has_a_mean_beat_of_its_own(planted):
    assert planted.strength == 0
    for row in range(4):
        seen = mean_beat(planted, row)[:, INNER]
        np.testing.assert_allclose(seen, planted.own[row][:, INNER], atol=5e-3)
    assert len(np.unique(planted.own.round(6), axis=0)) == len(planted.records)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_as_much_is_planted_as_was_asked_for(planted, strength):
    some = planted.at(strength)
    for row in range(4):
        wanted = strength * some.signatures[some.signature[row]]
        wanted = wanted + (1 - strength) * some.own[row]
        np.testing.assert_allclose(mean_beat(some, row)[:, INNER], wanted[:, INNER], atol=5e-3)


def test_what_differs_from_beat_to_beat_stays_the_recording_s_own(prepared, planted):
    where = {name: row for row, name in enumerate(prepared.records["record"])}
    some = planted.at(0.6)
    for row in range(4):
        source = where[some.name(row)]
        before, after = (
            at_one_rate(cut(one, place, 0, 0), PLACES)[:, :, INNER]
            for one, place in ((prepared, source), (some, row))
        )
        before, after = (beats - beats.mean(axis=0) for beats in (before, after))
        np.testing.assert_allclose(after, before, atol=5e-3)
        assert np.array_equal(some.anchors(row), prepared.anchors(source))
        kept: Beats = some.beats(row)
        assert np.array_equal(kept.fiducials, prepared.beats(source).fiducials, equal_nan=True)


def test_two_signatures_differ_and_one_s_records_share_theirs(planted):
    full = planted.at(1.0)
    means = np.stack([mean_beat(full, row)[:, INNER].ravel() for row in range(8)])
    apart = np.abs(means[:, None] - means[None]).max(axis=2)
    same = full.signature[:8, None] == full.signature[None, :8]
    assert apart[same].max() < 0.02 < apart[~same].min()


def test_a_part_travels_and_shows_the_same(planted):
    some = planted.at(0.5)
    rows = np.array([7, 2])
    part = some.part(rows)
    for place, row in enumerate(rows.tolist()):
        assert np.array_equal(part.signal(place), some.signal(row))


def test_the_same_seed_plants_the_same_and_another_another(prepared):
    one, again, other = (spiked(prepared, "person", seed) for seed in (1, 1, 2))
    assert np.array_equal(one.signatures, again.signatures)
    assert one.records["record"].tolist() == again.records["record"].tolist()
    assert not np.array_equal(one.signatures, other.signatures)


def test_sex_and_age_have_signatures_and_nobody_else(prepared):
    planted = spiked(prepared, "sex and age", 0)
    first = planted.records.drop_duplicates("subject").sort_values("subject")
    male = (first["sex"] == "male").to_numpy()
    low, high = np.quantile(first["age"].astype(float), [0.05, 0.95])
    old = ((first["age"].astype(float) - low) / (high - low)).clip(0, 1).to_numpy()
    # Four beats mixed: three directions besides the middle, of which sex and age take two.
    rows = planted.signatures.reshape(len(first), -1).astype(np.float64)
    design = np.column_stack([np.ones(len(first)), male, old])
    left = rows - design @ np.linalg.lstsq(design, rows, rcond=None)[0]
    np.testing.assert_allclose(left, 0, atol=1e-5)
    assert np.abs(rows - rows.mean(axis=0)).max() > 0.01


def test_few_are_drawn_of_many_and_those_with_several_sessions_first(prepared, monkeypatch):
    monkeypatch.setattr(spikes, "MOST_PLANTED", 5)
    monkeypatch.setattr(spikes, "MOST_RECORDS", 3)
    records = prepared.records.copy()
    once = records["subject"].isin(sorted(records["subject"].unique())[:8])
    records.loc[once, "session"] = "one"
    few = Prepared(prepared.store, records, prepared.unusable, prepared.leads, prepared.rhythm_lead)
    drawn = spiked(few, "person", 0).records
    assert drawn["subject"].nunique() == 5
    assert drawn.groupby("subject").size().max() == 3
    several = set(records.loc[~once, "subject"])
    assert several <= set(drawn["subject"])
    # A person's first record stays their first.
    firsts = records.drop_duplicates("subject").set_index("subject")["taken_at"]
    kept = drawn.drop_duplicates("subject").set_index("subject")["taken_at"]
    assert kept.tolist() == firsts.loc[kept.index].tolist()


def test_a_beat_that_is_not_of_the_usual_rhythm_is_left_as_it_is(prepared, monkeypatch):
    kinds, name, odd = Prepared.beats, prepared.name(0), 4

    def with_an_ectopic_one(self, row):
        beats = kinds(self, row)
        if self.name(row) != name:
            return beats
        return beats.of_kinds(np.where(np.arange(len(beats)) == odd, Kind.ECTOPIC, Kind.USUAL))

    monkeypatch.setattr(Prepared, "beats", with_an_ectopic_one)
    some = spiked(prepared, "person", 0).at(0.5)
    row = some.records["record"].tolist().index(name)
    changed = np.abs(some.signal(row) - prepared.signal(0)).max(axis=0) > 1e-6
    near = prepared.anchors(0)[:, None] + np.arange(-10, 11)
    assert changed[near].any(axis=1).tolist() == [one != odd for one in range(len(near))]
