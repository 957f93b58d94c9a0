"""Copies are found at any rate, gain and length, under any name; different recordings are not."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb

from auditor.audit import open_context
from auditor.checks.duplicates.check import NAMES, Duplicates, Labels, copies
from auditor.checks.duplicates.names import like_strangers
from auditor.checks.run import run_check
from auditor.core.evidence import Counts
from auditor.data.protocols import later
from auditor.engine import engine
from auditor.targets.release import Release
from tests.releases import prepared_as, settings, write_release

KNOBS = {"identity": 1, "seed": 4, "n_subjects": 14}


def case_of(root: Path):
    with engine() as workers:
        return open_context(root, settings(vit=False), workers)


def names_of(context, pairs) -> list[tuple[str, str]]:
    record = context.prepared.records["record"]
    return [(record.iloc[a], record.iloc[b]) for a, b in pairs]


def rewritten(source: Path, target: Path, change) -> None:
    """A copy of a record whose signal and rate were changed."""
    record = wfdb.rdrecord(str(source.with_suffix("")))
    signal, fs = change(record.p_signal, record.fs)
    wfdb.wrsamp(
        target.stem, fs=fs, units=record.units, sig_name=record.sig_name, p_signal=signal,
        fmt=["16"] * record.n_sig, comments=record.comments, write_dir=str(target.parent),
    )  # fmt: skip


def strangers(context) -> set[str]:
    """The people of whom a later recording looks like a stranger's."""
    rows = later(context.records)
    strange = like_strangers(context, rows, np.random.default_rng(0))
    return set(context.records["subject"].iloc[rows[strange]])


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return case_of(write_release(tmp_path_factory.mktemp("clean"), **KNOBS))


def test_recordings_that_differ_are_no_copies(clean):
    assert copies(clean.prepared) == []
    assert not strangers(clean)


@pytest.mark.parametrize(
    "change",
    [
        lambda signal, fs: (signal, fs),
        lambda signal, fs: (signal * 0.5, fs),
        lambda signal, fs: (signal[::2], fs / 2),
        lambda signal, fs: (signal[int(2 * fs) :], fs),
        lambda signal, fs: (
            signal + np.random.default_rng(0).normal(0, 0.004, signal.shape),
            fs,
        ),
    ],
    ids=["byte for byte", "half the gain", "half the rate", "without its start", "with noise"],
)
def test_a_copy_under_another_name_is_found_however_it_was_made(tmp_path, change):
    root = write_release(tmp_path, **KNOBS)
    headers = sorted(root.rglob("*.hea"))
    source, other = headers[0], headers[-1]
    target = other.with_name(f"{other.stem}x.hea")
    rewritten(source, target, change)
    context = case_of(root)
    found = names_of(context, copies(context.prepared))
    assert len(found) == 1
    assert {Path(one).name for one in found[0]} == {source.stem, target.stem}
    counts = Duplicates().attack(context, np.random.default_rng(0)).counts
    assert counts.names == NAMES
    assert counts.values[:, 0].sum() == 0
    assert (counts.values[:, 1] > 0).sum() == 2


def test_a_copy_under_the_same_name_is_told_from_one_under_another(tmp_path):
    root = write_release(tmp_path, **KNOBS)
    source = min(root.rglob("*.hea"))
    rewritten(source, source.with_name(f"{source.stem}x.hea"), lambda signal, fs: (signal, fs))
    counts = Duplicates().attack(case_of(root), np.random.default_rng(0)).counts
    assert (counts.values[:, 0] > 0).sum() == 1
    assert counts.values[:, 1].sum() == 0


def test_a_recording_under_a_wrong_name_looks_like_a_stranger(clean):
    """Two people change places in their later records: both look wrong, nobody else does."""
    records = clean.prepared.records.copy()
    later = np.flatnonzero(records["subject"].duplicated())
    one, other = records["subject"].unique()[[0, 7]]
    swapped = records["subject"].iloc[later].replace({one: other, other: one})
    records.loc[later, "subject"] = swapped.to_numpy()
    context = prepared_as(clean, replace(clean.prepared, records=records))
    found = strangers(context)
    assert found
    assert found <= {one, other}


def named_anew(context, change) -> dict:
    """What is measured once the names of later recordings are others'."""
    records = context.prepared.records.copy()
    rows = later(records)
    records.loc[rows, "subject"] = change(records["subject"].to_numpy()[rows])
    anew = prepared_as(context, replace(context.prepared, records=records))
    return run_check(Duplicates(), anew, level=0.95, smallest_cell=10).estimates


def test_names_that_were_shuffled_show_where_hearts_can_be_told_apart(clean):
    right = named_anew(clean, lambda names: names)
    assert right["by_half"].low > 0.5
    assert right["misnamed"].value < 0.05
    wrong = named_anew(clean, np.random.default_rng(1).permutation)
    assert wrong["by_half"].low > 0.5
    assert wrong["misnamed"].low > 0.1


def test_where_hearts_cannot_be_told_apart_nothing_is_said_of_names(tmp_path):
    blank = case_of(write_release(tmp_path, **KNOBS | {"identity": 0}))
    found = named_anew(blank, np.random.default_rng(1).permutation)
    assert found["by_half"].low < 0.5
    assert "misnamed" not in found


def test_the_report_tells_shares_of_people_and_no_names(clean):
    finding = run_check(Duplicates(), clean, level=0.95, smallest_cell=10)
    assert finding.status == "measured"
    assert {"copied_within", "copied_across", "like_strangers"} < set(finding.estimates)
    assert not re.search(r"p0\d", str(finding))


def test_ptb_xl_holds_three_recordings_twice(data, tmp_path):
    """Records 456 and 457, 459 and 460 are one person's; 145 and 463 are given to two people."""
    root = tmp_path / "some"
    (root / "records100" / "00000").mkdir(parents=True)
    for number in (*range(140, 150), *range(450, 465)):
        for file in (data / "ptb-xl" / "records100" / "00000").glob(f"{number:05d}_lr.*"):
            shutil.copy(file, root / "records100" / "00000")
    shutil.copy(data / "ptb-xl" / "ptbxl_database.csv", root)
    with engine() as workers:
        prepared = Release.open(root, workers, max_seconds=60).prepared
    record = prepared.records["record"]
    found = {
        tuple(sorted((record.iloc[a][-8:-3], record.iloc[b][-8:-3]))) for a, b in copies(prepared)
    }
    assert found == {("00456", "00457"), ("00459", "00460"), ("00145", "00463")}


def test_copies_of_fewer_than_ten_people_are_said_and_not_counted():
    values = np.zeros((200, 3), dtype=np.int64)
    values[:2, 0], values[:30, 1] = 1, 4
    nothing = np.empty(0)
    evidence = Labels(Counts(NAMES, values), nothing, nothing)
    seen = Duplicates().estimate(evidence, 0.95, np.random.default_rng)
    found, few = seen.estimates, seen.params
    assert few == {"copied_within": "1 to 9 people"}
    assert found["copied_across"].value == 0.15
    assert found["like_strangers"].value == 0
