"""Whatever stands in a file of the user's, it is read, or refused in one line that says why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.cli import main
from auditor.config import load_attacker, load_preset
from auditor.core.errors import AuditorError, ConfigError, DataError, ModelError
from auditor.data.catalog import describe
from auditor.data.changed import changed_datasets
from auditor.policy.profile import load_profile
from auditor.policy.waivers import load_waivers
from auditor.resources import read_yaml
from auditor.systems import task as tasks
from auditor.targets import description


def load_task(path: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "resource", lambda name: path.parent)
        return tasks.load(path.stem)


#: Each file of the user's: its reader, and what that promises to raise.
READERS: dict[str, tuple[Callable[[Path], Any], type[AuditorError]]] = {
    "auditor.yaml": (lambda path: describe(path.parent), ConfigError),
    "model.yaml": (description.read, ModelError),
    "preset.yaml": (lambda path: load_preset(str(path)), ConfigError),
    "profile.yaml": (lambda path: load_profile(str(path)), ConfigError),
    "waivers.yaml": (load_waivers, ConfigError),
    "recipe.yaml": (load_attacker, ConfigError),
    "task.yaml": (load_task, ConfigError),
    "data.dvc": (lambda path: changed_datasets([path], path.parent), DataError),
}
every_reader = pytest.mark.parametrize("name", READERS)


def refused(name: str, folder: Path) -> str:
    read, kind = READERS[name]
    with pytest.raises(kind) as error:
        read(folder / name)
    _assert_one_line(error.value, kind, name)
    return str(error.value)


def _assert_one_line(error: AuditorError, kind: type[AuditorError], name: str) -> None:
    assert type(error) is kind
    assert "\n" not in str(error)
    assert name in str(error)


@every_reader
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: 1\nb: !!python/object/apply:os.system [ls]", "line 2: the tag"),
        ("a: !!set {b}", "line 1: the tag !!set does not belong here"),
        ("a: !mine b", "line 1: the tag !mine"),
        ("a: 1\n{b: 1}: c", "line 2: seen brackets as a key"),
        ("? [b]\n: c", "line 1: seen brackets as a key"),
        ("a: &a [*a]", "aliases"),
        ("&a {<<: *a}", "aliases"),
        ("a: &a {b: 1}\nc: {<<: [{[d]: 1}]}", "line 2: seen brackets as a key"),
        ("a: {<<: b}", "expected a mapping"),
        ("a: *b", "line 1: cannot be read as YAML: found undefined alias"),
        ("[" * 1000, "nests deeper"),
        ("- " * 1000, "nests deeper"),
        ("a: b: c", "line 1: cannot be read as YAML: mapping values are not allowed here"),
        ("a: [", "line 1: cannot be read as YAML"),
        ("a: 1\n--- b", "expected a single document"),
        (f"%YAML {'9' * 5000}.1\n--- a", "cannot be read as YAML"),
        (r'"\UFFFFFFFF"', "cannot be read as YAML"),
        (r'a: "\uD800"', "U+D800"),
        (r'a: "\0"', "U+0000"),
        ("a: 1\nb: \0", "line 2: holds the character U+0000"),
        ("a: 1\na: 2", "line 2: a stands twice"),
        ("1: a\n'1': b", "line 2: 1 stands twice"),
        (b"a: 1\nb: \xff", "line 2: is not UTF-8"),
        ("a: b".encode("utf-16"), "line 1: is not UTF-8"),
        ("a" * 1_000_001, "larger than"),
    ],
    ids=lambda one: repr(one)[:30],
)
def test_what_is_no_settings_file_is_refused_by_every_reader(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert told in refused(name, tmp_path)


@every_reader
@pytest.mark.parametrize(
    ("put", "told"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is a pipe"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: path.symlink_to("gone"), "No such file"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
    ],
    ids=["folder", "pipe", "loop", "dangling", "device"],
)
def test_what_is_no_file_is_refused_by_every_reader(name, put, told, tmp_path):
    put(tmp_path / name)
    assert told in refused(name, tmp_path)


@pytest.mark.parametrize(
    "written",
    [
        *(".inf", "-.INF", ".nan", "1.0e+999", "1e999", "9" * 5000, "9" * 99),
        *("0x" + "f" * 5000, "0x" + "f" * 90, "0b_", "1:" * 300 + "1"),
        *("!!int x", "!!int ''", "!!float x", "!!bool maybe"),
    ],
    ids=lambda one: one[:12],
)
def test_a_number_that_no_setting_can_have_is_refused_and_its_text_is_taken(written, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(f"x: 1\na: {written}")
    with pytest.raises(ConfigError, match=r"a\.yaml: line 2: .* number"):
        read_yaml(path)
    if "!" not in written:
        assert read_yaml(path, as_text=True) == {"x": "1", "a": written}


@pytest.mark.parametrize(
    ("text", "value", "as_text"),
    [
        ("2019-03-04", "2019-03-04", "2019-03-04"),
        ("2019-13-45", "2019-13-45", "2019-13-45"),
        ("2019-03-04 12:30:00", "2019-03-04 12:30:00", "2019-03-04 12:30:00"),
        ("7", 7, "7"),
        ("0007", 7, "0007"),
        ("1_000", 1000, "1_000"),
        ("0x1F", 31, "0x1F"),
        ("12:30", 750, "12:30"),
        ("1e-3", 0.001, "1e-3"),
        ("-2.5", -2.5, "-2.5"),
        ("no", False, "no"),
        ("True", True, "True"),
        ("=", "=", "="),
        ("<<", "<<", "<<"),
        ("!!str 7", "7", "7"),
        ("'7'", "7", "7"),
        ("~", None, None),
        ("null", None, None),
        ("", None, None),
        ("!", None, None),
        ("'null'", "null", "null"),
        ("{no: 1, 0: 2, ~: 3, 2019-03-04: 4}", {"no": 1, "0": 2, "~": 3, "2019-03-04": 4}, None),
    ],
)
def test_days_and_keys_are_texts_as_they_are_written_and_so_is_all_where_texts_are_wanted(
    text, value, as_text, tmp_path
):
    path = tmp_path / "a.yaml"
    path.write_text(f"\ufeffa: {text}", encoding="utf-8")
    assert read_yaml(path) == {"a": value}
    if not isinstance(value, dict):
        assert read_yaml(path, as_text=True) == {"a": as_text}


def test_aliases_and_what_is_merged_are_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {b: 1, c: 2}\nd: &d {<<: *a, c: 3}\ne: *a\nf: *d")
    assert read_yaml(path)["d"] == read_yaml(path)["f"] == {"b": 1, "c": 3}
    assert read_yaml(path)["a"] == read_yaml(path)["e"] == {"b": 1, "c": 2}


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["inspect", "{folder}"], "auditor.yaml"),
        (["scan", "{folder}", "--preset", "{file}"], "preset.yaml"),
        (["scan", "{folder}", "--profile", "{file}"], "profile.yaml"),
        (["scan", "{folder}", "--waivers", "{file}"], "waivers.yaml"),
        (["hook", "{file}"], "data.dvc"),
        (["train", "attacker", "{folder}", "--config", "{file}", "--out", "{folder}/a.safetensors"],
         "recipe.yaml"),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else one,
)  # fmt: skip
@pytest.mark.parametrize("content", ["a: &a [*a]", "a: 2019-13-45", "a: !!python/object:x {}"])
def test_a_wrong_file_costs_a_command_one_line_and_status_2(
    command, name, content, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(content)
    given = [one.format(folder=tmp_path, file=tmp_path / name) for one in command]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    assert name in line


_KEYS = (
    *("name", "title", "subject", "session", "path", "same", "column", "table", "file", "record"),
    *("sexes", "undated", "task", "models", "members", "columns", "inputs", "labels", "fs", "outs"),
    *("rules", "id", "check", "limit", "basis", "population", "rule", "expires", "training"),
    *("recipe", "epochs", "max_seconds", "checks", "steps", "turn", "trees", "sizes", "least"),
)
_MARKS = (
    *("1", "0x", "~", "2019-13-45", "1e999", ".nan", "'", '"', "\\0", "\\x", "é", "\t", "\n"),
    *("\n  ", " ", "- ", ": ", "? ", ", ", "[", "]", "{", "}", "&a ", "*a ", "<<: ", "!", "!!int "),
    *("!!set ", "%YAML 1.1\n", "---\n", "...\n", "|\n", ">\n", "#", "@", "\x00", "\ufeff"),
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_KEYS) | st.text(), inner),
)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of patterns that a later Python may change
@settings(max_examples=50)
@given(
    st.text().map(str.encode)
    | st.binary()
    | st.lists(st.sampled_from((*_KEYS, *_MARKS)), max_size=30).map("".join).map(str.encode)
    | _VALUES.map(lambda value: yaml.safe_dump(value, encoding="utf-8", allow_unicode=True))
)
def test_no_text_breaks_a_reader(tmp_path_factory, content):
    for name, (read, kind) in READERS.items():
        path = tmp_path_factory.getbasetemp() / "any" / name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            read(path)
        except AuditorError as error:
            _assert_one_line(error, kind, name)
