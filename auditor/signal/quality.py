"""Whether a lead can be trusted, second by second, and why not; and whether limb leads are swapped.

Signals are judged as recorded, before any filter: a filter hides a flat lead and smears a spike.
A million records pass through `faults`, so it reads each sample a few times and sorts only what is
left of it after it was summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray


class Fault(IntFlag):
    """Why a second of a lead cannot be trusted; several may be true."""

    MISSING = 1
    FLAT = 2
    SATURATED = 4
    NOISY = 8
    LOST_CONTACT = 16


#: A second is missing when more than this share of it is.
MISSING_SHARE = 0.1
#: A second that moves less than this is flat, mV. An ADC step is 0.005 mV or finer.
FLAT_MV = 0.01
#: No surface ECG swings further within a second, mV.
SWING_MV = 20.0
#: A rail holds at least this share of a second, and at least this many samples.
RAIL_SHARE, RAIL_SAMPLES = 0.05, 4
#: The median 50 ms of a second goes to and fro by at most this share of how far the lead's beats
#: move in 50 ms of their QRS.
NOISE_SHARE = 0.25
#: A jump this many times as steep as the lead's beats, and this high, is none of the heart's, mV.
JUMP_TIMES, JUMP_MV = 6.0, 2.0

#: Noise is judged at about this sampling frequency, in blocks of about this length.
_SLOPE_HZ, _BLOCK_S = 100.0, 0.05


def trusted(signal: NDArray[np.float32], fs: float) -> NDArray[np.bool_]:
    """Which seconds of which leads hold a signal a heartbeat can be read from: no `Fault`.

    Parameters
    ----------
    signal : (..., n_leads, n_samples) mV, as recorded, NaN where missing
    fs : Hz

    Returns
    -------
    (..., n_leads, n_seconds) bool
        The last second may be a part of one.
    """
    return faults(signal, fs) == 0


def faults(signal: NDArray[np.float32], fs: float) -> NDArray[np.uint8]:
    """What is wrong with each second of each lead.

    Missing : more than `MISSING_SHARE` of it.
    Flat : it moves less than `FLAT_MV`, or stands still for more than half of it.
    Saturated : it holds the lead's highest or lowest value, and does not round towards it.
    Noisy : it goes to and fro all the time, by as much as hides the lead's QRS.
    Lost contact : it swings further, or jumps more steeply, than any heart.

    Noise and jumps are judged within a lead, against the median over its seconds of the steepest
    50 ms, which is a QRS where beats can be read at all. A flag is for what cannot be read: a
    second falsely flagged is a second of a recording lost.

    Parameters
    ----------
    signal : (..., n_leads, n_samples) mV, as recorded, NaN where missing
    fs : Hz

    Returns
    -------
    (..., n_leads, n_seconds) uint8, of `Fault`
        The last second may be a part of one. It is judged with as much of the signal before it as
        makes a second, in mirror image.
    """
    per_second = max(round(fs), 1)
    seconds = _by_second(signal, per_second)
    found = np.zeros(seconds.shape[:-1], dtype=np.uint8)
    if found.size == 0 or per_second < 1 / _BLOCK_S:
        # No QRS is held by a sample each 50 ms.
        return np.full_like(found, Fault.MISSING)
    top, bottom = seconds.max(axis=-1), seconds.min(axis=-1)
    gaps = np.isnan(top)
    if gaps.any():
        holed = seconds[gaps]
        missing = np.isnan(holed).mean(axis=-1) > MISSING_SHARE
        found[gaps] |= np.where(missing, Fault.MISSING, 0).astype(np.uint8)
        top[gaps], bottom[gaps] = np.fmax.reduce(holed, axis=-1), np.fmin.reduce(holed, axis=-1)
    swing = np.nan_to_num(top - bottom)
    way, net, jump = _moves(seconds, fs)
    # A smooth wave goes one way and so is no noise, however large: an ectopic beat, or wander.
    to_and_fro = np.sort(way - np.abs(net), axis=-1)
    noise = to_and_fro[..., to_and_fro.shape[-1] // 2]
    still = 2 * np.count_nonzero(way < 1e-4 * FLAT_MV, axis=-1) > way.shape[-1]
    alive = swing > FLAT_MV
    beat = _middle(way.max(axis=-1), alive)
    found |= _flag(~alive | still, Fault.FLAT)
    found |= _flag(noise > NOISE_SHARE * beat, Fault.NOISY)
    steep = (jump > JUMP_MV) & (jump > JUMP_TIMES * _middle(jump, alive))
    found |= _flag((swing >= SWING_MV) | steep, Fault.LOST_CONTACT)
    for rail, extreme in ((top, np.fmax), (bottom, np.fmin)):
        found |= _flag(_railed(seconds, rail, extreme, swing), Fault.SATURATED)
    # A lead that is missing or flat says nothing else of itself.
    found[(found & Fault.MISSING) > 0] = Fault.MISSING
    found[(found & Fault.FLAT) > 0] &= np.uint8(Fault.FLAT | Fault.LOST_CONTACT)
    return found


def _by_second(signal: NDArray[np.float32], per_second: int) -> NDArray[np.float32]:
    """(..., n_leads, n_seconds, per_second): a view, where the last second is a whole one."""
    *lead, n_samples = signal.shape
    n_seconds = -(-n_samples // per_second)
    if (short := n_seconds * per_second - n_samples) > 0:
        padding = [(0, 0)] * len(lead) + [(0, short)]
        signal = np.pad(signal, padding, mode="symmetric")
    return signal.reshape(*lead, n_seconds, per_second)


def _moves(
    seconds: NDArray[np.float32], fs: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """How far a lead moves within each 50 ms, in all and on balance, and its steepest move, mV.

    Means over about 10 ms are compared with those two before. This lets 50 Hz through not at all
    and 60 Hz a fifth, which `filters.clean` removes as well, and is the band a QRS is read in.

    Returns
    -------
    (..., n_leads, n_seconds, n_blocks) twice, (..., n_leads, n_seconds)
    """
    *outer, per_second = seconds.shape
    width = max(int(fs // _SLOPE_HZ), 1)
    n_means = per_second // width
    # Sums over short rows are several times faster as products with a row of ones.
    means = seconds[..., : n_means * width].reshape(-1, width) @ np.full(width, 1 / width, "f4")
    means = means.reshape(-1, n_means)
    slope = means[:, 2:] - means[:, :-2]
    per_block = max(round(_BLOCK_S * fs / width), 1)
    n_blocks = slope.shape[1] // per_block
    slope = slope[:, : n_blocks * per_block].reshape(-1, per_block)
    slope[np.isnan(slope)] = 0.0
    way = np.abs(slope)
    ones = np.ones(per_block, "f4")
    jump = way.reshape(*outer, -1).max(axis=-1)
    blocks = (*outer, n_blocks)
    return (way @ ones).reshape(blocks), (slope @ ones).reshape(blocks), jump


def _middle(values: NDArray[np.float32], which: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(..., n_seconds) to (..., 1), the median of those which; the upper one of two."""
    ordered = np.sort(np.where(which, values, np.inf), axis=-1)
    place = np.minimum(which.sum(axis=-1, keepdims=True) // 2, values.shape[-1] - 1)
    return np.take_along_axis(ordered, place, axis=-1)


def _flag(true: NDArray[np.bool_], fault: Fault) -> NDArray[np.uint8]:
    return true.astype(np.uint8) * np.uint8(fault)


def _railed(
    seconds: NDArray[np.float32],
    rail: NDArray[np.float32],
    extreme: np.ufunc,
    swing: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """(..., n_leads, n_seconds) whether the second is cut off at the lead's extreme value.

    A wave that rounds off has about as many samples a little below its top as at it, however
    coarsely it is quantised; one that is cut off has few.
    """
    railed = np.zeros(rail.shape, dtype=bool)
    at_extreme = rail == extreme.reduce(rail, axis=-1, keepdims=True)
    at_extreme &= swing > FLAT_MV
    rows = seconds[at_extreme]
    below = np.abs(rows - rail[at_extreme][:, None])
    n_at = (below == 0).sum(axis=1)
    long = n_at >= max(RAIL_SAMPLES, RAIL_SHARE * seconds.shape[-1])
    if long.any():
        below, n_at = below[long], n_at[long]
        step = np.where(below > 0, below, np.inf).min(axis=1)
        span = swing[at_extreme][long]
        near = np.maximum(np.minimum(3.5 * step, 0.5 * span), 0.02 * span)[:, None]
        long[long] = n_at > 2 * ((below > 0) & (below <= near)).sum(axis=1)
        railed[at_extreme] = long
    return railed


#: A limb lead is inverted where its beat goes against that of V5 and V6 by this correlation.
AGAINST = -0.4


def swapped(average: NDArray[np.float32], leads: Sequence[str], r: int, fs: float) -> str | None:
    """Which two limb electrodes were probably swapped: "RA-LA", "RA-LL", or None.

    With the arms swapped lead I stands on its head, P, QRS and whole beat, while V5 and V6, which
    look from the same side, do not; in dextrocardia they would. With right arm and left leg
    swapped lead II does. Where both do, the swap is the one that, undone, leaves I and II more
    like V5 and V6. LA-LL is never claimed: it leaves a beat that many healthy hearts have. Without
    I, II, and V5 or V6 nothing is.

    After Kors and van Herpen 2001, "Accurate automatic detection of electrode interchange in the
    electrocardiogram", and Batchvarov, Malik and Camm 2007, "Incorrect electrode cable connection
    during electrocardiographic recording".

    Parameters
    ----------
    average : (n_leads, n_samples) mV, the record's average beat, cleaned
    leads : names of the rows
    r : the sample in `average` at which R stands, at least 0.22 s from its start
    fs : Hz
    """
    sides = [leads.index(lead) for lead in ("V5", "V6") if lead in leads]
    before, after = r - round(0.22 * fs), r + round(0.40 * fs)
    if not {"I", "II"} <= set(leads) or not sides or before < 0:
        return None
    one, two = average[leads.index("I")], average[leads.index("II")]
    side = average[sides].sum(axis=0)
    # As recorded; then I and II as they would be with the arms, or right arm and leg, put back.
    views = np.stack([side, one, two, -one, two - one, one - two, -two])[:, before:after]
    p_wave = _area_over_its_ends(views[:3, : round(0.16 * fs)])
    flat = np.median(views[:, round(0.14 * fs) : round(0.17 * fs)], axis=1, keepdims=True)
    qrs = (views - flat)[:, round(0.16 * fs) : round(0.29 * fs)]
    net = qrs.max(axis=1) + qrs.min(axis=1)
    views = views - views.mean(axis=1, keepdims=True)
    length = np.linalg.norm(views, axis=1)
    like = views @ views[0] / np.maximum(length * length[0], 1e-12)
    if not net[0] > 0:
        return None
    inverted = (like[1:3] < AGAINST) & (p_wave[1:3] < 0) & (net[1:3] < 0)
    if not inverted.any():
        return None
    if inverted.all():
        return "RA-LA" if like[3:5].sum() > like[5:7].sum() else "RA-LL"
    return "RA-LA" if inverted[0] else "RA-LL"


def swapped_in(
    signal: NDArray[np.float32], r: NDArray[np.int64], leads: Sequence[str], fs: float
) -> str | None:
    """What `swapped` says of a record's average beat.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, clean, NaN where missing
    r : (n_beats,) samples, of beats of the usual rhythm
    """
    before, after = round(0.30 * fs), round(0.50 * fs)
    whole = (r >= before) & (r + after <= signal.shape[1])
    if not whole.any():
        return None
    beats = np.nan_to_num(signal[:, r[whole, None] + np.arange(-before, after)])
    return swapped(beats.mean(axis=1), leads, before, fs)


def _area_over_its_ends(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n_leads, n_samples) to (n_leads,): the sum over the straight line that joins the ends."""
    first, last = wave[:, :3].mean(axis=1), wave[:, -3:].mean(axis=1)
    return wave.sum(axis=1) - wave.shape[1] * (first + last) / 2
