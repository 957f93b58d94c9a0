"""Published tables are read as they are written, and what is no table is refused in one line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditor.core.errors import DataError
from auditor.data import tables
from auditor.data.tables import Table, blocks, find, header, read, refuse_unit

VISITS = Table(("visits.csv",), {"id": "text", "ms": "number", "at": "time"})
SECRET = "Schmidt"


def written(root: Path, data: bytes | str, name: str = "visits.csv") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refused(root: Path, table: Table = VISITS, **more: object) -> str:
    """The one line with which a table is refused."""
    with pytest.raises(DataError) as error:
        read(root, table, **more)  # type: ignore[arg-type]
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 500
    assert SECRET not in message
    return message


def test_texts_numbers_and_times_come_as_they_are(tmp_path):
    written(tmp_path, "at,id,ms,more\n2150-01-02 03:04:05,007,1.5,x\n20150102,,,y\n")
    found = read(tmp_path, VISITS)
    assert found["id"].tolist() == ["007", None]
    assert found["ms"].tolist()[0] == 1.5
    assert np.isnan(found["ms"][1])
    times = [pd.Timestamp(2150, 1, 2, 3, 4, 5), pd.Timestamp(2015, 1, 2)]
    assert found["at"].tolist() == times
    assert list(found) == ["id", "ms", "at"]


def test_only_the_columns_that_are_asked_for_are_read(tmp_path):
    # The column that is not asked for could not be read.
    written(tmp_path, "id,ms,at\na,no number,2015-01-02\n")
    assert read(tmp_path, VISITS, ["at"]).shape == (1, 1)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("folder", ["", "hosp/", "a/b/c/"])
def test_a_table_is_found_packed_or_not_wherever_it_lies(tmp_path, folder, ending):
    data = b"id,ms,at\na,1,2015-01-02\n"
    path = written(tmp_path, gzip.compress(data) if ending else data, f"{folder}visits.csv{ending}")
    assert find(tmp_path, VISITS) == path
    assert len(read(tmp_path, VISITS)) == 1


def test_the_first_name_that_is_there_is_taken(tmp_path):
    two = Table(("new.csv", "old.csv"), {"id": "text"})
    old = written(tmp_path, "id\n1\n", "old.csv")
    assert find(tmp_path, two) == old
    new = written(tmp_path, "id\n1\n", "new.csv")
    assert find(tmp_path, two) == new


def test_a_folder_that_is_named_like_a_table_is_none(tmp_path):
    path = written(tmp_path, "id,ms,at\na,1,\n", "visits.csv/visits.csv")
    assert find(tmp_path, VISITS) == path


def test_a_table_that_is_there_twice_is_refused(tmp_path):
    written(tmp_path, "id,ms,at\n", "one/visits.csv")
    written(tmp_path, "id,ms,at\n", "two/visits.csv")
    assert "more than once" in refused(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    outside = written(tmp_path, f"id,ms,at\n{SECRET},1,\n", "elsewhere.csv")
    inside = tmp_path / "release"
    inside.mkdir()
    (inside / "visits.csv").symlink_to(outside)
    assert "outside the folder" in refused(inside)


def test_a_table_that_is_missing_is_named(tmp_path):
    assert find(tmp_path, VISITS) is None
    assert "visits.csv" in refused(tmp_path)


def test_a_column_that_is_missing_is_named_and_what_is_there_is_not(tmp_path):
    written(tmp_path, f"{SECRET},ms,at\nb,1,2015-01-02\n")
    assert "no column id" in refused(tmp_path)


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    written(tmp_path, "id,ms,ms,at\na,1,2,2015-01-02\n")
    assert "2 columns ms" in refused(tmp_path)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (f"a,{SECRET},2015-01-02", "column ms holds something else than numbers"),
        (f"a,1,{SECRET}", "column at holds something else than times"),
        (f"{SECRET},1", "differ in length"),
        (f'"{SECRET},1,2015-01-02', "no CSV file"),
    ],
)
def test_what_does_not_fit_is_refused_without_a_word_of_it(tmp_path, row, wanted):
    written(tmp_path, f"more,id,ms,at\nx,a,1,2015-01-02\nx,{row}\n")
    assert wanted in refused(tmp_path)


def test_a_text_that_is_no_utf8_is_told_by_its_column(tmp_path):
    # Further down than what is read of the header.
    rows = "a,1,2015-01-02\n" * 100_000
    written(tmp_path, f"id,ms,at\n{rows}".encode() + b"\xe9,1,2015-01-02\n")
    assert "column id holds something else than text in UTF-8" in refused(tmp_path)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "empty"),
        (b"id,ms,at\n", "no rows"),
        (b"id,ms,at", "none"),
        (b"id," + b"x" * 10_000_000 + b",ms,at\na,1,2,\n", "no CSV file"),
        (b"id," + b"x," * 5_000_000 + b"ms,at\na,1,2,\n", "first line"),
        ("id,ms,at\na,1,2015-01-02\n".encode("utf-16"), "no CSV file"),
        (bytes(range(256)) * 10, "no CSV file"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, data, wanted):
    written(tmp_path, data)
    assert wanted in refused(tmp_path)


def damaged(data: bytes) -> bytes:
    return data[:40] + bytes(20) + data[60:]


@pytest.mark.parametrize("spoilt", [lambda data: data[: len(data) // 2], damaged, gzip.decompress])
def test_a_packed_table_that_is_damaged_or_not_packed_is_refused(tmp_path, spoilt):
    rows = "".join(f"{n},{n * n % 997},2015-01-02\n" for n in range(50_000))
    packed = gzip.compress(f"id,ms,at\n{rows}".encode())
    written(tmp_path, spoilt(packed), "visits.csv.gz")
    assert "damaged" in refused(tmp_path)


def test_the_mark_of_an_editor_is_no_part_of_a_name(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbfid,ms,at\na,1,2015-01-02\n")
    assert header(path) == ["id", "ms", "at"]
    assert read(tmp_path, VISITS)["id"].tolist() == ["a"]


def test_a_value_of_several_lines_stays_one_wherever_a_block_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_BLOCK", 4096)
    rows = "".join(f'"{n}\n\n{n}",{n},2015-01-02\n' for n in range(5000))
    written(tmp_path, f"id,ms,at\n{rows}")
    found = list(blocks(tmp_path, VISITS))
    assert len(found) > 10
    whole = pd.concat(found, ignore_index=True)
    assert whole["ms"].tolist() == list(range(5000))
    assert whole["id"].tolist() == [f"{n}\n\n{n}" for n in range(5000)]
    pd.testing.assert_frame_equal(whole, read(tmp_path, VISITS))


def test_what_is_not_finite_is_not_known(tmp_path):
    written(tmp_path, "id,ms,at\na,inf,\nb,-1e999,\nc,nan,\nd,2,\n")
    found = read(tmp_path, VISITS)["ms"]
    assert found.isna().tolist() == [True, True, True, False]


def test_a_key_that_is_there_twice_or_not_is_refused(tmp_path):
    keyed = Table(("visits.csv",), VISITS.columns, key=("id", "at"))
    written(tmp_path, "id,ms,at\na,1,2015-01-02\na,1,2015-01-03\nb,1,2015-01-02\n")
    assert len(read(tmp_path, keyed)) == 3
    written(tmp_path, f"id,ms,at\n{SECRET},1,2015-01-02\n{SECRET},2,2015-01-02\n")
    assert "one row of each" in refused(tmp_path, keyed)
    written(tmp_path, "id,ms,at\na,1,2015-01-02\n,1,2015-01-02\n")
    assert "empty in some rows" in refused(tmp_path, keyed)
    # Nothing is joined by a key that is not read.
    assert len(read(tmp_path, keyed, ["id", "ms"])) == 2


def test_a_median_that_cannot_be_in_the_unit_is_refused(tmp_path):
    timed = Table(("visits.csv",), VISITS.columns, {"ms": (300, 2000, "milliseconds")})
    written(tmp_path, "id,ms,at\na,0.8,\nb,0.9,\nc,29999,\n")
    assert "milliseconds (300 to 2000)" in refused(tmp_path, timed)
    assert len(read(tmp_path, timed, ["id"])) == 3
    # One value that is off says nothing of the unit, and neither does none.
    refuse_unit("RR", np.array([800.0, 29999.0, 820.0, np.nan]), 300, 2000, "ms")
    refuse_unit("RR", np.array([np.nan, np.inf]), 300, 2000, "ms")
