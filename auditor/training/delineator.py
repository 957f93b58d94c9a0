"""How the delineator was taught; `python -m auditor.training.delineator DATA` teaches it again.

DATA holds the recordings. LUDB gives every fiducial, lead by lead. Two more say less and are
believed less: PTB-XL says of whole records whether they are in sinus rhythm (each beat has a P) or
in atrial fibrillation or flutter (none has), and MIT-BIH says where beats are and which of them
fibrillate. Of MIT-BIH, the records that QTDB has excerpts of are left out, and so are QTDB and CPSC
2021 altogether, so that they can be judged by.
"""

from __future__ import annotations

import argparse
import ast
import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import wfdb
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from auditor.core.beats import FIDUCIALS
from auditor.core.streams import stream
from auditor.data.annotations import Waves, beat_labels, waves
from auditor.learning.device import fork_rng, numpy_rng
from auditor.learning.fit import fit
from auditor.learning.schedule import Schedule
from auditor.signal.delineate import REACH, reach, summits, upright
from auditor.signal.filters import BAND, FS, clean
from auditor.signal.network import CELL, STEP, Evidence

log = logging.getLogger(__name__)

#: What is shown at a time, samples: 10 s.
LENGTH = 2500
#: MIT-BIH records that QTDB does not quote from.
_MITDB = ("104", "109", "118", "123", "201", "202", "231", "232", "233")
_SINUS = frozenset({"SR", "SBRAD", "STACH", "SARRH"})
_FIBRILLATES = frozenset({"AFIB", "AFLT"})
#: Rhythms in which some beats have a P and some have not.
_MIXED = frozenset(
    {"PVC", "PAC", "BIGU", "TRIGU", "PACE", "2AVB", "3AVB", "WPW", "SVTAC", "SVARR", "PSVT"}
)


@dataclass(frozen=True)
class DelineatorTraining:
    """How long and how carefully.

    Attributes
    ----------
    weak : records of a batch that say little
    warm_up : share of the steps over which the learning rate rises
    near : how near to the mark a fiducial counts as there, places of the network
    ema_decay : of the mean of weights over steps
    """

    epochs: int = 200
    batch: int = 8
    weak: int = 2
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.15
    near: float = 0.9
    ema_decay: float = 0.995

    def schedule(self, per_epoch: int) -> Schedule:
        """What that is in steps, of which an epoch has so many."""
        steps = self.epochs * per_epoch
        warm_up = round(self.warm_up * steps)
        return Schedule(
            steps=steps,
            batch=self.batch,
            learning_rate=self.learning_rate,
            warm_up=warm_up,
            cosine_from=warm_up,
            start=self.learning_rate / 25,
            weight_decay=self.weight_decay,
            ema_decay=self.ema_decay,
        )


@dataclass(frozen=True, eq=False)
class Lesson:
    """A clean record and what is known of it.

    Attributes
    ----------
    signal : (n_leads, n_samples) mV at FS
    beat : (n_beats,) samples
    fiducials : (n_beats, n_leads, 9) samples, NaN where nobody marked one
    waves : (n_beats, n_leads, 2) 1 where there is a P, or T, 0 where there is none, NaN unknown
    known : between which samples every beat is among `beat`
    """

    signal: NDArray[np.float32]
    beat: NDArray[np.float64]
    fiducials: NDArray[np.float64]
    waves: NDArray[np.float64]
    known: tuple[float, float]
    #: What every beat's P is said to be, where beats were not marked.
    sinus: float = np.nan
    subject: str = ""


def ludb(folder: Path) -> list[Lesson]:
    """The lessons of LUDB, one per subject."""
    lessons = []
    for name in (folder / "RECORDS").read_text().split():
        path = folder / name
        record = wfdb.rdrecord(str(path))
        signal = clean(record.p_signal.T.astype(np.float32), record.fs)
        marked = [waves(path, lead).scaled(FS / record.fs) for lead in record.sig_name]
        lessons.append(_lesson(signal, marked, path.name))
    return lessons


