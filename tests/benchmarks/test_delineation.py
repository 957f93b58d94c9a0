"""Fiducials beside NeuroKit2's three methods: where they stand, and how fast they come.

`make bench` prints the tables; MEASUREMENTS.md keeps those that were seen. What is learned from
LUDB is judged on subjects it was not learned from: `folds/` holds five networks, each taught
without a fifth of them (`make delineator` makes them again). Nothing was learned from QTDB or CPSC.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wfdb

from auditor.core.beats import Beats, Mark
from auditor.data.annotations import Waves, beat_labels, waves
from auditor.signal import delineate as ours
from auditor.signal.agreement import agreement
from auditor.signal.filters import FS, clean
from auditor.training.delineator import folds
from tests.benchmarks.test_speed import say, seconds

FOLDS = Path(__file__).parent / "folds"
NEUROKIT = ("P_Onsets", "P_Peaks", "P_Offsets", "R_Onsets", "", "R_Offsets", "T_Onsets", "T_Peaks")
NEUROKIT = tuple(f"ECG_{name}" for name in (*NEUROKIT, "T_Offsets"))
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def neurokit(lead: np.ndarray, fs: float, method: str) -> tuple[np.ndarray, int, int]:
    """Fiducials (n, 9) at `fs`, beats, and how many of them stand in an impossible order.

    Where a wave's fiducials are not as many as the beats there is no telling which beat they are
    of; then no order is claimed, neither good nor bad.
    """
    import neurokit2 as nk

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            cleaned = nk.ecg_clean(lead, sampling_rate=int(fs))
            r = nk.ecg_peaks(cleaned, sampling_rate=int(fs))[1]["ECG_R_Peaks"]
            found = nk.ecg_delineate(cleaned, r, sampling_rate=int(fs), method=method)[1]
        except Exception:  # whatever goes wrong in it, the lead has no fiducials
            return np.empty((0, 9)), 0, 0
    columns = [
        np.asarray(r if name == "ECG_" else found.get(name, ()), dtype=float) for name in NEUROKIT
    ]
    longest = max(map(len, columns))
    table = np.full((longest, 9), np.nan)
    for place, column in enumerate(columns):
        table[: len(column), place] = column
    even = all(len(column) == len(r) for column in columns)
    return table, len(r) if even else 0, int(disordered(table).sum()) if even else 0


def disordered(fiducials: np.ndarray) -> np.ndarray:
    n_beats = len(fiducials)
    blank = np.zeros((n_beats, 3), np.uint8), np.zeros(n_beats, np.uint8)
    return Beats("", FS, fiducials, *blank).disordered


def said(name: str, table: pd.DataFrame, n_beats: int, n_disordered: int) -> None:
    share = f"{n_disordered} of {n_beats}" if n_beats else "order not defined"
    say(f"{name}: impossible order {share}")
    print(table.drop(columns=["found"]).round(4).to_string())


def network(name: str) -> Callable[[str], object]:
    loaded = ours.network(FOLDS / f"{name}.safetensors")
    return lambda device: loaded


@pytest.fixture(scope="module")
def ludb(data: Path) -> list[tuple[str, np.ndarray, list[Waves], str]]:
    """Subject, signal (12, n) at 500 Hz, marks per lead at 500 Hz, rhythm."""
    records = []
    for name in (data / "ludb" / "RECORDS").read_text().split():
        path = data / "ludb" / name
        record = wfdb.rdrecord(str(path))
        rhythm = next((c for c in record.comments if c.startswith("Rhythm")), "")
        marks = [waves(path, lead) for lead in record.sig_name]
        records.append((path.name, record.p_signal.T.astype(np.float32), marks, rhythm))
    return records


def judged_by_others(ludb: list, monkeypatch: pytest.MonkeyPatch) -> list[Beats]:
    """Each LUDB record's beats, from the network that never saw its subject."""
    found: list[Beats] = [None] * len(ludb)  # type: ignore[list-item]
    fold = folds(len(ludb))
    for one in np.unique(fold):
        monkeypatch.setattr(ours, "_network", network(f"fold{one}"))
        for place in np.flatnonzero(fold == one):
            cleaned = clean(ludb[place][1], 500.0)
            found[place] = ours.delineate_batch(cleaned[None], LEADS)[0]
    return found


