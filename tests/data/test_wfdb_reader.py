"""Every signal in millivolts, every known defect met, nothing opened that should not be."""

from __future__ import annotations

import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import wfdb

from auditor.core.errors import DataError
from auditor.data.readers import READERS, OutsideError
from auditor.data.readers.base import lead_name, natural
from auditor.data.readers.comments import age_of, attributes, sex_of

READER = READERS["wfdb"]


def write(root: Path, header: str, samples: np.ndarray | None = None, name: str = "r") -> Path:
    """A header, and format-16 samples (n, n_leads) beside it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{name}.hea").write_text(header)
    if samples is not None:
        samples.astype("<i2").tofile(root / f"{name}.dat")
    return root


def header(unit: str = "mV", gain: str = "1000", lead: str = "II", n: int = 2000) -> str:
    return f"r 1 250 {n}\nr.dat 16 {gain}/{unit} 16 0 0 0 0 {lead}\n"


WAVE = (300 * np.sin(np.arange(2000) / 9)).astype(int)[:, None]


@pytest.mark.parametrize(
    ("unit", "factor"), [("mV", 1), ("mv", 1), ("uV", 1e-3), ("V", 1e3), ("nV", 1e-6)]
)
def test_every_unit_of_voltage_is_brought_to_millivolts(tmp_path, unit, factor):
    seen = READER.read(write(tmp_path, header(unit), WAVE), "r")
    assert seen.signal.dtype == np.float32
    assert seen.signal[0] == pytest.approx(WAVE[:, 0] / 1000 * factor, rel=1e-5, abs=1e-9)


def test_a_signal_that_is_no_voltage_is_left_out_and_said(tmp_path):
    text = "r 2 250 1000\nr.dat 16 1000/mV 16 0 0 0 0 II\nr.dat 16 10/NU 16 0 0 0 0 PLETH\n"
    seen = READER.read(write(tmp_path, text, WAVE), "r")
    assert seen.leads == ("II",)
    assert any("no voltage" in defect for defect in seen.defects)
    with pytest.raises(DataError, match="voltage"):
        READER.read(write(tmp_path / "none", header("NU"), WAVE), "r")


def test_missing_samples_are_nan(tmp_path):
    broken = WAVE.copy()
    broken[700:720] = -32768
    seen = READER.read(write(tmp_path, header(), broken), "r")
    assert np.isnan(seen.signal[0, 700:720]).all()
    assert np.isfinite(np.delete(seen.signal[0], range(700, 720))).all()


def test_a_long_run_of_one_value_at_the_start_is_lost_signal(tmp_path):
    lost = WAVE.copy()
    lost[:500] = -1
    seen = READER.read(write(tmp_path, header(), lost), "r")
    assert np.isnan(seen.signal[0, :500]).all()
    assert np.isfinite(seen.signal[0, 500:]).all()
    assert "begins with lost signal" in seen.defects


@pytest.mark.parametrize("date", ["99:99:99 45/13/2020", "nonsense", "10:00:00 00/00/0000"])
def test_a_date_that_is_none_does_not_stop_reading(tmp_path, date):
    text = header().replace("r 1 250 2000", f"r 1 250 2000 {date}")
    seen = READER.read(write(tmp_path, text, WAVE), "r")
    assert seen.signal[0] == pytest.approx(WAVE[:, 0] / 1000, rel=1e-5)
    assert seen.taken_at is None


@pytest.mark.parametrize(
    ("comments", "known"),
    [
        (["Age: 25", "Sex: male", "ECG date: 07.12.2004"], (25, "male", datetime(2004, 12, 7))),
        (["age: 81", "sex: female", "ECG date: 01/10/1990"], (81, "female", datetime(1990, 10, 1))),
        (["69 M 1085 1629 x1", "Aldomet, Inderal"], (69, "male", None)),
        (["-1 M 1629 1629 x1"], (None, "male", None)),
        (["<age>: 51", "<sex>: F", "<diagnoses>:"], (51, "female", None)),
        ([" Age: NaN", "Sex: Female", "Dx: 1,2"], (None, "female", None)),
        (["Rhythm: Sinus rhythm.", "no dialect at all"], (None, None, None)),
    ],
)
def test_each_dialect_of_comments_says_age_sex_and_date(comments, known):
    found, taken_at, _ = attributes(comments)
    assert (found.get("age"), found.get("sex"), taken_at) == known


def test_pooled_ages_are_ninety_and_pooled():
    for value in (300, "300", ">89"):
        assert age_of(value) == {"age": 90.0, "age_pooled": True}
    assert age_of("-1") == age_of("250") == age_of("?") == {}
    assert sex_of("Unknown") == {}


@pytest.mark.parametrize(
    ("written", "lead"),
    [("ECG I", "I"), ("i", "I"), ("avr", "aVR"), ("ECG I filtered", "I"), ("MLII", "MLII"),
     ("v1", "V1"), ("lead II", "II"), ("sig 0", "sig_0")],
)  # fmt: skip
def test_lead_names_are_normalised(written, lead):
    assert lead_name(written) == lead


def test_records_are_sorted_as_people_count():
    assert sorted(["r_10", "r_9", "r_1"], key=natural) == ["r_1", "r_9", "r_10"]


@pytest.mark.parametrize("named", ["../outside.dat", "/etc/hostname", "link.dat"])
def test_a_header_that_names_a_file_outside_is_refused_before_it_is_opened(tmp_path, named):
    root = write(tmp_path / "release", header().replace("r.dat", named))
    WAVE.astype("<i2").tofile(tmp_path / "outside.dat")
    (root / "link.dat").symlink_to(tmp_path / "outside.dat")
    with pytest.raises(OutsideError, match="outside"):
        READER.read(root, "r")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x01\x02",
        "r",
        "r one 250 100\n",
        "# only a comment\n",
        header(n=10**12),
        header().replace("r.dat", "absent.dat"),
        header().replace("r.dat 16", "r.dat 999"),
        "r/2 1 250 2000\nr 1000\nr 1000\n",
        "r/1 1 250 2000\n../../r 2000\n",
        "r 9999999 250 100\n",
    ],
)
def test_a_broken_or_hostile_header_is_one_reason_and_no_crash(tmp_path, text):
    root = write(tmp_path / "a" / "b", text, WAVE)
    with pytest.raises(DataError):
        READER.read(root, "r")


def test_a_truncated_signal_is_a_reason(tmp_path):
    with pytest.raises(DataError, match="truncated"):
        READER.read(write(tmp_path, header(), WAVE[:100]), "r")


def test_texts_are_everything_a_recipient_can_read(tmp_path):
    text = header().replace("250 2000", "250 2000 10:00:00 29/09/1990") + "# seen by Dr. Miller\n"
    root = write(tmp_path, text, WAVE)
    wfdb.wrann("r", "atr", np.array([5, 9]), ["N", '"'], aux_note=["", "called Anna"],
               write_dir=str(root))  # fmt: skip
    texts = READER.texts(root, "r")
    assert ("file name", "r") in texts
    assert ("header record line", "10:00:00 29/09/1990") in texts
    assert ("header comment", "seen by Dr. Miller") in texts
    assert ("annotation note", "called Anna") in texts


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "record"),
    [("mitdb", "100"), ("ludb", "data/1"), ("challenge-2021", "A0001"), ("cpsc2021", "data_8_2"),
     ("wfdb-samples", "binformats"), ("wfdb-samples", "flacformats"), ("wfdb-samples", "a103l"),
     ("wfdb-samples", "multi-segment/fixed1/v102s"), ("wfdb-samples", "multi-segment/041s/041s")],
)  # fmt: skip
def test_signals_are_those_of_the_wfdb_library(data, folder, record):
    seen = READER.read(data / folder, record)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = wfdb.rdrecord(str(data / folder / record))
    for lead, signal in zip(seen.leads, seen.signal, strict=True):
        column = [lead_name(name) for name in wanted.sig_name].index(lead)
        assert signal == pytest.approx(wanted.p_signal[:, column], rel=1e-5, abs=1e-6, nan_ok=True)


@pytest.mark.data
def test_the_same_heart_is_the_same_signal_in_two_data_sets(data):
    """At 500 Hz in one, at 100 Hz in the other."""
    challenge = READER.read(data / "challenge-2021", "HR00001")
    original = READER.read(data / "ptb-xl", "records100/00000/00001_lr")
    assert challenge.leads == original.leads
    for fine, coarse in zip(challenge.signal, original.signal, strict=True):
        assert np.corrcoef(fine.reshape(-1, 5).mean(axis=1), coarse)[0, 1] > 0.95


@pytest.mark.data
def test_the_eleven_records_with_lost_signal_are_read_from_where_it_begins(data):
    root = data / "ecgiddb"
    lost = [one for one in READER.find(root)
            if "begins with lost signal" in READER.read(root, one).defects]  # fmt: skip
    assert lost == [
        "Person_13/rec_2", "Person_15/rec_1", "Person_24/rec_5", "Person_25/rec_4",
        "Person_26/rec_3", "Person_27/rec_3", "Person_28/rec_4", "Person_32/rec_6",
        "Person_44/rec_1", "Person_72/rec_3", "Person_83/rec_1",
    ]  # fmt: skip
    for one in lost:
        begins = int((~np.isnan(READER.read(root, one).signal[0])).argmax())
        assert begins in (1024, 2048)


@pytest.mark.data
@pytest.mark.parametrize("record", ["Person_76/rec_2", "Person_88/rec_1"])
def test_spikes_beyond_the_converter_are_missing(data, record):
    seen = READER.read(data / "ecgiddb", record)
    assert any("converter" in defect for defect in seen.defects)
    assert np.nanmax(np.abs(seen.signal)) < 20


@pytest.mark.data
@pytest.mark.parametrize(
    ("record", "defect"),
    [("challenge-2021/E00001", "strict readers"), ("challenge-2021/S0001", "gain is wrong"),
     ("wfdb-samples/multi-segment/p000878/p000878-2137-10-26-16-57", None)],
)  # fmt: skip
def test_known_defects_are_said(data, record, defect):
    folder, name = record.split("/", 1)
    if defect is None:
        with pytest.raises(DataError):
            READER.read(data / folder, name)
    else:
        assert any(defect in one for one in READER.read(data / folder, name).defects)


@pytest.mark.data
def test_segments_are_no_records_of_their_own(data):
    found = READER.find(data / "wfdb-samples")
    assert "multi-segment/fixed1/v102s" in found
    assert "multi-segment/fixed1/v102s_1" not in found
