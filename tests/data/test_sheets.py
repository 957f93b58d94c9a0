"""Tables in any encoding, with any separator, as text; nothing shifts and nothing is lost."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.errors import DataError
from auditor.data import sheets
from auditor.data.sheets import decoded, read_sheets

ROWS = [["p01", "Müller", "a@b.org"], ["p02", "Gonçalves", "x, y"]]
HEAD = ["key", "surname", "mail"]


def text(mark: str = ",") -> str:
    return pd.DataFrame(ROWS, columns=HEAD).to_csv(index=False, sep=mark)


def read(path: Path, content: bytes) -> list[list[str]]:
    path.write_bytes(content)
    (sheet,) = read_sheets(path)
    assert not sheet.ragged
    return [list(sheet.frame.columns), *sheet.frame.to_numpy().tolist()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_encoding_and_separator_are_found(tmp_path, encoding, mark):
    assert read(tmp_path / "t.csv", text(mark).encode(encoding)) == [HEAD, *ROWS]


def test_rows_that_end_in_the_separator_shift_nothing(tmp_path):
    content = b"a,b\n1,2,\n3,4,\n"
    assert read(tmp_path / "t.csv", content) == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_rows_longer_than_the_header_are_said_by_their_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,4,since May\n")
    (sheet,) = read_sheets(path)
    assert sheet.ragged == (3,)
    assert sheet.frame.iloc[1].tolist() == ["3", "4", "since May"]


def test_two_columns_of_one_name_are_two(tmp_path):
    assert read(tmp_path / "t.csv", b"a,a\n1,2\n")[0] == ["a", "a (2)"]


def workbook(path: Path, *pages: list[list[str]]) -> bytes:
    """The least that a workbook needs, from its standard (ECMA-376, part 1)."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    of = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(len(pages))
    overrides = "".join(
        f'<Override PartName="/xl/s{n}.xml" ContentType="{kind}.worksheet+xml"/>' for n in numbers
    )
    sheets = "".join(f'<sheet name="s{n}" sheetId="{n + 1}" r:id="b{n}"/>' for n in numbers)
    relations = "".join(
        f'<Relationship Id="b{n}" Type="{of}/worksheet" Target="s{n}.xml"/>' for n in numbers
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
        f'PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" '
        f'Type="{of}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{of}"><sheets>{sheets}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{relations}'
        "</Relationships>",
    }
    for n, page in enumerate(pages):
        rows = "".join(
            "<row>"
            + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row)
            + "</row>"
            for row in page
        )
        parts[f"xl/s{n}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )
    with ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path.read_bytes()


def test_a_spreadsheet_and_a_packed_table_are_tables(tmp_path):
    path = tmp_path / "t.xlsx"
    assert read(path, workbook(path, [HEAD, *ROWS])) == [HEAD, *ROWS]
    assert read(tmp_path / "t.csv.gz", gzip.compress(text().encode())) == [HEAD, *ROWS]


def test_what_unpacks_to_more_than_is_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "_MAX_UNPACKED", 1 << 20)
    path = tmp_path / "t.csv.gz"
    whole = b"a,b\n" + b"1,2\n" * ((1 << 18) - 1)
    assert len(read(path, gzip.compress(whole))) == 1 << 18
    for more in (b"\n", bytes(1 << 26)):
        path.write_bytes(gzip.compress(whole + more))
        with pytest.raises(DataError, match=r"t\.csv\.gz: unpacks to more than 1 MiB"):
            read_sheets(path)


def test_every_page_of_a_spreadsheet_is_a_table(tmp_path):
    workbook(tmp_path / "t.xlsx", [["a"], ["1"]], [HEAD, *ROWS])
    pages = read_sheets(tmp_path / "t.xlsx")
    assert [list(one.frame.columns) for one in pages] == [["a"], HEAD]


def test_json_is_a_table_by_its_paths(tmp_path):
    assert read(tmp_path / "t.json", b'[{"a": {"b": 1}, "c": null}, {"c": "x"}]') == [
        ["a.b", "c"], ["1", ""], ["", "x"],
    ]  # fmt: skip
    assert read(tmp_path / "t.jsonl", b'{"a": 1}\n{"a": 2}\n') == [["a"], ["1"], ["2"]]


def test_parquet_is_a_table(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame(ROWS, columns=HEAD).to_parquet(path)
    assert read(path, path.read_bytes()) == [HEAD, *ROWS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("t.csv", b""), ("t.xlsx", b"no workbook"), ("t.ods", b"PK"), ("t.parquet", b"PAR1")),
        *(("t.json", b"{"), ("t.json", b"[" * 100_000), ("t.csv", bytes(range(256)) * 20)),
    ],
)
def test_what_is_no_table_is_one_clear_error(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_sheets(path)


@given(st.binary(max_size=300))
def test_bytes_are_text_or_are_said_to_be_none(raw):
    with suppress(DataError):
        assert isinstance(decoded(raw), str)
