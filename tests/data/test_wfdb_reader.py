"""Every signal in millivolts, every known defect met, nothing opened that should not be."""

from __future__ import annotations

import os
import re
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.core.errors import DataError
from auditor.data.readers import READERS, OutsideError
from auditor.data.readers.base import lead_name, lead_names, natural
from auditor.data.readers.comments import facts
from auditor.data.values import dates

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
        (
            ["age: 81", "sex: female", "ECG date: 13/10/1990"],
            (81, "female", datetime(1990, 10, 13)),
        ),
        (["69 M 1085 1629 x1", "Aldomet, Inderal"], (69, "male", None)),
        (["-1 M 1629 1629 x1"], (None, "male", None)),
        (["<age>: 51", "<sex>: F", "<diagnoses>:"], (51, "female", None)),
        ([" Age: NaN", "Sex: Female", "Dx: 1,2"], (None, "female", None)),
        (["Rhythm: Sinus rhythm.", "no dialect at all"], (None, None, None)),
    ],
)
def test_each_dialect_of_comments_says_age_sex_and_date(comments, known):
    said = facts(comments)
    day = said.taken_at or (dates([said.dated])[0][0] if said.dated else None)
    assert (said.attributes.get("age"), said.attributes.get("sex"), day) == known
    assert said.unread == ()


def test_a_fact_that_is_there_and_is_not_understood_is_counted():
    said = facts(["Age: three score", "Sex: 2", "Age group: 60-69", "Age: " + "9" * 5000])
    assert said.unread == ("age", "sex")
    assert said.attributes["age"] == 64.5


def test_facts_that_share_a_line_are_all_read():
    said = facts(["Age: 47  Sex: M", "<age>: 25  <sex>: F  <diagnoses>: (none)"])
    assert said.attributes == {"age": 25.0, "sex": "female"}
    assert facts(["Patient age (months): 18"]).attributes["age"] == 1.5


def test_a_line_of_any_length_takes_no_time():
    for line in ("Age" + " " * 4000 + "x", " " * 100_000, "#" * 50_000 + ":", "A " * 5000 + ": 3"):
        assert facts([line]).attributes == {}


@pytest.mark.parametrize(
    ("written", "lead"),
    [("ECG I", "I"), ("i", "I"), ("avr", "aVR"), ("ECG I filtered", "I"), ("MLII", "MLII"),
     ("v1", "V1"), ("lead II", "II"), ("sig 0", "sig_0"), ("ECG lead II", "II"), ("EKG II", "II"),
     ("MDC_ECG_LEAD_II", "II"), ("MDC_ECG_LEAD_AVR", "aVR"), ("LeadII", "II"), ("II (ECG)", "II"),
     ("ECG_V 1", "V1"), ("Dérivation II", "II"), ("DIII", "III"), ("VR", "aVR"), ("AVL", "aVL"),
     ("-AVR", "-aVR"), ("ECG -aVR", "-aVR"), ("ECG-aVR", "aVR"), ("I-II", "I-II"), ("", "unnamed"),
     ("I II", "I_II"), ("ECG1", "ECG1"), ("ECG1 II", "ECG1_II"), ("ECG", "ECG"), ("V", "V"),
     ("C1", "C1"), ("D2", "D2")],
)  # fmt: skip
def test_lead_names_are_normalised(written, lead):
    assert lead_name(written) == lead


def test_names_that_may_be_channels_are_leads_where_the_whole_set_is_there():
    limbs, chest = ["I", "II", "III"], ["V1", "V2", "V3", "V4", "V5", "V6"]
    numbered = ["C1", "C2", "C3", "C4", "C5", "C6"]
    assert lead_names(["D1", "d2", "D3", *numbered]) == limbs + chest
    for names in (["D3", "D4"], ["D1", "D2", "D3", "D4"], ["C3", "C4"], numbered, ["II", "C1"]):
        assert lead_names(names) == names


def test_records_are_sorted_as_people_count():
    assert sorted(["r_10", "r_9", "r_1"], key=natural) == ["r_1", "r_9", "r_10"]