def _lesson(signal: NDArray[np.float32], marked: Sequence[Waves], subject: str) -> Lesson:
    """The marks of every lead as those of the same beats."""
    peaks = np.sort(np.concatenate([one.marked["QRS"][:, 1] for one in marked]))
    clusters = np.split(peaks, np.flatnonzero(np.diff(peaks) > 30) + 1)
    # What half of the leads show is a beat.
    beat = np.array([np.median(some) for some in clusters if 2 * len(some) >= len(marked)])
    fiducials = np.full((len(beat), len(marked), len(FIDUCIALS)), np.nan)
    present = np.full((len(beat), len(marked), 2), np.nan)
    for lead, one in enumerate(marked):
        for row in one.marked["QRS"]:
            nearest = int(np.abs(beat - row[1]).argmin())
            if abs(beat[nearest] - row[1]) < 35:
                fiducials[nearest, lead, 3:6] = row
        for row in one.marked["P"]:  # of two before a beat, the later
            following = int(np.searchsorted(beat, row[1]))
            if following < len(beat) and beat[following] - row[1] < -STEP * REACH[0][0]:
                fiducials[following, lead, :3] = row
        for row in one.marked["T"][::-1]:  # of two after a beat, the earlier
            before = int(np.searchsorted(beat, row[1])) - 1
            if before >= 0 and row[1] - beat[before] < STEP * REACH[2][1]:
                fiducials[before, lead, 6:] = row
        first, last = one.stretches[0, 0], one.stretches[-1, 1]
        inside = np.flatnonzero((beat >= first - 5) & (beat <= last + 5))
        for wave, edge in ((0, 0), (1, -1)):
            there = ~np.isnan(fiducials[:, lead, 6 * wave + 1])
            # Nobody marked the P of the first beat or the T of the last when it is not there.
            sure = np.delete(inside, edge) if len(inside) and not there[inside[edge]] else inside
            present[sure, lead, wave] = there[sure]
    ends = np.concatenate([one.stretches for one in marked])
    known = (float(ends[:, 0].min()), float(ends[:, 1].max()))
    return Lesson(signal, beat, fiducials, present, known, subject=subject)


