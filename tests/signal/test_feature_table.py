"""A data set becomes a table of what its hearts do, one row a record, whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from auditor.cli import main
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.readers import READERS
from auditor.engine import engine
from auditor.signal.feature_table import RADIOGRAPH, TABULAR, write_features
from auditor.signal.measurements import BEAT_COLUMNS, RECORD_COLUMNS
from auditor.simulate.population import Population
from auditor.targets.release import Release


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    root = tmp_path_factory.mktemp("release")
    Population(n_subjects=3, n_sessions=2, leads=("I", "II", "V2")).write(root)
    return root


def tables(root, out, jobs=1):
    with engine(jobs) as workers:
        dataset = open_dataset(root, describe(root), engine=workers)
        n = write_features(dataset, out / "f.parquet", workers, beats=out / "b.parquet")
    return n, pd.read_parquet(out / "f.parquet"), pd.read_parquet(out / "b.parquet")


def test_each_record_has_a_row_and_each_beat_of_each_lead_another(release, tmp_path):
    n_measured, records, beats = tables(release, tmp_path)
    assert n_measured == len(records) == 6
    assert {*TABULAR, *RADIOGRAPH, *RECORD_COLUMNS} <= set(records)
    assert (beats.groupby("record").size() == 3 * records.set_index("record")["beats"]).all()
    assert list(beats.columns[-14:]) == list(BEAT_COLUMNS) or set(BEAT_COLUMNS) <= set(beats)
    assert records["PR ms"].between(80, 300).all()
    assert records["QRS axis deg"].between(-180, 180).all()
    assert records["unusable"].isna().all()


def test_two_processes_write_what_one_does(release, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    _, one, _ = tables(release, tmp_path / "one")
    _, two, _ = tables(release, tmp_path / "two", jobs=2)
    pd.testing.assert_frame_equal(one, two)


def test_a_mended_reader_makes_the_kept_table_anew(release, monkeypatch):
    """The table is kept under the code that made it, readers' included."""

    def heights() -> float:
        with engine() as workers:
            table = Release.open(release, workers).feature_table
        return float(table["R II mV"].median())

    before = heights()
    reader = type(READERS["wfdb"])
    read = reader.read

    def twice(self, *place):
        seen = read(self, *place)
        return replace(seen, signal=2 * seen.signal)

    monkeypatch.setattr(reader, "read", twice)
    assert heights() == before  # kept, for all that the code's digest says
    monkeypatch.setattr("auditor.data.store.code_digest", lambda: "another version")
    assert heights() == pytest.approx(2 * before, rel=0.01)


def test_a_record_without_beats_says_so_and_the_others_are_measured(release, tmp_path, monkeypatch):
    from auditor.core.errors import SignalError
    from auditor.signal import feature_table

    found = feature_table.delineate

    def fails_once(record):
        if record.subject.endswith("1"):
            raise SignalError("0 beats found, wanted at least 3")
        return found(record)

    monkeypatch.setattr(feature_table, "delineate", fails_once)
    n_measured, records, _ = tables(release, tmp_path)
    bad = records["unusable"].notna()
    assert n_measured == (~bad).sum() == 4
    assert records.loc[bad, "PR ms"].isna().all()
    assert (records.loc[bad, "unusable"] == "0 beats found, wanted at least 3").all()


def test_the_command_writes_both_tables_and_nothing_when_it_breaks(release, tmp_path, monkeypatch):
    out = tmp_path / "f.parquet"
    command = ["features", str(release), "--out", str(out), "--quiet"]
    result = CliRunner().invoke(main, [*command, "--beats", str(tmp_path / "b.parquet")])
    assert result.exit_code == 0, result.output
    assert len(pd.read_parquet(out)) == 6
    out.unlink()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr("auditor.signal.feature_table._measured", full)
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["b.parquet"]


def test_an_empty_folder_is_one_line_and_status_2(tmp_path):
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(main, ["features", str(tmp_path / "empty")])
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1


def test_help_shows_an_example():
    text = CliRunner().invoke(main, ["features", "--help"]).output
    assert "auditor features release/ --out" in text
    assert "not for release" in " ".join(text.split())


def test_hearts_of_ptb_xl_beat_as_hearts_do(real, tmp_path):
    with engine() as workers:
        dataset = real("ptb-xl").dataset.part(np.arange(80))
        write_features(dataset, tmp_path / "f.parquet", workers)
    found = pd.read_parquet(tmp_path / "f.parquet").median(numeric_only=True)
    assert 140 < found["PR ms"] < 180
    assert 80 < found["QRS ms"] < 110
    assert 360 < found["QT ms"] < 420
    assert 0 < found["QRS axis deg"] < 70
    assert found["R V5 mV"] > found["R V1 mV"] > 0
    assert found["S V2 mV"] < found["S V6 mV"] <= 0
