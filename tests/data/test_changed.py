"""What a change to a data repository touches."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditor.core.errors import DataError
from auditor.data.changed import changed_datasets
from auditor.simulate.population import Population


@pytest.fixture
def repository(tmp_path) -> Path:
    """Two data sets, one of which says what it is, and some code."""
    Population(n_subjects=2).write(tmp_path / "ward")
    Population(n_subjects=2).write(tmp_path / "studies" / "sleep" / "night")
    (tmp_path / "studies" / "sleep" / "auditor.yaml").write_text("reader: wfdb\n")
    (tmp_path / "train.py").write_text("print()")
    (tmp_path / "README.md").write_text("about")
    return tmp_path


def touched(repository: Path, *names: str) -> list[str]:
    found = changed_datasets(map(Path, names), repository).datasets
    return [one.relative_to(repository.resolve()).as_posix() for one in found]


def strays(repository: Path, *names: str) -> list[str]:
    return [one.name for one in changed_datasets(map(Path, names), repository).strays]


def test_files_belong_to_the_folder_that_says_what_it_is_or_to_the_topmost(repository):
    header = next((repository / "ward").rglob("*.hea")).relative_to(repository).as_posix()
    night = next((repository / "studies").rglob("*.dat")).relative_to(repository).as_posix()
    assert touched(repository, header, night, header) == ["ward", "studies/sleep"]
    assert touched(repository, "studies/sleep/auditor.yaml") == ["studies/sleep"]


def test_a_note_beside_the_data_sets_is_none_of_them(repository):
    (repository / "note.txt").write_text("later")
    assert touched(repository, "note.txt") == []
    assert strays(repository, "note.txt") == ["note.txt"]


def test_folders_without_recordings_are_not_scanned(repository):
    (repository / "notes").mkdir()
    (repository / "notes" / "plan.txt").write_text("later")
    assert touched(repository, "notes/plan.txt") == []


def test_what_lies_in_no_folder_of_recordings_and_is_no_code_is_said(repository):
    (repository / "export").mkdir()
    for name in ("patients.xlsx", "export/p1.bin"):
        (repository / name).write_bytes(b"x")
    assert strays(repository, "patients.xlsx", "export/p1.bin", "train.py") == [
        "patients.xlsx",
        "p1.bin",
    ]


def test_code_and_texts_touch_nothing(repository):
    assert touched(repository, "train.py", "README.md") == []
    assert strays(repository, "train.py", "README.md") == []


@pytest.mark.parametrize("name", ["ward/gone.dat", "my", '"w\\303\\244rd/x.dat"'])
def test_a_name_of_no_file_is_refused_for_it_may_be_half_of_one(repository, name):
    with pytest.raises(DataError, match="no such file"):
        touched(repository, "train.py", name)


def test_a_pointer_of_dvc_stands_for_what_lies_beside_it(repository):
    pointer = {"outs": [{"md5": "0" * 32, "path": "ward"}]}
    (repository / "ward.dvc").write_text(yaml.safe_dump(pointer))
    assert touched(repository, "ward.dvc") == ["ward"]
    (repository / "lost.dvc").write_text(yaml.safe_dump({"outs": [{"path": "lost"}]}))
    with pytest.raises(DataError, match="dvc pull"):
        touched(repository, "lost.dvc")


@pytest.mark.parametrize(
    "said", ["outs: 3", "[]", "outs:\n- path: ../../etc", "outs:\n- path: /etc", "\x00"]
)
def test_a_hostile_pointer_is_one_line(repository, said):
    (repository / "x.dvc").write_text(said)
    with pytest.raises(DataError, match=r"x\.dvc"):
        touched(repository, "x.dvc")


def test_contents_that_are_not_here_are_said_with_their_cure(repository):
    (repository / "ward" / "big.dat").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    )
    with pytest.raises(DataError, match="git lfs pull"):
        touched(repository, "ward/big.dat")
    (repository / "ward" / "unlocked.dat").write_text("/annex/objects/MD5E-s9--00.dat\n")
    with pytest.raises(DataError, match="git annex get"):
        touched(repository, "ward/unlocked.dat")
    (repository / "ward" / "locked.dat").symlink_to("../.git/annex/objects/a/b")
    with pytest.raises(DataError, match="git annex get"):
        touched(repository, "ward/locked.dat")


def test_a_file_of_git_annex_that_is_here_belongs_to_where_it_is_linked_from(repository):
    store = repository / ".git" / "annex" / "objects"
    store.mkdir(parents=True)
    (store / "MD5E").write_bytes(b"\x00" * 9)
    (repository / "ward" / "here.dat").symlink_to(store / "MD5E")
    assert touched(repository, "ward/here.dat") == ["ward"]


@pytest.mark.parametrize("name", ["../outside.dat", "/etc/passwd"])
def test_files_outside_the_repository_are_refused(repository, name):
    with pytest.raises(DataError, match="outside"):
        touched(repository, name)