def test_ludb_lead_by_lead(ludb, monkeypatch):
    beats = judged_by_others(ludb, monkeypatch)
    pairs = [
        (lead.fiducials, marks.scaled(0.5))
        for one, (_, _, marked, _) in zip(beats, ludb, strict=True)
        for lead, marks in zip(one.leads, marked, strict=True)
    ]
    leads = [lead for one in beats for lead in one.leads]
    bad = sum(int(lead.disordered.sum()) for lead in leads)
    table = agreement(pairs, FS)
    said(f"LUDB, {len(ludb)} subjects, 12 leads, ours", table, sum(map(len, leads)), bad)
    assert bad == 0
    for method in ("prominence", "dwt", "cwt"):
        pairs, n_beats, bad = [], 0, 0
        for _, signal, marked, _ in ludb:
            for lead, marks in zip(signal, marked, strict=True):
                fiducials, n, wrong = neurokit(lead, 500.0, method)
                pairs.append((fiducials, marks))
                n_beats, bad = n_beats + n, bad + wrong
        said(f"LUDB, NeuroKit2 {method}", agreement(pairs, 500.0), n_beats, bad)


def test_how_steady_the_annotators_are(ludb):
    """How far a mark strays from its place within the same lead's beats: nobody can agree better.

    The spread about the lead's own mean distance from R, with the heart's own variation in it.
    """
    for wave in ("P", "QRS", "T"):
        spreads: list[list[float]] = [[], [], []]
        for _, _, marked, _ in ludb:
            for marks in marked:
                r, rows = marks.marked["QRS"][:, 1], marks.marked[wave]
                if len(r) < 3 or len(rows) < 3:
                    continue
                nearest = r[np.abs(rows[:, 1, None] - r).argmin(axis=1)]
                for place in range(3):
                    away = (rows[:, place] - nearest) * 2.0
                    away = away[~np.isnan(away)]
                    if len(away) >= 3:
                        spreads[place].extend((away - np.median(away)).tolist())
        one, two, three = (float(np.std(np.clip(spread, -60, 60))) for spread in spreads)
        say(f"annotators' own spread, {wave}: on {one:.1f}, peak {two:.1f}, off {three:.1f} ms")
        assert 0 < min(one, two, three) < 30


def test_qtdb(data):
    marked, signals = [], []
    for header in sorted((data / "qtdb").glob("*.hea")):
        record = wfdb.rdrecord(str(header.with_suffix("")))
        marks = waves(header.with_suffix(""), "q1c")
        first, last = int(marks.stretches[0, 0]), int(marks.stretches[-1, 1])
        start, stop = max(first - 2500, 0), min(last + 2500, record.sig_len)
        signals.append((record.p_signal[start:stop].T.astype(np.float32), start))
        marked.append(marks)
    pairs, n_beats, bad = [], 0, 0
    for (signal, start), marks in zip(signals, marked, strict=True):
        beats = ours.delineate_batch(clean(signal, 250.0)[None], ("a", "b"))[0]
        pairs += [(lead.fiducials + start, marks) for lead in beats.leads]
        n_beats += 2 * len(beats)
        bad += sum(int(lead.disordered.sum()) for lead in beats.leads)
    said(f"QTDB q1c, {len(marked)} records, 2 leads, ours", agreement(pairs, FS), n_beats, bad)
    assert bad == 0
    for method in ("prominence", "dwt", "cwt"):
        pairs, n_beats, bad = [], 0, 0
        for (signal, start), marks in zip(signals, marked, strict=True):
            for lead in signal:
                fiducials, n, wrong = neurokit(lead, 250.0, method)
                pairs.append((fiducials + start, marks))
                n_beats, bad = n_beats + n, bad + wrong
        said(f"QTDB q1c, NeuroKit2 {method}", agreement(pairs, FS), n_beats, bad)


