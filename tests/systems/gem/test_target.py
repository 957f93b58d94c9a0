"""GEM under audit: what it writes, and what is no language model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from auditor.checks.text.check import QuotedValues
from auditor.core.errors import ModelError
from auditor.core.target import Target
from auditor.engine import Engine
from auditor.learning import artifact
from auditor.systems.gem import network as gem
from auditor.systems.open import open_target
from tests.systems.brief import drawn, scanned


def test_texts_are_written_when_they_are_asked_for(opened: Callable[[str], Target]):
    one = opened("gem")
    written = one.texts
    assert "told" not in vars(written)
    case = SimpleNamespace(seed=0, progress=lambda *_: None)
    assert QuotedValues(one).unmet(case) is None or written.told  # type: ignore[arg-type]
    n = len(one.record)
    assert all(len(said) == n for said in written.told.values())
    assert len(set(written.told["blank"])) == 1
    assert one.membership_signal is not None
    np.testing.assert_allclose(one.membership_signal()[:, 0], -np.nanmean(written.loss, axis=1))
    quoted = next(float(word) for word in written.written[0].split() if word.isdigit())
    assert quoted in one.inputs[0].round()
    assert "QRS ms" in one.columns


def test_a_language_model_that_is_none_is_one_line(root: Path, tmp_path: Path, workers: Engine):
    pytest.importorskip("transformers", reason="the extra `gem`", exc_type=ImportError)
    folder = tmp_path / "gem"
    (folder / "models" / "language").mkdir(parents=True)
    (folder / "models" / "clip").mkdir()
    artifact.save(
        drawn(gem.MultimodalEncoder, gem.GEMConfig.small()), folder / "models" / "gem.safetensors"
    )
    (folder / "models" / "language" / "config.json").write_text('{"model_type": 7}')
    files = {"gem": "gem.safetensors", "language": "language", "clip": "clip"}
    described = {"task": "gem", "models": {k: {"file": f"models/{v}"} for k, v in files.items()}}
    (folder / "model.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(ModelError, match="language") as error:
        open_target(folder, scanned(root, workers))
    assert "\n" not in str(error.value)
