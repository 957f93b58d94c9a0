"""A copy names nobody, is read as its original was, and is linked to it by the key alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wfdb
from click.testing import CliRunner

from auditor.cli import main
from auditor.core.errors import ConfigError, DataError
from auditor.engine import engine
from auditor.mitigation.cleaning.key import Key
from auditor.mitigation.copy import clean
from auditor.targets.release import Release
from tests.data.test_devices import FORMATS
from tests.mitigation.cleaned import (
    KEY,
    cleaned,
    everything,
    files,
    identifiers,
    name_of,
    opened,
    pairs,
    same_signals,
    table,
)
from tests.releases import finished, settings, write_release

PEOPLE = ("Lindqvist Ingeborg", "Okafor Chidi", "Meier Hans")


@pytest.fixture
def export(tmp_path) -> Path:
    """Three people of a hospital, two recordings each, a month apart."""
    root = tmp_path / "export"
    rows = ["file,mrn,age,sex,taken,ward,rate,remark,code"]
    for number, person in enumerate(PEOPLE):
        for visit in (1, 2):
            folder = root / person.split()[0]
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{person.split()[0]}_2019{visit:02d}04"
            rng = np.random.default_rng(10 * number + visit)
            wave = np.sin(np.arange(5000) / 60)[:, None] + 0.1 * rng.normal(size=(5000, 2))
            wfdb.wrsamp(
                name,
                500,
                ["mV", "mV"],
                p_signal=wave,
                sig_name=["II", f"box of {person}"],
                fmt=["16", "16"],
                write_dir=str(folder),
                comments=[f"Patient: {person}", "Age: 9" + str(visit), "Sex: female", "Dx: AFIB"],
            )
            wfdb.wrann(
                name,
                "atr",
                np.array([100, 600, 1100]),
                ["+", "N", '"'],
                aux_note=["(AFIB", "", f"{person} coughs"],
                write_dir=str(folder),
            )
            header = folder / f"{name}.hea"
            lines = header.read_text().splitlines()
            lines[0] += f" 09:13:00 04/{visit:02d}/2019"
            header.write_text("\n".join(lines) + "\n")
            day = f"2019-{visit:02d}-04"
            path = f"{folder.name}/{name}"
            rows.append(
                f"{path},0081234{number},{90 + visit},F,{day},Ward7B,{60 + number},ok {day},A"
            )
    (root / "people.csv").write_text("\n".join(rows) + "\n")
    (root / "README.txt").write_text("Recorded by Dr Lindqvist in Uppsala.\n")
    (root / "page.pdf").write_bytes(b"%PDF-1.4\n\x00\xff binary")
    (root / "auditor.yaml").write_text(
        "subject: {column: mrn}\nsession: {header: date}\n"
        "table: {file: people.csv, record: [file], age: age, sex: sex, date: taken}\n"
    )
    return root


def test_a_copy_names_nobody(export, tmp_path):
    assert "name/header comment" in identifiers(export)
    cleaned(export, tmp_path / "out")
    assert identifiers(tmp_path / "out") == {}
    assert opened(tmp_path / "out").unread == ()
    told = everything(tmp_path / "out")
    for secret in (
        *" ".join(PEOPLE).split(),
        "00812340",
        "2019",
        "Ward7B",
        "coughs",
        "Uppsala",
        "PDF",
    ):
        assert secret.encode() not in told
    for old in files(export):
        assert hashlib.sha256(old.stem.encode()).hexdigest().encode() not in told


def test_signals_beats_and_rhythms_are_untouched(export, tmp_path):
    cleaned(export, tmp_path / "out")
    seen = list(pairs(export, tmp_path / "out"))
    assert len(seen) == 6
    for record, before, name, after in seen:
        assert same_signals(before, after)
        assert after.leads == ("II", "ch2")
        old, new = (
            wfdb.rdann(str(one), "atr") for one in (export / record, tmp_path / "out" / name)
        )
        assert new.sample.tolist() == old.sample.tolist()
        assert new.symbol == old.symbol
        assert [one.strip("\0") for one in new.aux_note] == ["(AFIB", "", ""]
        raw = wfdb.rdrecord(str(tmp_path / "out" / name), physical=False)
        assert [int(one) & 0xFFFF for one in raw.d_signal.sum(axis=0)] == [
            one & 0xFFFF for one in raw.checksum
        ]
        assert raw.d_signal[0].tolist() == raw.init_value


def test_people_sessions_gaps_sexes_and_codes_are_known_again(export, tmp_path):
    cleaned(export, tmp_path / "out")
    before, after = opened(export).manifest, opened(tmp_path / "out").manifest
    assert after["subject"].nunique() == 3
    assert after["subject_known"].all()
    assert after["session_known"].all()
    assert set(after["age"]) == {90.0}
    assert after["age_pooled"].all()
    assert set(after["sex"]) == {"female"}
    assert set(after["labels"]) == {"AFIB"}
    for manifest in (before, after):
        days = manifest.groupby("subject")["taken_at"]
        assert (days.max() - days.min()).dt.days.tolist() == [31, 31, 31]
        assert manifest.groupby("subject")["session"].nunique().tolist() == [2, 2, 2]
    moved = {
        (new - old).days // 365
        for old, new in zip(before["taken_at"], after["taken_at"], strict=True)
    }
    assert min(moved) >= 100
    assert len(moved) > 1


def test_of_a_table_numbers_and_codes_are_kept(export, tmp_path):
    account = cleaned(export, tmp_path / "out")
    found = table(tmp_path / "out")
    assert list(found) == [
        *("record", "subject", "session", "date", "age", "sex", "labels", "rate", "code")
    ]
    assert set(found["age"]) == {">89"}
    assert set(found["rate"]) == {"60", "61", "62"}
    assert sum(n for what, n in account.gone.items() if what.startswith("columns")) == 2


def test_groups_of_ages_stay_groups(export, tmp_path):
    people = export / "people.csv"
    lines = people.read_text().splitlines()
    groups = ("60-69", "> 65", "80+", "12", "95", "")
    for at, group in enumerate(groups, 1):
        cells = lines[at].split(",")
        lines[at] = ",".join([*cells[:2], group, *cells[3:]])
    people.write_text("\n".join(lines) + "\n")
    for header in export.rglob("*.hea"):
        header.write_text(header.read_text().replace("Age: 9", "Height: 9"))
    cleaned(export, tmp_path / "out")
    assert sorted(table(tmp_path / "out")["age"]) == sorted([*groups[:4], ">89", ""])


def test_what_is_not_copied_is_said_by_kind_and_number_alone(export, tmp_path):
    account = cleaned(export, tmp_path / "out")
    assert account.n_records == 6
    assert account.n_people == 3
    assert account.formats == {"wfdb": 6}
    assert account.gone["comments"] == 24
    assert account.gone["annotation notes"] == 6
    assert account.gone["names of signals"] == 6
    assert account.left_out["texts, which may say anything"] == 1
    told = repr(account)
    assert not any(secret in told for secret in (*" ".join(PEOPLE).split(), "README", "page.pdf"))


def test_the_same_key_gives_the_same_copy_and_another_key_shares_no_name(export, tmp_path):
    for name, key in (("one", KEY), ("two", KEY), ("other", Key.new())):
        cleaned(export, tmp_path / name, key)
    assert everything(tmp_path / "one") == everything(tmp_path / "two")
    names = [
        {
            part
            for path in files(tmp_path / name)
            for part in path.relative_to(tmp_path / name).parts
        }
        for name in ("one", "other")
    ]
    assert names[0] & names[1] == {"recordings.csv", "RECORDS", "auditor.yaml"}


def test_a_later_export_is_cleaned_under_the_same_names(export, tmp_path):
    cleaned(export, tmp_path / "all")
    shutil.rmtree(export / "Meier")
    people = export / "people.csv"
    rows = [row for row in people.read_text().splitlines() if not row.startswith("Meier")]
    people.write_text("\n".join(rows) + "\n")
    cleaned(export, tmp_path / "some")
    whole, part = (
        {path.relative_to(root): path.read_bytes() for path in files(root) if path.parent != root}
        for root in (tmp_path / "all", tmp_path / "some")
    )
    assert len(part) == 2 * 2 * 3
    assert part.items() <= whole.items()


def test_without_the_key_nothing_orders_the_new_names_as_the_old(tmp_path):
    old = [f"person_{number:04d}" for number in range(400)]
    new = [name_of(one) for one in old]
    place = pd.Series(new).rank()
    assert len(set(new)) == 400
    assert abs(place.corr(pd.Series(range(400)))) < 0.15
    hashes = {
        hashlib.new(kind, one.encode()).hexdigest()
        for kind in ("md5", "sha1", "sha256")
        for one in old
    }
    assert not hashes & set(new)
    days = pd.Series([KEY.days(one) for one in old])
    assert days.nunique() > 390
    assert abs(days.corr(pd.Series(range(400)))) < 0.15


def test_files_stand_in_the_order_of_their_names_and_bear_one_time(export, tmp_path):
    cleaned(export, tmp_path / "out")
    times = {path.stat().st_mtime for path in (tmp_path / "out").rglob("*")}
    assert times | {(tmp_path / "out").stat().st_mtime} == {946684800.0}
    headers = list((tmp_path / "out").rglob("*.hea"))
    by_age = sorted(headers, key=lambda path: (path.stat().st_ctime_ns, path))
    assert by_age == sorted(headers)
    assert table(tmp_path / "out")["record"].is_monotonic_increasing


def test_a_place_that_is_taken_or_in_the_release_is_refused(export, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    for out in (tmp_path / "taken", export / "out", tmp_path, export):
        with pytest.raises(ConfigError, match="name"):
            cleaned(export, out)
    (tmp_path / "empty").mkdir()
    assert cleaned(export, tmp_path / "empty").n_records == 6


def test_nothing_half_written_stays(export, tmp_path, monkeypatch):
    monkeypatch.setattr("auditor.mitigation.copy._write_beside", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cleaned(export, tmp_path / "out")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export"]


def test_a_record_in_which_something_is_left_is_left_out(export, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "auditor.mitigation.cleaning.wfdb._comments", lambda said: ["# Patient: Ingeborg Lindqvist"]
    )
    with pytest.raises(DataError, match=r"no record could be cleaned.*\(name\)"):
        cleaned(export, tmp_path / "out")


def test_a_record_whose_signals_would_differ_is_left_out(export, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "auditor.mitigation.cleaning.wfdb._signal_bytes",
        lambda path, form, count: [bytes(path.stat().st_size)],
    )
    with pytest.raises(DataError, match="signals of the copy would differ"):
        cleaned(export, tmp_path / "out")


def test_a_copy_passes_a_scan_for_identifiers_and_its_original_does_not(tmp_path):
    profile = tmp_path / "profile.yaml"
    profile.write_text(
        "title: Identifiers\ncontext: A gate.\npopulation: 100000\nminimum_cell: 10\nrules:\n"
        "  - {id: identifiers, check: identifiers, estimate: direct, limit: 0,"
        " basis: 'law: 45 CFR 164.514(b)(2)(i)'}\n"
        "  - {id: old-ages, check: identifiers, estimate: ages_over_89, limit: 0,"
        " basis: 'law: 45 CFR 164.514(b)(2)(i)(C)'}\n"
    )
    root = write_release(tmp_path / "export", identity=1, seed=0, n_subjects=12, leads=("I",))
    cleaned(root, tmp_path / "out")
    run_settings = settings(vit=False, rungs=(), checks=("identifiers",), profile=str(profile))
    before, after = (finished(one, run_settings) for one in (root, tmp_path / "out"))
    assert before.verdict.outcome == "fail"
    assert after.verdict.outcome == "pass"


def test_several_processes_write_the_same_copy(export, tmp_path):
    cleaned(export, tmp_path / "one")
    with engine(jobs=2) as workers:
        clean(Release.open(export, workers), tmp_path / "two", KEY)
    assert everything(tmp_path / "one") == everything(tmp_path / "two")


def test_broken_files_are_left_out_or_copied_as_they_are_read(tmp_path):
    rng = np.random.default_rng(0)
    root = tmp_path / "export"
    root.mkdir()
    for name, (write, _) in FORMATS.items():
        whole = bytearray(write(root / f"{name}.bin").read_bytes())
        for number in range(12):
            broken = bytearray(whole)
            # Headers and tags stand at the beginning; a text that is longer hides a name.
            for at in rng.integers(0, min(len(whole), 2000), size=number + 1):
                broken[at] = rng.integers(256)
            (root / f"{name}{number}.bin").write_bytes(broken)
    cleaned(root, tmp_path / "out")
    seen = list(pairs(root, tmp_path / "out"))
    assert len(seen) > 20
    assert all(same_signals(before, after) for _, before, _, after in seen)
    assert identifiers(tmp_path / "out") == {}
    whole_copy = everything(tmp_path / "out")
    assert not [one for one in (b"PX-4711", b"Christie", b"slept badly") if one in whole_copy]


# ---- the command


def run(*words) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["clean", *map(str, words)], catch_exceptions=False)
    return done.exit_code, done.output


def test_the_key_is_written_apart_for_its_owner_alone_and_read_again(export, tmp_path):
    status, told = run(export, tmp_path / "out")
    assert status == 0
    key = tmp_path / "out.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text())) == 32
    assert key.read_text().strip() not in told
    assert run(export, tmp_path / "again", "--key", key)[0] == 0
    assert everything(tmp_path / "out") == everything(tmp_path / "again")


@pytest.mark.parametrize("place", ["out/key", "export/key"])
def test_a_key_that_would_be_released_is_refused(export, tmp_path, place):
    status, told = run(export, tmp_path / "out", "--key", tmp_path / place)
    assert status == 2
    assert "released with it" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [("0" * 64, 0o644, "chmod 600"), ("secret", 0o600, "is no key")],
)
def test_a_key_that_is_none_or_that_others_may_read_is_refused(
    export, tmp_path, content, mode, told
):
    key = tmp_path / "key"
    key.write_text(content)
    os.chmod(key, mode)
    status, said = run(export, tmp_path / "out", "--key", key)
    assert status == 2
    assert told in said
    assert "secret" not in said


def test_a_full_disk_names_the_copy_and_leaves_no_key(export, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("auditor.mitigation.copy._write", full)
    status, told = run(export, tmp_path / "out", "--quiet")
    assert status == 2
    assert told == f"Error: {tmp_path / 'out'}, the copy: No space left on device\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export"]
    status, told = run(export, tmp_path / "out", "--dry-run", "--quiet")
    assert status == 2
    assert "where the copy is tried: No space left" in told


def test_a_key_that_was_there_stays_where_the_copy_fails(export, tmp_path, monkeypatch):
    assert run(export, tmp_path / "out")[0] == 0
    kept = (tmp_path / "out.key").read_bytes()
    monkeypatch.setattr("auditor.mitigation.copy._write", lambda *_: 1 / 0)
    assert run(export, tmp_path / "more", "--key", tmp_path / "out.key")[0] == 2
    assert (tmp_path / "out.key").read_bytes() == kept


def test_a_dry_run_tells_what_would_go_and_writes_nothing(export, tmp_path):
    status, would = run(export, tmp_path / "out", "--dry-run")
    assert status == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["export"]
    _, did = run(export, tmp_path / "out")
    counts = [line for line in would.splitlines() if line.startswith(("gone", "left"))]
    assert counts
    assert counts == [line for line in did.splitlines() if line.startswith(("gone", "left"))]
    assert not any(secret in would for secret in (*" ".join(PEOPLE).split(), "00812340"))