def test_p_waves_in_atrial_fibrillation(data, ludb, monkeypatch):
    n_beats = n_given = n_lead_given = 0
    given_in: list[float] = []
    for header in sorted((data / "cpsc2021").glob("*.hea")):
        record = wfdb.rdrecord(str(header.with_suffix("")))
        labels = beat_labels(header.with_suffix(""))
        signal = clean(record.p_signal.T.astype(np.float32), record.fs)
        beats = ours.delineate_batch(signal[None], ("I", "II"))[0]
        fibrillating = labels.sample[labels.rhythm == "AFIB"] * FS / record.fs
        if not len(fibrillating):
            continue
        near = np.abs(beats["r"][:, None] - fibrillating).min(axis=1) < 0.15 * FS
        found = beats.marks[near, 0] == Mark.FOUND
        each = np.stack([lead.marks[near, 0] == Mark.FOUND for lead in beats.leads])
        n_beats, n_given = n_beats + len(found), n_given + int(found.sum())
        n_lead_given += int(each.sum())
        given_in.append(float(found.mean()))
    say(
        f"CPSC 2021, {len(given_in)} records, {n_beats} beats in fibrillation: a P is given to "
        f"{n_given / n_beats:.3f} of them, in {n_lead_given / (2 * n_beats):.3f} of their leads"
    )
    beats = judged_by_others(ludb, monkeypatch)
    chosen = [one for one, row in zip(beats, ludb, strict=True) if "fibrillation" in row[3]]
    together = np.concatenate([one.marks[:, 0] == Mark.FOUND for one in chosen])
    each = np.concatenate([lead.marks[:, 0] == Mark.FOUND for one in chosen for lead in one.leads])
    say(
        f"LUDB, {len(chosen)} subjects, {len(together)} beats in fibrillation: a P is given to "
        f"{together.mean():.3f} of them, in {each.mean():.3f} of their leads"
    )
    assert max(n_given / n_beats, together.mean()) < 0.05


def test_the_time_it_takes_beside_neurokit2s_prominence(ludb):
    signals = np.stack([signal for _, signal, _, _ in ludb[:64]])

    def whole_shard() -> None:
        for few in np.split(signals, 8):  # as `prepare` does
            ours.delineate_batch(clean(few, 500.0), LEADS)

    few = signals[:4]
    own = seconds(whole_shard) / len(signals)
    theirs = seconds(lambda: [neurokit(lead, 500.0, "prominence") for s in few for lead in s], 2)
    theirs /= len(few)
    say(
        f"12 leads x 10 s at 500 Hz, filtered and delineated: {1 / own:.0f} records/s, "
        f"{theirs / own:.1f} x NeuroKit2 prominence ({1 / theirs:.1f} records/s)"
    )
    assert own > 0


def test_memory_does_not_grow_with_the_records():
    program = (
        "import resource, sys, numpy as np\n"
        "from auditor.signal.delineate import delineate_batch\n"
        "from auditor.signal.filters import clean\n"
        "rng = np.random.default_rng(0)\n"
        "for _ in range(int(sys.argv[1]) // 8):\n"
        "    signal = rng.normal(size=(8, 12, 5000)).astype(np.float32)\n"
        "    delineate_batch(clean(signal, 500.0), tuple('abcdefghijkl'))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    peaks = {}
    for n in (40, 800):
        command = [sys.executable, "-c", program, str(n)]
        peaks[n] = float(subprocess.run(command, check=True, capture_output=True).stdout)
    say(
        "peak memory of a process, 12 leads x 10 s: "
        + ", ".join(f"{peak:.0f} MB after {n} records" for n, peak in peaks.items())
    )
    assert peaks[800] < 1.2 * peaks[40]
