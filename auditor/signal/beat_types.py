"""Which beats are not of the record's usual rhythm: ectopic ones, and those a pacemaker made.

A beat is ectopic by its shape, by its shape and its time, or, where the rhythm is otherwise
regular, by its time alone. Irregularity alone makes no beat ectopic, so that atrial fibrillation
is the usual rhythm of who has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.core.beats import Kind

#: What is compared of a beat: from a little before QRS to the ST segment, seconds around R.
BEFORE_R_S, AFTER_R_S = 0.10, 0.20
#: How far a beat is moved to lie best on another, seconds: what R fiducials are off by.
LAG_S = 0.032
#: Likeness to the usual beat under which a beat is ectopic whatever its time, and when premature.
#: Both are taken times the record's median likeness, as the beats of a noisy record are less alike.
UNLIKE, UNLIKE_EARLY = 0.70, 0.90
#: A beat is premature when its RR interval is this share of what is usual around it, and earlier
#: than this many times the usual change from one interval to the next.
EARLY, EARLY_TIMES = 0.88, 2.0
#: In a regular rhythm a beat this early, with no short interval after it, is ectopic in any shape.
VERY_EARLY, PAUSE, IRREGULAR = 0.80, 1.0, 0.08

#: A pacemaker's spike stands this high, mV, out of what lies this long before and after it,
#: seconds, in one lead; and, of all leads together, by this share of how far it stands out of what
#: lies the longer time away, so that it is no QRS, by this many times what is usual of its width
#: around the beat, so that it is no noise, and before a QRS that spans this share of it, or this
#: many mV a lead.
SPIKE_MV, SPIKE_S, FOOT_S = 0.4, 0.008, 0.024
SPIKE_SHARE, SPIKE_TIMES, QRS_SHARE, QRS_MV = 0.6, 10.0, 0.6, 0.4
#: Where spikes are sought, seconds from R; how long after one its QRS lies; and the lowest sampling
#: frequency that shows them, Hz.
SPIKE_FROM_S, SPIKE_TO_S, QRS_WITHIN_S, SPIKE_HZ = -0.24, 0.02, 0.13, 240.0
#: A pacemaker makes at least this share of a record's beats, and more than two.
PACED_SHARE = 0.2

#: How many beats the usual one is sought among, and the step beats are compared at, seconds.
_SOUGHT, _STEP_S = 96, 0.008
#: How many intervals on each side of a beat say what is usual around it.
_AROUND = 4


def beat_kinds(
    signal: NDArray[np.float32],
    r: NDArray[np.int64],
    fs: float,
    recorded: NDArray[np.float32] | None = None,
    recorded_fs: float = 0.0,
) -> NDArray[np.uint8]:
    """The kind of each beat.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, cleaned
        NaN where missing, or not to be trusted: a beat is compared in the leads it has whole.
    r : (n_beats,) sample indices of R, in order
    fs : Hz, of `signal` and `r`
    recorded : (n_leads, n_recorded) mV, the same span before any filter, NaN where missing
        Pacemaker spikes are sought in it; without it no beat is found paced.
    recorded_fs : Hz

    Returns
    -------
    (n_beats,) uint8, a `Kind` each
        Fewer than three beats have no usual rhythm, and are all of it.
    """
    r = np.asarray(r, dtype=np.int64)
    kinds = np.full(len(r), Kind.USUAL, dtype=np.uint8)
    if len(r) < 3:
        return kinds
    before, after, changes = _timing(r)
    # From one interval to the next but one, or two, bigeminy and trigeminy do not change.
    early = before < np.minimum(EARLY, 1 - EARLY_TIMES * changes.min(axis=0))
    like = likeness(signal, r, fs, early)
    known = ~np.isnan(like)
    typical = np.median(like[known]) if known.any() else 1.0
    with np.errstate(invalid="ignore"):
        ectopic = like < typical * np.where(early, UNLIKE_EARLY, UNLIKE)
    ectopic |= early & (before < VERY_EARLY) & (after > PAUSE) & (changes[0] < IRREGULAR)
    kinds[ectopic] = Kind.ECTOPIC
    if recorded is not None and recorded_fs >= SPIKE_HZ:
        kinds[_spiked(recorded, np.round(r * (recorded_fs / fs)).astype(int), recorded_fs)] = (
            Kind.PACED
        )
    return kinds


def likeness(
    signal: NDArray[np.float32], r: NDArray[np.int64], fs: float, early: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """How like the record's usual beat each is, over all leads together; 1 where it is the same.

    Likeness is 2 x·u / (x·x + u·u) at the best lag, where x is the beat and u the usual one, each
    lead less its mean: a correlation that also sees size.

    The usual beat is the median of those that are like the one with the most others like it.
    Premature ones count half, so that in bigeminy the rhythm's own beat is taken.

    Returns
    -------
    (n_beats,) float32, NaN where no lead has the beat whole
    """
    step = max(round(_STEP_S * fs), 1)
    lag = max(round(LAG_S * fs / step), 1)
    start, stop = -round(BEFORE_R_S * fs / step), round(AFTER_R_S * fs / step) + 1
    width = stop - start
    at = r[:, None] + np.arange(start - lag, stop + lag) * step
    beats = signal[:, np.clip(at, 0, signal.shape[1] - 1)].transpose(1, 0, 2)
    # A lead that is not whole is left out of that beat, and as much of the usual beat with it.
    whole = ~np.isnan(beats.sum(axis=2))
    whole &= ((at[:, 0] >= 0) & (at[:, -1] < signal.shape[1]))[:, None]
    beats = np.where(whole[:, :, None], beats, np.float32(0))
    beats -= beats.mean(axis=2, keepdims=True)
    usual = _usual_beat(beats[:, :, lag : lag + width], early)
    power = whole @ np.einsum("lw,lw->l", usual, usual)
    # The usual beat at every lag, as the columns of a matrix; its leads have no mean, so the mean
    # of a beat does not come into the product.
    n_beats, n_leads, n_samples = beats.shape
    lagged = np.zeros((n_leads, n_samples, 2 * lag + 1), dtype=np.float32)
    for shift in range(2 * lag + 1):
        lagged[:, shift : shift + width, shift] = usual
    product = beats.reshape(n_beats, -1) @ lagged.reshape(n_leads * n_samples, -1)
    total = _windowed(beats, width)
    energy = _windowed(np.einsum("blw,blw->bw", beats, beats), width)
    energy -= np.einsum("bls,bls->bs", total, total) / width
    like = (2 * product / np.maximum(energy + power[:, None], 1e-6)).max(axis=1)
    like[~whole.any(axis=1)] = np.nan
    return like.astype(np.float32)


def _usual_beat(beats: NDArray[np.float32], early: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(n_beats, n_leads, width) to (n_leads, width), each lead without its mean."""
    n_beats = len(beats)
    some = np.arange(0, n_beats, -(-n_beats // _SOUGHT))
    core = beats[some]
    core = core - core.mean(axis=2, keepdims=True)
    rows = core.reshape(len(some), -1)
    power = np.einsum("bw,bw->b", rows, rows)
    alike = 2 * (rows @ rows.T) / np.maximum(power[:, None] + power, 1e-6)
    votes = np.where(early[some], 0.5, 1.0).astype(np.float32)
    most = alike[np.argmax(np.maximum(alike - 0.5, 0) @ votes)]
    ordered = np.sort(core[most >= min(0.85, np.sort(most)[len(most) // 2])], axis=0)
    return ordered[len(ordered) // 2]


def _windowed(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """(..., n_samples) to (..., n_samples - width + 1): sums over every window."""
    summed = np.cumsum(values, axis=-1)
    sums = summed[..., width - 1 :].copy()
    sums[..., 1:] -= summed[..., :-width]
    return sums


def _timing(
    r: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Each beat's RR interval before and after it, and how intervals change around it.

    Returns
    -------
    before, after : (n_beats,), shares of the median interval around the beat
        1 where there is none.
    changes : (3, n_beats), the median change from one interval to the next, to the next but one
        and to the next but two, as such shares
    """
    rr = np.diff(r).astype(np.float64)
    rows = np.arange(len(r))[:, None] + np.arange(-_AROUND, _AROUND)
    # The intervals nearest to the record's ends stand in for those beyond them.
    around = rr[np.clip(rows, 0, len(rr) - 1)]
    usual = np.maximum(np.sort(around, axis=1)[:, _AROUND - 1 : _AROUND + 1].mean(axis=1), 1e-9)
    changes = [np.sort(np.abs(around[:, k:] - around[:, :-k]), axis=1) for k in (1, 2, 3)]
    typical = np.stack([change[:, (change.shape[1] - 1) // 2] for change in changes]) / usual
    before, after = np.ones(len(r)), np.ones(len(r))
    before[1:], after[:-1] = rr / usual[1:], rr / usual[:-1]
    return before, after, typical


def _spiked(recorded: NDArray[np.float32], r: NDArray[np.int64], fs: float) -> NDArray[np.bool_]:
    """(n_beats,) whether a pacemaker's spike stands before or at R.

    A recorder's own filters have made the spike's 0.5 ms into as much as 10 ms, in which a QRS
    moves by a part of its height only. A narrow QRS that looks like a spike has none after it.
    """
    near, far = max(round(SPIKE_S * fs), 2), round(FOOT_S * fs)
    start, stop = round(SPIKE_FROM_S * fs), round(SPIKE_TO_S * fs)
    until = round(QRS_WITHIN_S * fs)
    spiked = np.zeros(len(r), dtype=bool)
    inside = np.flatnonzero((r + start - far >= 0) & (r + stop + until < recorded.shape[1]))
    if not inside.size:
        return spiked
    r = r[inside]
    around = np.nan_to_num(recorded[:, r[:, None] + np.arange(start - far, stop + far)])
    sharp = _standing_out(around, far, near)  # (n_leads, n_beats, n_samples)
    together = sharp.sum(axis=0)
    top = together.argmax(axis=1)
    beat = np.arange(len(r))
    height = together[beat, top]
    # Of the longer time away only what stands there is wanted.
    three = around[:, beat[:, None], top[:, None] + np.array([0, far, 2 * far])]
    foot = _standing_out(three, 1, 1)[..., 0].sum(axis=0)
    after = np.nan_to_num(recorded[:, (r + start + top)[:, None] + np.arange(far, until)])
    qrs = (after.max(axis=2) - after.min(axis=2)).sum(axis=0)
    spiked[inside] = (
        (sharp[:, beat, top].max(axis=0) > SPIKE_MV)
        & (height > SPIKE_SHARE * foot)
        & (height > SPIKE_TIMES * together.mean(axis=1))
        & (qrs > np.minimum(QRS_SHARE * height, QRS_MV * len(recorded)))
    )
    return spiked if spiked.sum() > max(2, PACED_SHARE * len(spiked)) else np.zeros_like(spiked)


def _standing_out(values: NDArray[np.float32], margin: int, reach: int) -> NDArray[np.float32]:
    """How far each sample, `margin` off the ends, stands out from both those a reach away.

    Nothing, where it lies between them.
    """
    n = values.shape[-1] - margin
    here = values[..., margin:n]
    left = here - values[..., margin - reach : n - reach]
    right = here - values[..., margin + reach : n + reach]
    up, down = np.minimum(left, right), np.maximum(left, right)
    return np.maximum(up, 0) - np.minimum(down, 0)
