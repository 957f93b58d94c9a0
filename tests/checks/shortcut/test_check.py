"""Recorders that differ from person to person are found out without a look at any heart."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import wfdb

from auditor.audit import open_context
from auditor.checks.run import run_check
from auditor.checks.shortcut.check import Shortcut
from auditor.checks.shortcut.cues import COLUMNS, CUES, _mains, _noise, _quantisation
from auditor.core.finding import Finding
from auditor.engine import engine
from tests.releases import settings, write_release


def told(root: Path) -> Finding:
    chosen = settings(vit=False)
    with engine() as workers:
        context = open_context(root, chosen, workers)
        check = Shortcut(protocol="cross-session")
        return run_check(check, context, level=0.95, smallest_cell=10)


def test_people_recorded_by_devices_of_their_own_are_found_and_the_page_says_so(tmp_path):
    """No heart differs; each person's recorder hums and rustles in its own way on both days."""
    root = write_release(tmp_path, identity=0, seed=1)
    for header in sorted(root.rglob("*.hea")):
        path = header.with_suffix("")
        record = wfdb.rdrecord(str(path))
        person = int("".join(c for c in header.parent.name if c.isdigit()))
        rng = np.random.default_rng(crc32(header.stem.encode()))
        level = 0.004 * 1.35 ** (person % 12)
        noise = level * rng.normal(size=record.p_signal.shape)
        hum = (
            0.01
            * 1.5 ** (person // 12)
            * np.sin(2 * np.pi * 150 * np.arange(record.sig_len) / record.fs)
        )
        wfdb.wrsamp(
            header.stem, fs=record.fs, units=record.units, sig_name=record.sig_name,
            p_signal=record.p_signal + noise + hum[:, None], fmt=["16"] * record.n_sig,
            adc_gain=[1000.0] * record.n_sig, baseline=[0] * record.n_sig,
            comments=record.comments, write_dir=str(header.parent),
        )  # fmt: skip
    finding = told(root)
    assert finding.status == "measured"
    assert finding.estimates["rank1"].low > finding.estimates["rank1"].chance
    assert finding.estimates["noise_rank1"].value > 0.2
    assert "device or the session gives people away" in finding.params["reading"]


def test_one_recorder_for_all_names_nobody(tmp_path):
    finding = told(write_release(tmp_path, identity=1, seed=2))
    rank1 = finding.estimates["rank1"]
    assert rank1.low <= rank1.chance + 0.05
    for cue in CUES:
        assert f"{cue}_rank1" in finding.estimates
    # A folder holds one person: the order of its files links what the signals do not.
    assert finding.estimates["order_rank1"].low > rank1.chance
    assert "what links them is the heart" not in finding.params["reading"]


def test_every_cue_has_columns_of_its_own():
    assert len(set(COLUMNS)) == len(COLUMNS) == sum(map(len, CUES.values()))


@pytest.mark.parametrize("hz", [50.0, 150.0])
def test_the_hum_of_the_mains_is_measured_with_its_phase(hz):
    fs, phase = 500.0, 0.7
    hum = 0.1 * np.cos(2 * np.pi * hz * np.arange(5000) / fs + phase)
    found = dict(zip(CUES["mains"], _mains(hum.astype(np.float32), fs), strict=True))
    name = f"{hz:.0f} Hz"
    assert found[f"cosine {name}"] == pytest.approx(np.cos(phase), abs=0.02)
    assert found[f"sine {name}"] == pytest.approx(np.sin(phase), abs=0.02)
    other = "150 Hz" if hz == 50 else "50 Hz"
    assert found[f"size {name}"] > found[f"size {other}"] + 3


def test_twice_the_noise_is_told_and_steps_are_what_the_digits_are():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, 5000).astype(np.float32)
    quiet, loud = _noise(noise, 500.0), _noise(2 * noise, 500.0)
    assert loud - quiet == pytest.approx(np.full(len(quiet), 2 * np.log(2)), abs=1e-3)
    digital = np.round(noise / 0.005) * 0.005
    assert np.exp(_quantisation(digital.astype(np.float32))[0]) == pytest.approx(0.005, rel=0.01)
    assert np.isnan(_noise(noise, 100.0)[-1])
