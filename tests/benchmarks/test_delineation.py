"""Fiducials beside NeuroKit2's three methods: where they stand, and how fast they come.

`make bench` prints the tables, and MEASUREMENTS.md keeps what was seen last. What is learned from
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


#: SD in ms that two readers may differ by, from the CSE working party.
CSE_MS = {"p_on": 10.2, "p_off": 12.7, "qrs_on": 6.5, "qrs_off": 11.6, "t_off": 30.6}
ROOM = "delineation"
LUDB = "LUDB 1.0.1, 12 leads each on its own"


def titled(fiducial: str) -> str:
    """A fiducial as MEASUREMENTS.md names it."""
    wave, _, end = fiducial.partition("_")
    peak = "" if fiducial == "r" else " peak"
    return wave.upper() + {"on": " onset", "off": " offset"}.get(end, peak)


def error(row: pd.Series) -> str:
    return "" if np.isnan(row.sd_ms) else f"{row.mean_ms:.0f} ± {row.sd_ms:.1f}"


def f1(row: pd.Series) -> str:
    return f"{row.F1:.3f} ({row.Se:.3f} / {row.PPV:.3f})"


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


def test_ludb_lead_by_lead(ludb, monkeypatch, measured):
    beats = judged_by_others(ludb, monkeypatch)
    pairs = [
        (lead.fiducials, marks.scaled(0.5))
        for one, (_, _, marked, _) in zip(beats, ludb, strict=True)
        for lead, marks in zip(one.leads, marked, strict=True)
    ]
    leads = [lead for one in beats for lead in one.leads]
    bad = sum(int(lead.disordered.sum()) for lead in leads)
    table = agreement(pairs, FS)
    n_beats = sum(map(len, leads))
    said(f"LUDB, {len(ludb)} subjects, 12 leads, ours", table, n_beats, bad)
    seen, order = {"ours": table}, {"ours": f"{bad:,} of {n_beats:,}"}
    told = {"room": ROOM, "data": LUDB}
    measured("delineation/ludb-order", "Beats in an impossible order", bad, n=f"{n_beats:,} beats",
             wanted="= 0", digits=0, **told)  # fmt: skip
    for fiducial, tolerance in CSE_MS.items():
        measured(f"delineation/ludb-{fiducial}", f"Error of {titled(fiducial)}, SD",
                 table.loc[fiducial].sd_ms, unit="ms", digits=1, wanted=f"<= {tolerance}",
                 note="CSE tolerance", n=f"{len(ludb)} people", **told)  # fmt: skip
    assert bad == 0
    for method in ("prominence", "dwt", "cwt"):
        pairs, n_beats, bad = [], 0, 0
        for _, signal, marked, _ in ludb:
            for lead, marks in zip(signal, marked, strict=True):
                fiducials, n, wrong = neurokit(lead, 500.0, method)
                pairs.append((fiducials, marks))
                n_beats, bad = n_beats + n, bad + wrong
        seen[method] = agreement(pairs, 500.0)
        order[method] = f"{bad:,} of {n_beats:,}" if n_beats else "not defined"
        said(f"LUDB, NeuroKit2 {method}", seen[method], n_beats, bad)
    for fiducial in table.index:
        key = {"fiducial": titled(fiducial)}
        rows = {method: one.loc[fiducial] for method, one in seen.items()}
        measured.row("ludb-f1", key, {method: f1(row) for method, row in rows.items()})
        measured.row("ludb-error", key, {method: error(row) for method, row in rows.items()})
    measured.row("ludb-error", {"fiducial": "impossible order"}, order)


def test_how_steady_the_annotators_are(ludb, measured):
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
        # A QRS's peak is R, from which all is measured.
        peak = "" if wave == "QRS" else f"{two:.1f}"
        spread = {"onset": f"{one:.1f}", "peak": peak, "offset": f"{three:.1f}"}
        measured.row("ludb-readers", {"wave": wave}, spread)
        assert 0 < min(one, three) < 30


def test_qtdb(data, measured):
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
    table, peers = agreement(pairs, FS), []
    said(f"QTDB q1c, {len(marked)} records, 2 leads, ours", table, n_beats, bad)
    measured("delineation/qtdb-order", "Beats in an impossible order", bad, room=ROOM,
             data="QTDB 1.0.0, q1c, both leads, never taught", n=f"{n_beats:,} beats", wanted="= 0",
             digits=0)  # fmt: skip
    assert bad == 0
    for method in ("prominence", "dwt", "cwt"):
        pairs, n_beats, bad = [], 0, 0
        for (signal, start), marks in zip(signals, marked, strict=True):
            for lead in signal:
                fiducials, n, wrong = neurokit(lead, 250.0, method)
                pairs.append((fiducials + start, marks))
                n_beats, bad = n_beats + n, bad + wrong
        peers.append(agreement(pairs, FS))
        said(f"QTDB q1c, NeuroKit2 {method}", peers[-1], n_beats, bad)
    for fiducial, row in table.iterrows():
        rivals = pd.DataFrame([one.loc[fiducial] for one in peers])
        closest = rivals.loc[rivals["sd_ms"].idxmin()] if rivals["sd_ms"].notna().any() else None
        measured.row("qtdb", {"fiducial": titled(str(fiducial))}, {
            "F1": f"{row.F1:.3f}", "best peer's F1": f"{rivals['F1'].max():.3f}",
            "error, ms": error(row),
            "least spread of a peer, ms": "" if closest is None else error(closest),
        })  # fmt: skip


def test_p_waves_in_atrial_fibrillation(data, ludb, monkeypatch, measured):
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
    told = {"room": ROOM, "wanted": "< 0.05"}
    measured("delineation/p-in-af-cpsc", "P given to beats in fibrillation", n_given / n_beats,
             data="CPSC 2021", n=f"{n_beats:,} beats of {len(given_in)} records",
             **told)  # fmt: skip
    beats = judged_by_others(ludb, monkeypatch)
    chosen = [one for one, row in zip(beats, ludb, strict=True) if "fibrillation" in row[3]]
    together = np.concatenate([one.marks[:, 0] == Mark.FOUND for one in chosen])
    each = np.concatenate([lead.marks[:, 0] == Mark.FOUND for one in chosen for lead in one.leads])
    say(
        f"LUDB, {len(chosen)} subjects, {len(together)} beats in fibrillation: a P is given to "
        f"{together.mean():.3f} of them, in {each.mean():.3f} of their leads"
    )
    measured("delineation/p-in-af-ludb", "P given to beats in fibrillation", together.mean(),
             data="LUDB 1.0.1, networks that were not taught them",
             n=f"{len(together):,} beats of {len(chosen)} people", **told)  # fmt: skip
    assert max(n_given / n_beats, together.mean()) < 0.05


def test_the_time_it_takes_beside_neurokit2s_prominence(ludb, measured):
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
    told = {"room": ROOM, "data": "LUDB 1.0.1, 12 leads of 10 s at 500 Hz"}
    measured("delineation/speed", "Records filtered and delineated a second, one core", 1 / own,
             unit="records/s", digits=0, n=f"{len(signals)} records", **told)  # fmt: skip
    measured("delineation/speed-ratio", "Speed beside NeuroKit2 `prominence`", theirs / own,
             unit="times", digits=1, note=f"NeuroKit2: {1 / theirs:.1f} records/s",
             n=f"{len(few)} records of theirs", **told)  # fmt: skip
    assert own > 0


def test_memory_does_not_grow_with_the_records(measured):
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
        measured(
            f"delineation/memory-{n}",
            f"Peak memory of a process after {n} records",
            peaks[n],
            unit="MB",
            digits=0,
            room=ROOM,
            data="noise, 12 leads of 10 s",
            n=f"{n} records",
        )
    say(
        "peak memory of a process, 12 leads x 10 s: "
        + ", ".join(f"{peak:.0f} MB after {n} records" for n, peak in peaks.items())
    )
    assert peaks[800] < 1.2 * peaks[40]