def _unmarked(
    signal: NDArray[np.float32], beat: NDArray[np.float64], p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shape = (len(beat), len(signal))
    present = np.full((*shape, 2), np.nan)
    present[..., 0] = p[:, None]
    return np.full((*shape, len(FIDUCIALS)), np.nan), present


def ptb_xl(folder: Path) -> list[Lesson]:
    """Records of PTB-XL that are in sinus rhythm throughout, or fibrillate throughout."""
    lessons = []
    with (folder / "ptbxl_database.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            codes = set(ast.literal_eval(row["scp_codes"]))
            if codes & _MIXED or not codes & (_SINUS | _FIBRILLATES):
                continue
            record = wfdb.rdrecord(str(folder / row["filename_lr"]))
            signal = clean(record.p_signal.T.astype(np.float32), record.fs)[:, :LENGTH]
            none = np.empty(0)
            fiducials, present = _unmarked(signal, none, none)
            sinus = 0.0 if codes & _FIBRILLATES else 1.0
            lessons.append(
                Lesson(signal, none, fiducials, present, (0, -1), sinus, row["patient_id"])
            )
    return lessons


def mitdb(folder: Path) -> list[Lesson]:
    """Ten seconds at a time of the MIT-BIH records that QTDB does not quote from."""
    lessons = []
    for name in _MITDB:
        record = wfdb.rdrecord(str(folder / name))
        labels = beat_labels(folder / name)
        signal = clean(record.p_signal.T.astype(np.float32), record.fs)
        at = labels.sample * FS / record.fs
        for start in range(0, signal.shape[1] - LENGTH + 1, LENGTH):
            inside = (at >= start) & (at < start + LENGTH)
            if inside.sum() < 3:
                continue
            piece = np.nan_to_num(signal[:, start : start + LENGTH])
            beat = at[inside] - start
            sinus = np.where(labels.rhythm[inside] == "AFIB", 0.0, np.nan)
            sinus[labels.symbol[inside] == "V"] = np.nan
            fiducials, present = _unmarked(piece, beat, sinus)
            span = (max(beat[0] - 20, 0), beat[-1] + 20)
            lessons.append(Lesson(piece, beat, fiducials, present, span, subject=name))
    return lessons


def _paused(lesson: Lesson, rng: np.random.Generator) -> Lesson:
    """The same beats with pauses between some of them, as a slow heart makes them."""
    t_off = np.nanmax(lesson.fiducials[:-1, :, 8], axis=1, initial=-np.inf)
    p_on = np.nanmin(lesson.fiducials[1:, :, 0], axis=1, initial=np.inf)
    qrs_on = np.nanmin(lesson.fiducials[1:, :, 3], axis=1, initial=np.inf)
    until = np.where(np.isfinite(p_on), p_on, qrs_on - 40)
    between = np.flatnonzero((until - t_off > 4) & np.isfinite(until) & np.isfinite(t_off))
    chosen = between[rng.random(len(between)) < rng.uniform(0.3, 1)]
    at = np.round((t_off[chosen] + until[chosen]) / 2).astype(int)
    long = rng.integers(25, 400, len(at))
    signal, start = [], 0
    for place, length in zip(at, long, strict=True):
        signal.append(lesson.signal[:, start:place])
        signal.append(np.repeat(lesson.signal[:, place : place + 1], length, axis=1))
        start = place
    signal.append(lesson.signal[:, start:])
    before = np.concatenate([[0], np.cumsum(long)])

    def moved(samples: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(samples + before[np.searchsorted(at, samples)])

    fiducials = moved(lesson.fiducials)
    fiducials[np.isnan(lesson.fiducials)] = np.nan
    low, high = moved(np.array(lesson.known))
    return replace(
        lesson,
        signal=np.concatenate(signal, axis=1).astype(np.float32),
        beat=moved(lesson.beat),
        fiducials=fiducials,
        known=(float(low), float(high)),
    )


def _without(lesson: Lesson, wave: int, rng: np.random.Generator) -> Lesson:
    """The same beats without P waves (0) or T waves (1): a line, as rough as the record is."""
    column = 6 * wave
    signal = lesson.signal.copy()
    rough = np.diff(signal, axis=1).std(axis=1) / 2
    fiducials, present = lesson.fiducials.copy(), lesson.waves.copy()
    for beat in range(len(lesson.beat)):
        on, off = fiducials[beat, :, column], fiducials[beat, :, column + 2]
        if np.isnan(on).all() or np.isnan(off).all():
            continue
        low, high = int(np.nanmin(on)) - 3, int(np.nanmax(off)) + 4
        if low < 0 or high >= signal.shape[1]:
            continue
        slope = np.linspace(0, 1, high - low)
        ends = signal[:, low, None] * (1 - slope) + signal[:, high, None] * slope
        noise = rng.normal(size=ends.shape) * rough[:, None] * rng.uniform(0, 0.5)
        signal[:, low:high] = ends + noise
        known = ~np.isnan(present[beat, :, wave])
        present[beat, known, wave] = 0
        fiducials[beat, :, column : column + 3] = np.nan
    return replace(lesson, signal=signal, fiducials=fiducials, waves=present)


def _cut(lesson: Lesson, rng: np.random.Generator) -> Lesson:
    """A record that begins and ends where every beat is known, with nothing around it."""
    low, high = max(lesson.known[0], 0), min(lesson.known[1], lesson.signal.shape[1])
    if high - low < 500:
        return lesson
    first = int(rng.uniform(low, high - 500))
    last = int(rng.uniform(first + 500, high))
    signal = np.zeros_like(lesson.signal)
    signal[:, first:last] = lesson.signal[:, first:last]
    fiducials, present = lesson.fiducials.copy(), lesson.waves.copy()
    across = np.asarray((fiducials < first) | (fiducials >= last))
    gone = np.asarray(across.reshape(*across.shape[:2], 3, 3).any(axis=3))
    fiducials[np.repeat(gone, 3, axis=2)] = np.nan
    present[gone[..., ::2]] = np.nan
    inside = (lesson.beat >= first + 5) & (lesson.beat < last - 5)
    return replace(
        lesson,
        signal=signal,
        beat=lesson.beat[inside],
        fiducials=fiducials[inside],
        waves=present[inside],
        known=(-np.inf, np.inf),
    )


def nothing(n_lessons: int, rng: np.random.Generator) -> list[Lesson]:
    """Records without a heart: noise of any colour, alone or with spikes, or nothing at all."""
    lessons = []
    for _ in range(n_lessons):
        spectrum = np.fft.rfft(rng.normal(size=(2, LENGTH)), axis=1)
        hz = np.fft.rfftfreq(LENGTH, 1 / FS)
        spectrum *= np.maximum(hz, 0.1) ** rng.uniform(-1.2, 0.3)
        spectrum[:, (hz < BAND[0]) | (hz > rng.uniform(15, BAND[1]))] = 0
        signal = np.fft.irfft(spectrum, LENGTH, axis=1)
        signal *= rng.choice([0.0, 0.02, 0.2]) / signal.std()
        for at in rng.integers(0, LENGTH - 3, rng.choice([0, 0, 1, 5])):
            signal[:, at : at + 2] += rng.normal()
        beat = np.empty(0)
        known = (-np.inf, np.inf)
        marks = _unmarked(signal.astype(np.float32), beat, beat)
        lessons.append(Lesson(signal.astype(np.float32), beat, *marks, known))
    return lessons


def varied(lesson: Lesson, rng: np.random.Generator) -> Lesson:
    """The same record as another heart rate, other leads and a worse amplifier would show it."""
    marked = len(lesson.beat) > 1 and not np.isnan(lesson.fiducials).all()
    if marked and rng.random() < 0.2:
        lesson = _paused(lesson, rng)
    if marked and rng.random() < 0.15:
        lesson = _without(lesson, int(rng.random() < 0.2), rng)
    if np.isnan(lesson.sinus) and rng.random() < 0.5:
        lesson = _cut(lesson, rng)
    signal = torch.from_numpy(lesson.signal)
    n_leads, n_before = signal.shape
    n_now = round(n_before * np.exp(rng.uniform(-0.4, 0.4))) if rng.random() < 0.6 else n_before
    signal = functional.interpolate(signal[None], size=n_now, mode="linear")[0]
    ratio = n_now / n_before
    room = n_now - LENGTH
    start = int(rng.integers(0, room + 1)) if room >= 0 else -int(rng.integers(0, 1 - room))
    signal = functional.pad(signal, (-start, LENGTH + start - n_now))

    def moved(samples: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((samples + 0.5) * ratio - 0.5 - start)

    noise = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
    size = signal.std(dim=1, keepdim=True) + 1e-6
    if rng.random() < 0.5:
        white = torch.randn(signal.shape, generator=noise)
        signal = signal + white * size * np.exp(rng.uniform(-4.5, -1.2))
    if rng.random() < 0.3:
        muscle = functional.avg_pool1d(torch.randn(signal.shape, generator=noise)[None], 5, 1, 2)[0]
        signal = signal + muscle * size * np.exp(rng.uniform(-3.5, -0.7))
    if rng.random() < 0.3:
        phase = 2 * np.pi * (rng.uniform(0.15, 0.8) * torch.arange(LENGTH) / FS + rng.random())
        signal = signal + size * rng.uniform(0, 0.6) * torch.sin(phase)
    if rng.random() < 0.2:
        for _ in range(rng.integers(1, 5)):
            lead, at = rng.integers(0, n_leads), rng.integers(0, LENGTH - 4)
            signal[lead, at : at + rng.integers(1, 4)] += 8 * rng.normal() * size[lead]
    if rng.random() < 0.15:
        signal = functional.avg_pool1d(signal[None], 3, 1, 1)[0]
    kept = np.ones(n_leads, dtype=bool)
    if rng.random() < 0.5:
        n_kept = min(int(rng.choice([1, 1, 1, 2, 2, 3, 6])), n_leads)
        kept = np.isin(np.arange(n_leads), rng.choice(n_leads, n_kept, replace=False))
    if rng.random() < 0.2 and kept.sum() > 1:
        kept[rng.choice(np.flatnonzero(kept))] = False
    signal[~kept] = 0
    if rng.random() < 0.1:
        at = rng.integers(0, LENGTH - 250)
        signal[:, at : at + rng.integers(20, 250)] = 0
    fiducials, present = moved(lesson.fiducials), lesson.waves.copy()
    fiducials[:, ~kept] = present[:, ~kept] = np.nan
    known = (lesson.known[0] * ratio - start, lesson.known[1] * ratio - start)
    beat = moved(lesson.beat)
    inside = (beat >= 2) & (beat < LENGTH - 2)
    return Lesson(
        signal.numpy(),
        beat[inside],
        fiducials[inside],
        present[inside],
        known,
        lesson.sinus,
        lesson.subject,
    )


def _loss(
    network: Evidence, lessons: Sequence[Lesson], near: float, rng: np.random.Generator
) -> Tensor:
    """How badly the network knows a batch of lessons, whose leads are equally many."""
    signal = torch.from_numpy(np.stack([lesson.signal for lesson in lessons]))
    places, beat, says = network(upright(signal))
    n_places = LENGTH // STEP
    at = torch.arange(n_places, dtype=torch.float32)
    believed = torch.sigmoid(beat.detach())
    target, asked = torch.zeros_like(beat), torch.zeros_like(beat)
    record, where, fiducials, present = [], [], [], []
    for row, lesson in enumerate(lessons):
        beats = torch.from_numpy(lesson.beat).float() / STEP
        marked = ~np.isnan(lesson.fiducials).all()
        known, p = lesson.fiducials, lesson.waves
        if not np.isnan(lesson.sinus):
            beats = summits(believed[row : row + 1])[1].float()
            known, p = _unmarked(lesson.signal, beats.numpy(), np.full(len(beats), lesson.sinus))
        elif not marked and len(beats):
            # MIT-BIH marks stand near R: the network may say where exactly.
            about = beats.round().long()[:, None] + torch.arange(-7, 8)
            nearby = believed[row][about.clamp(0, n_places - 1)] + 1e-3
            beats = about[torch.arange(len(beats)), nearby.argmax(dim=1)].float()
        if np.isnan(lesson.sinus):
            if len(beats):
                target[row] = torch.exp(-((at - beats[:, None]) ** 2) / 2).amax(dim=0)
            low, high = (end / STEP for end in lesson.known)
            asked[row] = ((at >= low - 5) & (at <= high + 5)).float()
        record.append(torch.full((len(beats),), row))
        where.append(beats)
        fiducials.append(torch.from_numpy(known).float())
        present.append(torch.from_numpy(p).float())
    of, beats = torch.cat(record), torch.cat(where)
    truth, there = torch.cat(fiducials), torch.cat(present)
    loss = (
        2
        * functional.binary_cross_entropy_with_logits(
            beat, target, weight=asked * (1 + 10 * target), reduction="sum"
        )
        / asked.sum().clamp_min(1)
    )
    jitter = torch.from_numpy(rng.integers(-2, 3, len(beats)))
    anchor = (beats.round().long() + jitter).clamp(0, n_places - 1)
    first, last = reach(of, anchor, n_places)
    for wave, (low, high) in enumerate(REACH):
        offset = anchor[:, None] + torch.arange(low, high + 1)
        within = (offset >= first[:, wave, None]) & (offset <= last[:, wave, None])
        logits = places[..., 3 * wave : 3 * wave + 3]
        logits = logits[of[:, None], :, offset.clamp(0, n_places - 1)].transpose(1, 2)
        logits = logits.masked_fill(~within[:, None, :, None], -30.0)
        distance = offset[:, None, :, None] - truth[:, :, None, 3 * wave : 3 * wave + 3] / STEP
        hill = torch.nan_to_num(torch.exp(-(distance**2) / (2 * near**2)))
        mass = hill.sum(dim=2, keepdim=True)
        used = mass > 0.5
        surprise = -(hill / mass.clamp_min(1e-6) * used * torch.log_softmax(logits, 2)).sum(dim=2)
        loss = loss + surprise.sum() / used.sum().clamp_min(1)
    claims = says[of, :, anchor * STEP // CELL]
    live = torch.from_numpy(np.stack([np.abs(one.signal).max(axis=1) > 0 for one in lessons]))[of]
    weak = torch.tensor([bool(np.isnan(lesson.fiducials).all()) for lesson in lessons])[of]
    asked_of = ~torch.isnan(there) & live[..., None]
    strong = asked_of & ~weak[:, None, None]
    if strong.any():
        loss = loss + 2 * functional.binary_cross_entropy_with_logits(claims[strong], there[strong])
    # A record's rhythm says what its leads hold together, not what each of them shows.
    said = asked_of[..., 0] & weak[:, None]
    some = said.any(dim=1)
    if some.any():
        count = said[some].sum(dim=1)
        together = (claims[some][..., 0] * said[some]).sum(dim=1) / count
        answer = torch.nan_to_num(there[some][..., 0]).amax(dim=1)
        loss = loss + functional.binary_cross_entropy_with_logits(together, answer)
    return loss


def train_delineator(
    lessons: Sequence[Lesson],
    weak: Sequence[Sequence[Lesson]],
    training: DelineatorTraining,
    seed: int,
) -> Evidence:
    """A network taught these lessons, its weights averaged over the last steps.

    Parameters
    ----------
    weak : groups of lessons that say less; each group is shown as often as every other
    """
    with fork_rng(stream(seed, "delineator")):
        network = Evidence().to(memory_format=torch.channels_last)
    per_epoch = len(lessons) // training.batch
    schedule = training.schedule(per_epoch)
    done = 0

    def after(step: int) -> None:
        nonlocal done
        done = step + 1

    def objective(rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        rng = numpy_rng(generator)
        batch = [varied(lessons[row], rng) for row in rows]
        loss = _loss(network, batch, training.near, rng)
        # What the rhythm says is heard once the beats are found.
        if weak and done >= schedule.steps // 10:
            group = weak[int(rng.integers(len(weak)))]
            some = [group[int(rng.integers(len(group)))] for _ in range(training.weak)]
            loss = loss + 0.5 * _loss(
                network, [varied(one, rng) for one in some], training.near, rng
            )
        return loss

    losses: list[float] = []

    def told(step: int, steps: int, loss: float) -> None:
        losses.append(loss)
        if step % per_epoch == 0:
            mean, epoch = np.mean(losses[-per_epoch:]), step // per_epoch
            log.info("epoch %d of %d: loss %.3f", epoch, training.epochs, mean)

    fit(
        network,
        objective,
        np.arange(len(lessons)),
        schedule,
        seed=seed,
        name="delineator",
        after=after,
        progress=told,
    )
    return network


def folds(n_subjects: int, n_folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """(n_subjects,) which fold each subject is judged in."""
    fold = np.empty(n_subjects, dtype=np.int64)
    fold[stream(seed, "delineator/folds").permutation(n_subjects)] = np.arange(n_subjects) % n_folds
    return fold


def main() -> None:
    """Teach on everybody, or on everybody but one fold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="holds ludb, ptb-xl and mitdb")
    parser.add_argument("out", type=Path, help="the weights, a .safetensors file")
    parser.add_argument("--without", type=int, metavar="FOLD", help="leave this fold of LUDB out")
    parser.add_argument("--epochs", type=int, default=DelineatorTraining.epochs)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    lessons = ludb(asked.data / "ludb")
    if asked.without is not None:
        fold = folds(len(lessons))
        lessons = [one for one, its in zip(lessons, fold, strict=True) if its != asked.without]
    rhythms = ptb_xl(asked.data / "ptb-xl")
    beats = mitdb(asked.data / "mitdb")
    weak = (
        [one for one in rhythms if one.sinus == 1],
        [one for one in rhythms if one.sinus == 0],
        [one for one in beats if (one.waves[..., 0] == 0).any()],
        beats,
        nothing(200, stream(asked.seed, "delineator/nothing")),
    )
    training = DelineatorTraining(epochs=asked.epochs)
    network = train_delineator(lessons, weak, training, asked.seed)
    # Half the digits are enough, and half the size.
    state = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(state, asked.out)


if __name__ == "__main__":
    main()
