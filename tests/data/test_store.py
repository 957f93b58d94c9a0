"""Files of the store appear whole or not at all, and are nobody else's to read."""

from __future__ import annotations

import os
import resource
import stat

import numpy as np
import pandas as pd
import pytest

from auditor.core.errors import ConfigError
from auditor.core.files import atomic_write
from auditor.data.store import Store, code_digest


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    return Store.of("sha256:1", {"fs": 250})


def test_what_is_put_comes_back_and_arrays_are_mapped(store):
    store.put_array("x.npy", np.arange(6.0))
    store.put_table("t.parquet", pd.DataFrame({"a": ["x", None]}))
    assert isinstance(store.array("x.npy"), np.memmap)
    assert np.array_equal(store.array("x.npy"), np.arange(6.0))
    assert store.table("t.parquet")["a"].tolist() == ["x", None]
    assert "x.npy" in store
    assert "y.npy" not in store


def test_another_release_or_other_settings_have_another_folder(store):
    roots = {store.root, Store.of("sha256:2", {"fs": 250}).root, Store.of("sha256:1", {}).root}
    assert len(roots) == 3


def test_whatever_changes_in_code_words_or_weights_changes_the_store(tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("data/reader.py", "checks/words.yaml", "w.safetensors")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("before")
    monkeypatch.setattr("auditor.data.store._PACKAGE", tmp_path)
    roots = set()
    try:
        for changed in (None, *files):
            if changed:
                changed.write_text("after")
            code_digest.cache_clear()
            roots.add(Store.of("sha256:1", {"fs": 500}).root)
    finally:
        code_digest.cache_clear()
    assert len(roots) == 4


def test_only_the_owner_can_read(store):
    store.put_array("x.npy", np.zeros(1))
    assert stat.S_IMODE((store.root / "x.npy").stat().st_mode) == 0o600
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def interrupted():
        with atomic_write(tmp_path / "report") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_rewrite_leaves_the_old_file(tmp_path):
    (tmp_path / "report").write_bytes(b"old")

    def interrupted():
        with atomic_write(tmp_path / "report") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "report").read_bytes() == b"old"


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="no ordinary file"), atomic_write(tmp_path / "pipe"):
        pass
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_objects_are_never_pickled_into_the_store(store):
    with pytest.raises(ValueError, match="pickle"):
        store.put_array("x.npy", np.array([{"a": 1}], dtype=object))


def test_a_cache_that_cannot_be_made_names_the_cure(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(ConfigError, match="AUDITOR_CACHE"):
        Store.of("sha256:1", {})


@pytest.mark.parametrize("kind", ["array", "table"])
def test_what_does_not_fit_is_refused_with_the_reason_and_leaves_nothing(store, kind):
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    held = pd.DataFrame({"a": np.random.default_rng(0).normal(size=5000)})
    put = {"array": store.put_array, "table": store.put_table}[kind]
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, most[1]))
    try:
        with pytest.raises(ConfigError, match="free some space") as told:
            put("x", held)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert "None" not in str(told.value)
    assert list(store.root.iterdir()) == []
