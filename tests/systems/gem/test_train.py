"""GEM is trained, held against its twin, and begins from what was written."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from auditor.core.errors import ConfigError, ModelError
from auditor.core.record import STANDARD_LEADS
from auditor.data.pairs import Pairs, read_pairs
from auditor.learning import artifact
from auditor.signal.feature_table import measure
from auditor.systems import model_dir as report
from auditor.systems import study
from auditor.systems.gem import network as models_gem
from auditor.systems.gem import train as gem
from auditor.systems.gem.grounding import instructions
from auditor.systems.gem.image import page
from auditor.systems.gem.target import load, load_canaries
from tests.systems.brief import briefly, trained


@pytest.fixture(autouse=True)
def _brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few steps, findings of few people, and a cache of our own."""
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    with briefly(steps=3, asked=10):
        yield


@pytest.fixture(scope="module")
def transformers() -> Any:
    reason = "the extra `gem` is not installed"
    return pytest.importorskip("transformers", reason=reason, exc_type=ImportError)


@pytest.fixture(scope="module")
def few(hospital: Path) -> Path:
    """Of the same folder the first people."""
    folder = hospital.with_name("few")
    shutil.copytree(hospital / "ecg", folder / "ecg")
    lines = (hospital / "pairs.csv").read_text().splitlines(keepends=True)
    (folder / "pairs.csv").write_text("".join(lines[:41]))
    return folder


@pytest.fixture
def steps() -> tuple[Counter[str], Callable[[str, int, int], None]]:
    """How often each stage went on, and what hears of it."""
    heard: Counter[str] = Counter()
    return heard, lambda name, done, total: heard.update([name])


def test_gem_is_held_against_its_twin_and_loads_again(
    few: Path, tmp_path: Path, transformers: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gem, "_LEAST_WITH_FINDINGS", 3)
    found = trained("gem", few)
    assert set(found.compared) == {"claimed intervals", "listed findings"}
    for name, metric in (("claimed intervals", "grounded"), ("listed findings", "f1")):
        new, old, gain = (
            found.compared[name]["estimates"][f"{metric}_{which}"]
            for which in ("new", "old", "gain")
        )
        assert found.compared[name]["over"] == "a twin without its ECG"
        assert 0 <= new["value"] <= 1
        assert gain["value"] == pytest.approx(new["value"] - old["value"])
        assert gain["low"] <= gain["value"] <= gain["high"]
    out = tmp_path / "gem"
    report.write(found, out, study.FAULTS)
    assert "grounded" in "\n".join(report.summary(found))
    described = yaml.safe_load((out / "model.yaml").read_text())
    assert {name: one["file"] for name, one in described["models"].items()} == {
        "gem": "models/gem.safetensors",
        "language": "models/language",
        "clip": "models/clip",
        "canaries": "models/canaries",
    }
    kinds = {file.suffix for file in (out / "models").rglob("*") if file.is_file()}
    assert kinds == {".safetensors", ".json"}
    released = [file for file in out.rglob("*") if file.suffix in (".json", ".yaml")]
    assert not any("RR is" in file.read_text() for file in released)

    hidden = load_canaries(out)
    assert len({one.number for one in hidden}) == len(hidden) == 10
    (out / "models/canaries/canaries.json").write_text('[{"number": 1, "interval": 7}]')
    with pytest.raises(ModelError, match="canaries"):
        load_canaries(out)
    shutil.rmtree(out / "models/canaries")
    assert load_canaries(out) == []

    model, tokenizer = load(out, artifact.load(out / "models" / "gem.safetensors"))
    for name, value in found.networks["gem"].state_dict().items():
        assert torch.equal(model.encoder.state_dict()[name], value)
    record = read_pairs(few).ecg(0)
    batch = models_gem.collate(
        torch.from_numpy(
            models_gem.prepare(record.signal, record.fs, record.leads, model.encoder.config)
        )[None],
        torch.from_numpy(
            models_gem.prepare_image(page(record.signal, record.fs, record.leads, dots_per_mm=2))
        )[None],
        [models_gem.dialogue(tokenizer, "What is shown?")],
    )
    (ids,) = model.answer(batch, max_tokens=5)
    assert isinstance(tokenizer.decode(ids, skip_special_tokens=True), str)

    # What was written is a place to begin from.
    weights = tmp_path / "weights"
    shutil.copytree(out / "models", weights)
    (weights / "gem.safetensors").rename(weights / "ecg.safetensors")
    heard: Counter[str] = Counter()
    again = trained(
        "gem", few, weights=weights, progress=lambda name, done, total: heard.update([name])
    )
    assert heard["instruct"] == heard["instruct-twin"] == 3
    assert heard["ecg"] == 0
    assert torch.equal(again.networks["gem"].ecg.cls, model.encoder.ecg.cls)


