"""Samples without a header are copied as arrays of the same numbers, and nothing beside them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from auditor.data.dataset import Dataset
from tests.data.test_devices import COUNTS
from tests.mitigation.cleaned import KEY, cleaned, everything, files, identifiers, opened

RULE = "samples: {{files: ['*'], fs: 500, unit: 4.88 uV, {}}}\nsubject: {{path: '^(\\w+?)_'}}\n"


def signals(dataset: Dataset) -> dict[str, np.ndarray]:
    return {record: dataset.read(record).signal for record in dataset.manifest["record"]}


@pytest.mark.parametrize("kind", ["csv", "npy", "mat", "rows"])
def test_every_family_is_copied_to_the_last_bit(tmp_path, kind):
    root = tmp_path / "export"
    root.mkdir()
    for person in ("christie", "marple"):
        block = COUNTS + len(person)
        path = root / f"{person}_20110503.{kind.replace('rows', 'npy')}"
        if kind == "csv":
            lines = ["I,Mr Poirot", *(",".join(map(str, row)) for row in block.T)]
            path.write_text("\n".join(lines) + "\n")
        elif kind == "mat":
            savemat(path, {"val": block.T, "patient": f"{person} of Styles"})
        else:
            np.save(path, block.T if kind == "npy" else block.astype(np.float32))
    more = {"csv": "rows: samples", "rows": "rows: records, leads: [II]"}
    rule = RULE.format(more.get(kind, "leads: [I, Mr Poirot]"))
    (root / "auditor.yaml").write_text(rule.replace("['*']", "['*_2011*']"))
    account = cleaned(root, tmp_path / "out")
    assert account.n_records == (4 if kind == "rows" else 2)
    assert account.n_people == 2
    old, new = (signals(opened(one)) for one in (root, tmp_path / "out"))
    for record, signal in old.items():
        (name,) = (one for one in new if KEY.name("record", record) in one)
        assert np.array_equal(new[name], signal)
    leads = set(opened(tmp_path / "out").manifest["leads"])
    assert leads == ({"II"} if kind == "rows" else {"I ch2"})
    whole = everything(tmp_path / "out")
    for secret in (b"christie", b"marple", b"Poirot", b"Styles", b"2011", b"MATLAB", b"Created"):
        assert secret not in whole
    assert {path.suffix for path in files(tmp_path / "out")} == {".npy", ".csv", ".yaml"}
    assert identifiers(tmp_path / "out") == {}