@pytest.mark.parametrize("named", ["../outside.dat", "/etc/hostname", "link.dat"])
def test_a_header_that_names_a_file_outside_is_refused_before_it_is_opened(tmp_path, named):
    root = write(tmp_path / "release", header().replace("r.dat", named))
    WAVE.astype("<i2").tofile(tmp_path / "outside.dat")
    (root / "link.dat").symlink_to(tmp_path / "outside.dat")
    with pytest.raises(OutsideError, match="outside"):
        READER.read(root, "r")


def test_what_is_checked_is_what_the_library_opens(tmp_path):
    """The library drops what is not ASCII, and reads `r/` as a record without segments."""
    WAVE.astype("<i2").tofile(tmp_path / "outside.dat")
    for number, (name, file) in enumerate([("r", "ré.dat"), ("r/", "r.dat")]):
        text = header().replace("r 1", f"{name} 1").replace("r.dat", file)
        root = write(tmp_path / str(number), text)
        (root / "r.dat").symlink_to(tmp_path / "outside.dat")
        write(root, "r.dat 1 250 2000\nré.dat 16 1000/mV 16 0 0 0 0 II\n", name="r.dat")
        (-WAVE).astype("<i2").tofile(root / "ré.dat")
        if file == "ré.dat":
            assert READER.read(root, "r").signal[0] == pytest.approx(-WAVE[:, 0] / 1000, rel=1e-5)
            (root / file).unlink()
            (root / file).symlink_to(tmp_path / "outside.dat")
        with pytest.raises(OutsideError, match="outside"):
            READER.read(root, "r")


def test_a_header_that_names_itself_as_its_signal_is_not_written_to(tmp_path):
    text = header().replace("r.dat", "r.hea").replace("2000\n", "2000 10:00:00 45/13/2020\n")
    root = write(tmp_path, text)
    with pytest.raises(DataError):
        READER.read(root, "r")
    assert (root / "r.hea").read_text() == text


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "r.hea")
    assert READER.find(tmp_path) == ["r"]
    with pytest.raises(DataError, match="no file"):
        READER.read(tmp_path, "r")
    root = write(tmp_path / "fine", header(), WAVE)
    os.mkfifo(root / "r.atr")
    assert {where for where, _ in READER.texts(root, "r")} == {"file name", "signal description"}


def test_headers_that_are_segments_of_each_other_do_not_hide_each_other(tmp_path):
    write(tmp_path, "a/1 1 250 2000\nb 2000\n", name="a")
    write(tmp_path, "b/1 1 250 2000\na 2000\n", name="b")
    write(tmp_path, "c/1 1 250 2000\nc 2000\n", name="c")
    assert READER.find(tmp_path) == ["a", "b", "c"]
    for record in ("a", "b", "c"):
        with pytest.raises(DataError, match="segments"):
            READER.read(tmp_path, record)


@pytest.mark.parametrize(
    "header_text",
    [
        header().replace(" 16 1000", " 16:900000000 1000"),
        header().replace(" 16 1000", " 16x900000000 1000"),
        "r/2 1 250 10\ns 5\ns 5\n",
        "r 300 250 10\n",
    ],
)
def test_no_header_makes_more_be_held_than_the_bound(tmp_path, header_text):
    root = write(tmp_path, header_text, WAVE)
    write(root, "s 2 250 150000000\nr.dat 16 9 16 0 0 0 0 II\nr.dat 16 9 16 0 0 0 0 I\n", name="s")
    with pytest.raises(DataError, match=r"larger than|more than"):
        READER.read(root, "r")


def test_a_file_without_a_stated_length_is_bounded_by_its_size(tmp_path):
    root = write(tmp_path, header().replace(" 2000\n", "\n"))
    with (root / "r.dat").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(DataError, match="larger than"):
        READER.read(root, "r")


def test_a_reason_names_no_file_for_it_goes_into_the_report(tmp_path):
    root = write(tmp_path, "r/1 1 250 2000\nSmith_John 2000\n")
    write(root, "broken", name="Smith_John")
    with pytest.raises(DataError) as error:
        READER.read(root, "r")
    assert "Smith" not in str(error.value)


