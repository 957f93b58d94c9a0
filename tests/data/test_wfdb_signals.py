"""Each signal as it was recorded: at its own rate, in its own unit, under a name of its own."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import wfdb

from auditor.core.errors import DataError
from auditor.data.readers import READERS
from auditor.data.readers.units import is_no_voltage, millivolts

READER = READERS["wfdb"]
SECONDS, FRAMES_HZ = 20, 15.5
N_FRAMES = int(SECONDS * FRAMES_HZ)


def ecg(fs: float, n: int, seed: int = 0) -> np.ndarray:
    """Narrow waves, a second apart, in counts of 1 µV: averaging them takes their height."""
    t = np.arange(n) / fs + seed / 10
    wave = 1000 * np.exp(-0.5 * ((t % 1 - 0.4) / 0.012) ** 2)
    return np.round(wave + 200 * np.exp(-0.5 * ((t % 1 - 0.7) / 0.04) ** 2)).astype(int)


def write(
    root: Path,
    *signals: tuple[str, str, np.ndarray],
    name: str = "r",
    fs: float = FRAMES_HZ,
    per_frame: tuple[int, ...] = (),
    encoding: str = "utf-8",
    checksums: bool = True,
    record_line: str = "",
) -> Path:
    """Signals as (gain/unit, name, counts), with several samples to a frame where said."""
    root.mkdir(parents=True, exist_ok=True)
    per_frame = per_frame or (1,) * len(signals)
    n_frames = min(len(x) // n for (_, _, x), n in zip(signals, per_frame, strict=True))
    held = [
        x[: n_frames * n].reshape(n_frames, n)
        for (_, _, x), n in zip(signals, per_frame, strict=True)
    ]
    np.concatenate(held, axis=1).astype("<i2").tofile(root / f"{name}.dat")
    lines = [record_line or f"{name} {len(signals)} {fs:g} {n_frames}"]
    for (unit, title, _), x, n in zip(signals, held, per_frame, strict=True):
        total = int(x.sum()) & 0xFFFF if checksums else 1
        lines.append(f"{name}.dat 16x{n} {unit} 16 0 {x[0, 0]} {total} 0 {title}".rstrip())
    (root / f"{name}.hea").write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return root


SLOW = 100 + np.arange(N_FRAMES) % 50
FAST = ecg(496, 32 * N_FRAMES)


# -- at its own rate


def test_an_ecg_of_several_samples_a_frame_is_read_at_its_own_rate(tmp_path):
    root = write(
        tmp_path, ("1000/mV", "ECG", FAST), ("100/uS", "hand GSR", SLOW), per_frame=(32, 1)
    )
    seen = READER.read(root, "r")
    assert (seen.fs, seen.leads) == (496, ("ECG",))
    assert np.array_equal(seen.signal[0], (FAST / 1000).astype(np.float32))
    assert "checksums of the header disagree with the signals" not in seen.defects


@pytest.mark.parametrize("other", ["foot GSR", "Thorax RESP", "RESP", "EMG", "marker", "HR"])
def test_what_is_no_ecg_does_not_decide_the_rate(tmp_path, other):
    """GSR and respiration often state no unit, which then reads as mV."""
    fast = np.tile(np.arange(64), N_FRAMES)
    root = write(tmp_path, ("1000/mV", "II", FAST), ("100", other, fast), per_frame=(32, 64))
    seen = READER.read(root, "r")
    assert (seen.fs, seen.leads) == (496, ("II",))
    assert "a signal that is no ECG was left out" in seen.defects


def test_leads_of_several_rates_are_brought_to_the_fastest_and_that_is_said(tmp_path):
    slow = ecg(124, 8 * N_FRAMES)
    root = write(tmp_path, ("1000/mV", "II", FAST), ("1000/mV", "V5", slow), per_frame=(32, 8))
    seen = READER.read(root, "r")
    assert (seen.fs, seen.leads, seen.signal.shape) == (496, ("II", "V5"), (2, 32 * N_FRAMES))
    assert any("several rates" in one for one in seen.defects)
    assert np.array_equal(seen.signal[0], (FAST / 1000).astype(np.float32))
    assert np.abs(seen.signal[1] - seen.signal[0])[200:-200].max() < 0.03


def test_what_is_missing_or_lost_stays_so_at_another_rate(tmp_path):
    fast, slow = FAST + 500, ecg(124, 8 * N_FRAMES) + 500
    fast[: 32 * 31], slow[: 8 * 31] = -1, -1
    slow[1000:1100] = -32768
    root = write(tmp_path, ("1000/mV", "II", fast), ("1000/mV", "V5", slow), per_frame=(32, 8))
    seen = READER.read(root, "r")
    missing = np.isnan(seen.signal)
    assert "begins with lost signal" in seen.defects
    assert missing[:, : 32 * 31].all()
    assert not missing[:, 32 * 31 + 4 : 3996].any()
    assert missing[1, 4000:4397].all()
    assert not missing[0, 4000:].any()
    assert not missing[1, 4400:].any()


def test_checksums_are_compared_for_records_of_several_samples_a_frame(tmp_path):
    root = write(tmp_path, ("1000/mV", "II", FAST), per_frame=(32,), checksums=False)
    assert "checksums of the header disagree with the signals" in READER.read(root, "r").defects


def test_segments_of_several_samples_a_frame_are_put_together_at_their_rate(tmp_path):
    half = N_FRAMES // 2
    for number, part in enumerate((FAST[: 32 * half], FAST[32 * half : 64 * half]), 1):
        unit = "1000/mV" if number == 1 else "1/uV"
        signals = (unit, "II", part), ("10/mmHg", "ABP", SLOW[:half])
        write(tmp_path, *signals, per_frame=(32, 1), name=f"s{number}")
    (tmp_path / "r.hea").write_text(f"r/2 2 15.5 {2 * half}\ns1 {half}\ns2 {half}\n")
    seen = READER.read(tmp_path, "r")
    assert (seen.fs, seen.leads) == (496, ("II",))
    assert seen.signal[0] == pytest.approx(FAST[: 64 * half] / 1000, rel=1e-6)
    # A gap, and a layout that names the signals of all.
    (tmp_path / "r.hea").write_text(f"r/4 2 15.5 {2 * half + 9}\nl 0\ns2 {half}\n~ 9\ns1 {half}\n")
    (tmp_path / "l.hea").write_text(
        "l 2 15.5 0\n~ 0x1 10/mmHg 16 0 0 0 0 ABP\n~ 0x32 1000/mV 16 0 0 0 0 II\n"
    )
    seen = READER.read(tmp_path, "r")
    assert seen.signal[0, : 32 * half] == pytest.approx(FAST[32 * half : 64 * half] / 1000)
    assert np.isnan(seen.signal[0, 32 * half : 32 * (half + 9)]).all()
    assert seen.signal[0, 32 * (half + 9) :] == pytest.approx(FAST[: 32 * half] / 1000)


@pytest.mark.parametrize(
    ("line", "per_frame"),
    [
        ("r 2 15.5 40000", (3000, 1)),  # few samples in the file, many at the rate of the fastest
        ("r 2 15.5 1", (99_999_989, 99_999_971)),  # a filter larger than the signal
    ],
)
def test_what_is_brought_to_the_fastest_rate_is_bounded_before_it_is_opened(
    tmp_path, line, per_frame
):
    signals = "".join(
        f"r.dat 16x{n} 1000/mV 16 0 0 0 0 {lead}\n"
        for n, lead in zip(per_frame, ("II", "V5"), strict=True)
    )
    (tmp_path / "r.hea").write_text(f"{line}\n{signals}")
    (tmp_path / "r.dat").write_bytes(b"")
    with pytest.raises(DataError, match="larger than"):
        READER.read(tmp_path, "r")


def test_segments_are_bounded_at_the_rate_of_their_samples(tmp_path):
    (tmp_path / "s.hea").write_text("s 1 15.5 10\ns.dat 16x1000000 1000/mV 16 0 0 0 0 II\n")
    (tmp_path / "s.dat").write_bytes(b"")
    (tmp_path / "r.hea").write_text("r/30 1 15.5 300\n" + "s 10\n" * 30)
    with pytest.raises(DataError, match="larger than"):
        READER.read(tmp_path, "r")


def test_a_late_signal_is_shifted_by_whole_frames_and_its_end_is_missing(tmp_path):
    late = np.concatenate([np.full(3 * 32, 7), FAST])[: 32 * N_FRAMES]
    root = write(tmp_path, ("1000/mV", "II", late), ("1000", "RESP", SLOW), per_frame=(32, 1))
    text = (root / "r.hea").read_text().replace("16x32", "16x32:3")
    (root / "r.hea").write_text(text)
    seen = READER.read(root, "r")
    assert seen.signal[0, : -3 * 32] == pytest.approx(FAST[: -3 * 32] / 1000)
    assert np.isnan(seen.signal[0, -3 * 32 :]).all()
    assert "checksums of the header disagree with the signals" not in seen.defects


@pytest.mark.data
@pytest.mark.parametrize(
    ("record", "fs"),
    [("03700181", 500), ("mixedsignals", 249.89), ("multi-segment/041s/041s", 500)],
)
def test_a_published_record_of_frames_is_the_librarys_own_to_the_last_bit(data, record, fs):
    seen = READER.read(data / "wfdb-samples", record)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = wfdb.rdrecord(str(data / "wfdb-samples" / record), smooth_frames=False)
    assert seen.fs == fs
    for lead, signal in zip(seen.leads, seen.signal, strict=True):
        physical = wanted.e_p_signal[wanted.sig_name.index(lead)].astype(np.float32)
        assert np.array_equal(signal, physical, equal_nan=True)


# -- in its own unit

MICRO = ["uV", "UV", "µV", "\u03bcV", "\u039cV", "microV", "microvolt", "Microvolts", "micro-volts",
         "uVolt", "(uV)", "mcV"]  # fmt: skip
MILLI = ["mV", "mv", "MV", "mVolt", "millivolt", "milliVolts", "[mV]"]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [*((one, 1e-3) for one in MICRO), *((one, 1.0) for one in MILLI), ("V", 1e3), ("volts", 1e3)],
)
def test_a_unit_of_voltage_is_understood_in_every_spelling(tmp_path, unit, factor):
    seen = READER.read(write(tmp_path, (f"1/{unit}", "II", FAST), fs=496), "r")
    assert seen.signal[0] == pytest.approx(FAST * factor, rel=1e-6)
    assert seen.unread == ()


@pytest.mark.parametrize(
    ("unit", "encoding"),
    [("µV", "latin-1"), ("µV", "cp1252"), ("µV", "mac-roman"), ("µV", "cp437"), ("µV", "utf-8-sig"),
     ("\u03bcV", "utf-8"), ("\u03bcV", "iso8859-7"), ("ÂµV", "utf-8")],
)  # fmt: skip
def test_a_micro_sign_is_understood_in_every_encoding(tmp_path, unit, encoding):
    root = write(tmp_path, (f"1/{unit}", "II", FAST), fs=496, encoding=encoding)
    seen = READER.read(root, "r")
    assert seen.leads == ("II",)
    assert seen.signal[0] == pytest.approx(FAST / 1000, rel=1e-6)
    assert seen.defects == seen.unread == ()


def test_lines_of_one_header_may_be_of_several_encodings(tmp_path):
    root = write(tmp_path, ("1/µV", "II", FAST), fs=496)
    with (root / "r.hea").open("ab") as file:
        file.write("# Müller\n".encode("latin-1"))
    assert READER.read(root, "r").signal.max() == pytest.approx(1, abs=0.01)
    assert ("header comment", "Müller") in READER.texts(root, "r")


def test_names_that_are_not_ascii_are_kept_whole(tmp_path):
    root = write(tmp_path, ("1/µV", "Kanal Ä", FAST), ("1/uV", "Kanal Ö", FAST), fs=496)
    seen = READER.read(root, "r")
    assert seen.leads == ("Kanal_Ä", "Kanal_Ö")
    assert seen.defects == ()
    root = write(tmp_path / "named", ("1/µV", "Dérivation II", FAST), fs=496, name="ré")
    seen = READER.read(root, "ré")
    assert seen.leads == ("II",)
    assert [one.name for one in seen.files] == ["ré.hea", "ré.dat"]


def test_what_stands_behind_a_unit_that_the_library_cannot_take_is_read(tmp_path):
    """The baseline is that of the converter's zero, which stands behind the unit."""
    for number, unit in enumerate(["(mV)", "mV.", "µV"]):
        root = write(tmp_path / str(number), (f"1000/{unit}", "II", FAST + 1024), fs=496)
        text = (root / "r.hea").read_text("utf-8").replace(f"{unit} 16 0 ", f"{unit} 16 1024 ")
        (root / "r.hea").write_text(text, "utf-8")
        wanted = FAST / 1000 * (1e-3 if unit == "µV" else 1)
        assert READER.read(root, "r").signal[0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("unit", ["furlong", "adu", "kV", "?", "\ufffdV", "mV/mm"])
def test_a_unit_that_is_not_understood_is_counted_and_its_signal_left_out(tmp_path, unit):
    root = write(tmp_path, ("1000/mV", "II", FAST), (f"1/{unit}", "V5", FAST), fs=496)
    seen = READER.read(root, "r")
    assert (seen.leads, seen.unread) == (("II",), ("unit",))
    assert any("not understood" in one for one in seen.defects)
    root = write(tmp_path / "alone", (f"1/{unit}", "V5", FAST), fs=496)
    with pytest.raises(DataError, match="voltage that is understood"):
        READER.read(root, "r")


@pytest.mark.parametrize(
    "unit",
    ["mmHg", "bpm", "%", "°C", "degC", "l/min", "NU", "cm", "Ohm", "\u2126", "m/s²", "1/min"],
)
def test_a_unit_of_something_else_is_left_out_and_not_counted(tmp_path, unit):
    root = write(tmp_path, ("1000/mV", "II", FAST), (f"10/{unit}", "ext", FAST), fs=496)
    seen = READER.read(root, "r")
    assert (seen.leads, seen.unread) == (("II",), ())
    assert "a signal that is no voltage was left out" in seen.defects


def test_no_unit_is_of_voltage_and_of_something_else():
    for unit in [*MICRO, *MILLI, "V", "nV"]:
        assert millivolts(unit) is not None
        assert not is_no_voltage(unit)


# -- under a name of its own


@pytest.mark.parametrize(
    ("names", "leads"),
    [
        (("ECG", "ECG"), ("ECG", "ECG_2")),
        (("", "", ""), ("unnamed", "unnamed_2", "unnamed_3")),
        (("ECG", "ECG_X", "ECG"), ("ECG", "X", "ECG_2")),
        (("MLX", "MLX", "MLX_2"), ("MLX", "MLX_3", "MLX_2")),
        (("II", "lead II"), ("II", "II_2")),
        (("ECG I", "ECG I", "ECG I filtered"), ("I", "I_2")),
        (("I", "lead I filtered"), ("I", "I_2")),
    ],
)
def test_signals_of_one_name_are_numbered(tmp_path, names, leads):
    signals = [ecg(496, 4960, seed) for seed in range(len(names))]
    root = write(
        tmp_path, *(("1000/mV", name, x) for name, x in zip(names, signals, strict=True)), fs=496
    )
    seen = READER.read(root, "r")
    assert seen.leads == leads
    for row, x in zip(seen.signal, signals, strict=False):
        assert row == pytest.approx(x / 1000, rel=1e-6)
    assert "signals that share a name, or have none, were numbered" in seen.defects


def test_a_single_signal_without_a_name_has_no_number(tmp_path):
    seen = READER.read(write(tmp_path, ("1000/mV", "", FAST), fs=496), "r")
    assert (seen.leads, seen.defects) == (("unnamed",), ())


@pytest.mark.parametrize("names", [("ECG I", "ECG I filtered"), ("ECG", "ECG filtered")])
def test_the_filtered_copy_of_a_signal_is_left_out(tmp_path, names):
    root = write(tmp_path, ("1000/mV", names[0], FAST), ("1000/mV", names[1], FAST // 2), fs=496)
    seen = READER.read(root, "r")
    assert len(seen.leads) == 1
    assert seen.signal[0] == pytest.approx(FAST / 1000, rel=1e-6)
    assert seen.defects == ("a second signal of the same lead was left out",)


def test_signals_of_one_name_are_kept_apart_in_segments(tmp_path):
    """With a layout, the second of a name is the second of that name in every segment."""
    first, second = ecg(496, 4960, 1), ecg(496, 4960, 2)
    write(tmp_path, ("1000/mV", "ECG", first), ("1/µV", "ECG", second), fs=496, name="s1")
    write(
        tmp_path,
        ("10/mmHg", "ABP", first),
        ("1000/mV", "ECG", first),
        ("1000/mV", "ECG", second),
        fs=496,
        name="s2",
    )
    (tmp_path / "l.hea").write_text(
        "l 3 496 0\n" + "".join(f"~ 0 1000/mV 16 0 0 0 0 {x}\n" for x in ("ECG", "ECG", "ABP"))
    )
    (tmp_path / "r.hea").write_text("r/3 3 496 9920\nl 0\ns1 4960\ns2 4960\n")
    seen = READER.read(tmp_path, "r")
    assert seen.leads == ("ECG", "ECG_2")
    assert seen.signal[0] == pytest.approx(np.tile(first, 2) / 1000, rel=1e-6)
    assert seen.signal[1] == pytest.approx(np.tile(second, 2) / 1000, rel=1e-6)


def test_segments_in_another_order_are_joined_by_name(tmp_path):
    """The format wants one order, and the library takes it for granted."""
    first, second = ecg(496, 4960, 1), ecg(496, 4960, 2)
    one, two = ("1000/mV", "II", first), ("1000/mV", "V5", second)
    write(tmp_path, one, two, fs=496, name="s1")
    write(tmp_path, two, one, fs=496, name="s2")
    (tmp_path / "r.hea").write_text("r/2 2 496 9920\ns1 4960\ns2 4960\n")
    seen = READER.read(tmp_path, "r")
    assert seen.leads == ("II", "V5")
    assert seen.signal == pytest.approx(np.tile([first, second], 2) / 1000, rel=1e-6)


def test_segments_without_names_are_joined_by_place(tmp_path):
    first, second = ecg(496, 4960, 1), ecg(496, 4960, 2)
    write(tmp_path, ("1000/mV", "II", first), ("1000/mV", "V5", second), fs=496, name="s1")
    write(tmp_path, ("1000/mV", "", first), ("1000/mV", "", second), fs=496, name="s2")
    (tmp_path / "r.hea").write_text("r/2 2 496 9920\ns1 4960\ns2 4960\n")
    seen = READER.read(tmp_path, "r")
    assert seen.leads == ("II", "V5")
    assert seen.signal == pytest.approx(np.tile([first, second], 2) / 1000, rel=1e-6)


def test_segments_that_hold_less_than_is_stated_are_a_reason(tmp_path):
    write(tmp_path, ("1000/mV", "II", FAST), fs=496, name="s")
    for text in ("r/2 1 496 9920\ns 4960\n", "r/1 1 496 0\ns 0\n", "r/1 1 496\ns 4960\n"):
        (tmp_path / "r.hea").write_text(text)
        with pytest.raises(DataError):
            READER.read(tmp_path, "r")
