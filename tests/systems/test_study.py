"""Which systems there are, and what they refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from auditor.cli import main
from auditor.core.errors import ConfigError, DataError
from auditor.systems import study, task
from tests.systems.brief import trained


def test_faults_and_systems_have_names(tmp_path: Path):
    with pytest.raises(ConfigError, match="no fault is named 'wide-intervals'"):
        trained("liver", tmp_path, faults=frozenset({"wide-intervals"}))
    with pytest.raises(ConfigError, match="no system is named 'lungs'"):
        trained("lungs", tmp_path)


@pytest.mark.parametrize(
    ("name", "idle"),
    [
        ("liver", {"faults": frozenset({"delay-as-input"})}),
        ("t2dm", {"faults": frozenset({"narrow-intervals"})}),
        ("t2dm", {"every_fold": True}),
        ("liver", {"size": "published"}),
        ("t2dm", {"external": True}),
        ("jepa", {"external": True}),
        ("ptb-xl", {"external": True}),
        ("jepa", {"weights": True}),
    ],
    ids=str,
)
def test_what_would_change_nothing_is_refused(name: str, idle: dict[str, Any], tmp_path: Path):
    given = {
        key: tmp_path if value is True and key != "every_fold" else value
        for key, value in idle.items()
    }
    with pytest.raises(ConfigError, match="leave") as error:
        trained(name, tmp_path, **given)
    assert "\n" not in str(error.value)


def test_a_folder_without_what_a_system_reads_is_one_line(tmp_path: Path):
    for name in task.names():
        with pytest.raises(DataError) as error:
            trained(name, tmp_path)
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="no size 'huge'; known: small, published"):
        trained("jepa", tmp_path, size="huge")


def test_every_system_has_help_that_names_its_command():
    listed = CliRunner().invoke(main, ["train", "--help"]).output
    for name in task.names():
        assert name in listed
        said = CliRunner().invoke(main, ["train", name, "--help"])
        assert f"auditor train {name} --data" in said.output
        for fault in study.FAULTS:
            assert fault in re.sub(r"\s+", "", said.output)