def test_a_twin_is_never_shown_its_own_ecg_and_nobody_one_that_cannot_be_measured(
    few: Path, transformers: Any, monkeypatch: pytest.MonkeyPatch
):
    shown: list[tuple[Any, Any, Any]] = []
    asked: list[torch.Tensor] = []
    drawn, answer, read = gem.of_others, models_gem.GEM.answer, Pairs.ecg

    def flat(pairs: Pairs, row: int) -> Any:
        record = read(pairs, row)
        record.signal[:] *= row != 3
        return record

    def drawing(rows: Any, among: Any, subject: Any, draw: torch.Generator) -> Any:
        found = drawn(rows, among, subject, draw)
        shown.append((subject[rows], subject[found], np.isin(found, among).all()))
        return found

    def answering(model: Any, batch: models_gem.Batch, max_tokens: int) -> torch.Tensor:
        asked.append(batch.ecg)
        return answer(model, batch, 2)

    monkeypatch.setattr(Pairs, "ecg", flat)
    monkeypatch.setattr(gem, "of_others", drawing)
    monkeypatch.setattr(models_gem.GEM, "answer", answering)
    found = trained("gem", few)
    assert len(shown) == 3 + 1
    for own, others, within in shown:
        assert (own != others).all()
        assert within
    judged = found.people["part"] == "judged"
    assert list(shown[-1][0]) == found.people["subject"][judged].tolist()
    ours, twins = asked
    assert len(ours) == len(twins) == judged.sum()
    assert not (ours == twins).all(dim=(1, 2)).any()
    assert found.left_out["recordings"].startswith("1 recordings")
    assert found.n_records == 39


def test_others_are_drawn_from_all_other_people_alike():
    subject = np.array(["a", "b", "b", "c", "a", "d"])
    rows, among = np.array([0, 1, 2] * 4000), np.array([1, 4, 2, 3])
    found = gem.of_others(rows, among, subject, torch.Generator().manual_seed(1))
    for row, strangers in ((0, [1, 2, 3]), (1, [3, 4]), (2, [3, 4])):
        kinds, counts = np.unique(found[rows == row], return_counts=True)
        assert kinds.tolist() == strangers
        assert np.abs(counts / counts.sum() - 1 / len(strangers)).max() < 0.04


@pytest.mark.slow
def test_a_training_of_gem_that_was_cut_off_goes_on_where_it_was(
    few: Path, tmp_path: Path, transformers: Any, monkeypatch: pytest.MonkeyPatch, steps: Any
):
    def cut_off(name: str, done: int, total: int) -> None:
        if name == "instruct-twin":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained("gem", few, progress=cut_off)
    heard, hear = steps
    resumed = trained("gem", few, progress=hear)
    assert (heard["ecg"], heard["instruct"], heard["instruct-twin"]) == (0, 0, 3)
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "anew"))
    assert trained("gem", few).compared == resumed.compared


@pytest.mark.parametrize(
    ("size", "wrong"), [("published", "published size begins from"), ("small", "no checkpoint")]
)
def test_checkpoints_that_are_not_there_are_told_before_anything_is_read(
    tmp_path: Path, transformers: Any, size: str, wrong: str
):
    with pytest.raises(ConfigError, match=wrong) as error:
        trained("gem", tmp_path, size=size, weights=tmp_path)
    assert "clip/" in str(error.value)


def test_without_transformers_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'ecg-auditor\[gem\]'"):
        trained("gem", tmp_path)


def test_a_text_is_the_same_after_the_small_tokenizer(few: Path, tmp_path: Path, transformers: Any):
    tokenizer = gem.small_tokenizer()
    _, told = instructions(measure(read_pairs(few).ecg(0)).row, STANDARD_LEADS)
    for text in (told, "USER: any words, even zygotes, with −1.5?".replace("−", "-"), "a\n b  c"):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids) == text
    ids = tokenizer.encode(" QRS is 96 ms", add_special_tokens=False)
    assert tokenizer.convert_ids_to_tokens(ids) == [" QRS", " is", " 9", "6", " ms"]
    tokenizer.save_pretrained(tmp_path)
    again = models_gem.language_tokenizer(tmp_path)
    assert again.encode(told, add_special_tokens=False) == tokenizer.encode(
        told, add_special_tokens=False
    )
    assert again.eos_token_id == tokenizer.eos_token_id


def test_intervals_and_rates_alone_are_counted_and_none_is_worth_nothing():
    row = {"RR ms": 800.0, "heart rate 1/min": 75.0, "QRS ms": 90.0, "QRS axis deg": 30.0}
    text = "RR is 805 ms, heart rate is 80.0 1/min, QRS is 95 ms, PR is 150 ms, QRS axis is 30 deg."
    assert gem.grounded_share(text, row) == pytest.approx(2 / 4)
    assert gem.grounded_share("QRS axis is 30 deg.", row) == 0
