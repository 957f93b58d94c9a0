"""What every check promises, whether it is put to recordings or to models."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from auditor.checks import registry
from auditor.checks.base import Measured, OnRecordings, Settings
from auditor.checks.run import run_check
from auditor.core.evidence import Counts
from auditor.policy import words
from auditor.targets.context import Context

SETTINGS = Settings(("template",), ("fiducials",), ("embedding",), ("cross-session",), 1000)
OF_RECORDINGS = [one.id for one in words.checks().values() if one.in_presets]
ALWAYS = {one.id for one in words.checks().values() if one.always}


def test_what_asks_no_network_waits_for_no_library_of_networks():
    code = (
        "import sys\n"
        "import auditor.audit\n"
        "from auditor.checks.registry import code_of\n"
        "from auditor.policy import words\n"
        "for check in words.checks():\n"
        "    code_of(check)\n"
        "print(sorted({'timm', 'torchvision', 'captum', 'matplotlib'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("check", OF_RECORDINGS)
def test_a_check_of_recordings_is_planned_by_its_folder(check):
    planned = list(registry.of_recordings(SETTINGS, [check]))
    assert {one.id for one in planned} == {check} | ALWAYS


@pytest.mark.parametrize("check", OF_RECORDINGS)
def test_a_check_describes_its_attacker(check):
    for one in registry.of_recordings(SETTINGS, [check]):
        text = inspect.getdoc(type(one)) or ""
        assert one.id in ALWAYS or any(word in text.lower() for word in ("intruder", "reader"))
        assert text
        assert one.threat.endswith(".")


def test_what_needs_no_heartbeat_comes_first():
    planned = registry.of_recordings(SETTINGS, OF_RECORDINGS)
    needs = [words.checks()[one.id].needs_beats for one in planned]
    assert needs == sorted(needs)


@dataclass(frozen=True)
class Scratch(OnRecordings):
    """A check whose evidence is counts, as others' is."""

    id: ClassVar[str] = "uniqueness"

    def unmet(self, context):
        return None

    def attack(self, context, rng):
        return Counts(("something",), np.ones((30, 1), dtype=np.int64))


def test_a_check_that_does_not_measure_cannot_be_made():
    with pytest.raises(TypeError, match="estimate"):
        Scratch()


def test_evidence_that_nobody_measures_is_a_failed_finding_and_not_another_checks_number(opened):
    @dataclass(frozen=True)
    class Silent(Scratch):
        """The same, and a measurement that breaks."""

        def estimate(self, evidence, level, draw) -> Measured:
            raise TypeError("p0001")

    finding = run_check(Silent(), opened, level=0.95, smallest_cell=10)
    assert finding.status == "failed"
    assert finding.estimates == {}
    assert "p0001" not in finding.reason


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    from auditor.engine import engine
    from auditor.targets.release import Release
    from tests.releases import write_release

    root = write_release(tmp_path_factory.mktemp("release"), identity=1, seed=0, n_subjects=12)
    with engine() as workers:
        yield Context(Release.open(root, workers, max_seconds=30), "cpu", 0, None)