@pytest.mark.parametrize("gain", ["0/mV", "/mV"])
def test_a_signal_without_a_gain_is_said_to_be_uncalibrated(tmp_path, gain):
    text = header().replace("1000/mV", gain)
    seen = READER.read(write(tmp_path, text, WAVE), "r")
    assert any("uncalibrated" in defect for defect in seen.defects)
    assert seen.signal[0] == pytest.approx(WAVE[:, 0] / 200, rel=1e-5)


def test_a_gain_that_makes_samples_infinite_or_giant_is_said(tmp_path):
    tiny = READER.read(write(tmp_path / "a", header(gain="1e-320"), WAVE), "r")
    assert not np.isinf(tiny.signal).any()
    assert any("infinite" in defect for defect in tiny.defects)
    small = READER.read(write(tmp_path / "b", header(gain="1"), WAVE), "r")
    assert any("larger than a heart" in defect for defect in small.defects)


def test_what_a_monitor_records_beside_the_ecg_is_no_lead(tmp_path):
    text = "r 2 250 1000\nr.dat 16 1000 16 0 0 0 0 II\nr.dat 16 1000 16 0 0 0 0 RESP\n"
    seen = READER.read(write(tmp_path, text, WAVE), "r")
    assert seen.leads == ("II",)
    assert any("no ECG" in defect for defect in seen.defects)


def test_a_rate_of_zero_is_a_reason_and_no_rate_is_said(tmp_path):
    with pytest.raises(DataError, match="frequency"):
        READER.read(write(tmp_path / "a", header().replace("250", "0"), WAVE), "r")
    unsaid = write(tmp_path / "b", "r 1\nr.dat 16 1000 16 0 0 0 0 II\n", WAVE)
    seen = READER.read(unsaid, "r")
    assert seen.fs == 250
    assert any("no sampling frequency" in defect for defect in seen.defects)


def test_letters_of_every_alphabet_in_a_comment_are_kept(tmp_path):
    write(tmp_path, header() + "# note\u2028second\n# Müller\n", WAVE)
    assert ("header comment", "Müller") in READER.texts(tmp_path, "r")
    READER.read(tmp_path, "r")
    (tmp_path / "r.hea").write_bytes((header() + "# Müller\n").encode("latin-1"))
    assert ("header comment", "Müller") in READER.texts(tmp_path, "r")


_JUNK = st.sampled_from(
    [*("", "0", "-1", "~", "1e9", "/", "r/0", "\x0b", "é", "#", "../r", "\n", "r.hea"),
     *("0/mV", "-5/mV", "1e-320/mV", "212", "310", "508", "16x0", "16x3", "212:99", "999", "II")]
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 60), _JUNK), min_size=1, max_size=3), st.booleans())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_breaks_the_reader(tmp_path, changes, segmented):
    """Read or refused, whatever stands where a number should."""
    text = "r/2 1 250 1000 \ns 500\ns 500\n" if segmented else header() + "# Age: 44\n"
    pieces = re.split(r"([ \n/:]+)", text)
    for place, junk in changes:
        pieces[place % len(pieces)] = junk
    root = write(tmp_path, "".join(pieces), WAVE)
    write(root, "s 1 250 500\nr.dat 16 1000/mV 16 0 0 0 0 II\n", name="s")
    assert set(READER.find(root)) <= {"r", "s"}
    try:
        seen = READER.read(root, "r")
    except DataError:
        return
    assert seen.fs > 0
    assert not np.isinf(seen.signal).any()
    assert len(set(seen.leads)) == len(seen.leads) == len(seen.signal)


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
        wanted = wfdb.rdrecord(str(data / folder / record), smooth_frames=record == "binformats")
    physical = wanted.p_signal.T if wanted.e_p_signal is None else wanted.e_p_signal
    for lead, signal in zip(seen.leads, seen.signal, strict=True):
        column = [lead_name(name) for name in wanted.sig_name].index(lead)
        # Half a million samples, which approx would go through one by one.
        assert np.allclose(signal, physical[column], rtol=1e-5, atol=1e-6, equal_nan=True)


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
