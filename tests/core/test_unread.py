from __future__ import annotations

from auditor.core.unread import CURES, KINDS, cures


def test_what_is_to_be_done_is_said_once_of_each_kind():
    assert cures({"file": 2, "age": 1}) == "`auditor inspect` names them, and what to do"
    assert cures({"model output": 1}) == CURES["model output"]
    both = cures({"model text": 1, "table": 3, "age": 0})
    assert both.split("; ") == ["`auditor inspect` names them, and what to do", CURES["model text"]]
    assert cures({"age": 0}) == ""


def test_every_kind_has_a_cure():
    assert CURES.keys() <= KINDS.keys()
    assert all(cures({kind: 1}) for kind in KINDS)
