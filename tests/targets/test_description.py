"""A `model.yaml` as people write it by hand."""

from __future__ import annotations

import pytest

from auditor.core.errors import ModelError
from auditor.targets import description


def test_a_name_may_look_like_a_number_and_one_name_is_a_list_of_one(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(
        "columns: {subject: 7, part: no}\nparts: {members: 1, nonmembers: 0}\nfs: 500\n"
        "inputs: 0007\nleads: II\nlabels: {427.3: 2019-03-04}\n"
    )
    said = description.read(path)
    assert (said.columns.subject, said.columns.part) == ("7", "no")
    assert (said.parts.members, said.parts.nonmembers) == ("1", "0")
    assert (said.inputs, said.leads, said.fs) == (("0007",), ("II",), 500.0)
    assert said.labels == {"427.3": "2019-03-04"}


def test_other_keys_are_not_read_but_a_slip_in_one_of_ours_is_said(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text("task: af\nauthor: somebody\nschema: auditor/target/1\nseed: 0")
    assert description.read(path).task == "af"
    path.write_text("task: af\ncolums: {subject: patient}")
    with pytest.raises(ModelError, match=r"'colums': unknown key; did you mean columns\?"):
        description.read(path)
