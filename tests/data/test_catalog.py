"""An `auditor.yaml` as people write it by hand, and what they are told where it is wrong."""

from __future__ import annotations

import pytest

from auditor.core.errors import ConfigError
from auditor.data.catalog import describe


@pytest.mark.parametrize(
    ("plain", "quoted"),
    [
        ("table: {file: p.csv, record: [r], sexes: {0: male, 1: female}}",
         "table: {file: p.csv, record: [r], sexes: {'0': male, '1': female}}"),
        ("table: {file: p.csv, record: [r], sexes: {no: male, yes: female}}",
         "table: {file: p.csv, record: [r], sexes: {'no': male, 'yes': female}}"),
        ("subject: {column: 7, same: {12: 11, 0007: 0x1F, 12:30: 1_000}}",
         "subject: {column: '7', same: {'12': '11', '0007': '0x1F', '12:30': '1_000'}}"),
        ("table: {file: p.csv, record: r}", "table: {file: p.csv, record: [r]}"),
        ("table: {file: 2019.csv, record: [1, yes]}",
         "table: {file: '2019.csv', record: ['1', 'yes']}"),
        ("records: x/", "records: [x/]"),
        ("name: 2019-03-04\nversion: 1.0\ntitle: 2026",
         "name: '2019-03-04'\nversion: '1.0'\ntitle: '2026'"),
        ("undated: yes\nexpected_counts: {subjects: 90}",
         "undated: true\nexpected_counts: {subjects: 90}"),
    ],
    ids=lambda one: one[:40],
)  # fmt: skip
def test_a_name_may_look_like_a_number_and_one_name_is_a_list_of_one(plain, quoted, tmp_path):
    path = tmp_path / "auditor.yaml"
    path.write_text(quoted)
    wanted = describe(tmp_path)
    path.write_text(plain)
    assert describe(tmp_path) == wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("subjekt: {path: p}", "subjekt: unknown key; did you mean subject?"),
        ("zzz: 1", "zzz: unknown key; known: name, title, licence"),
        ("table: {file: p.csv, record: r, sexs: {0: male}}",
         "table.sexs: unknown key; did you mean sexes?"),
        ("table: {record: r}", "table.file: is missing"),
        ("table: {file: p.csv, record: r, sexes: {0: man}}",
         "table.sexes.0: seen 'man', wanted 'female' or 'male'"),
        ("table: {file: p.csv, record: {r: s}}",
         "table.record: seen names and values, wanted a list"),
        ("records: [[a]]", "record 1: seen a list, wanted text"),
        ("table: people.csv", "table: seen 'people.csv', wanted names and values"),
        ("title:", "title: seen nothing, wanted text"),
        ("undated: perhaps", "undated: seen 'perhaps', wanted true or false"),
        ("expected_counts: {subjects: many}",
         "expected_counts.subjects: seen 'many', wanted a whole number"),
        ("expected_counts: {people: 9}",
         "expected_counts.people: unknown key; known: 'subjects' or 'records'"),
        ("subject: {}", "subject: wanted one of path, column, header"),
        ("subject: {header: id, path: x}", "subject: wanted one of path, column, header"),
        ("subject: {header: name}", "subject.header: seen 'name', wanted 'id'"),
        ("session: {header: day}", "session.header: seen 'day', wanted 'date'"),
        ("subject: {path: '('}", "subject.path: the pattern '(' is not one"),
        (f"subject: {{path: '{'(' * 3000}{')' * 3000}'}}", "subject.path: the pattern '((("),
        ("subject: {path: 'a{99999999999999999999}'}", "subject.path: the pattern 'a{9"),
        (f"reader: {{{'x' * 500}: 1}}", "reader: seen names and values, wanted text"),
        (f"{'x' * 500}: 1", "'xxxxx"),
        ('"a\\nb\\e[8m": 1', r"'a\nb\x1b[8m': unknown key"),
        ("- reader: wfdb", "holds a list, wanted names and values"),
        ("", "holds nothing, wanted names and values"),
        ("wfdb", "holds 'wfdb', wanted names and values"),
    ],
    ids=lambda one: one[:40],
)  # fmt: skip
def test_a_wrong_descriptor_is_answered_with_where_seen_and_wanted(text, told, tmp_path):
    (tmp_path / "auditor.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        describe(tmp_path)
    said = str(error.value)
    assert said.startswith(f"{tmp_path / 'auditor.yaml'}: {told}")
    assert said.isprintable()
    assert len(said) - len(str(tmp_path)) < 300
