"""Texts that say what was measured, and texts whose numbers are of something else.

`paraphrases` draws 200 texts by one procedure: each of `FORMS` with numbers drawn for it, in turn
until there are 160, and `OTHERS`, forty texts that claim nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from auditor.core.streams import stream
from auditor.signal.claims import Claim

N, N_CLAIMING = 200, 160


class Said(NamedTuple):
    """A text, and what it claims: (column, value), a range by its middle."""

    text: str
    claims: tuple[tuple[str, float], ...]


#: What a form's fields are, and among what numbers they are drawn.
_FIELDS = {
    "hr": ("heart rate 1/min", 48, 130),
    "rr": ("RR ms", 480, 1180),
    "pr": ("PR ms", 118, 236),
    "qrs": ("QRS ms", 74, 158),
    "qt": ("QT ms", 320, 470),
    "qtc": ("QTc Bazett ms", 380, 510),
    "qtf": ("QTc Fridericia ms", 380, 510),
    "p": ("P duration ms", 80, 130),
    "pa": ("P axis deg", 1, 80),
    "ax": ("QRS axis deg", -60, 110),
    "ta": ("T axis deg", -40, 90),
}

#: {pr} is a number, {pr:s} in seconds, {pr:k} with a decimal comma, {pr:r} and {pr:t} a range.
FORMS = (
    "PR interval of {pr} ms",
    "PR interval is {pr} ms",
    "The PR interval was {pr} ms and the QRS duration {qrs} ms.",
    "QT/QTc {qt}/{qtc}",
    "QT/QTc {qt}/{qtc} ms",
    "QT/QTc interval: {qt}/{qtc} ms",
    "Sinus rhythm, rate {hr} bpm",
    "HR: {hr}",
    "HR {hr}/min, PQ {pr} ms, QRS {qrs} ms",
    "heart rate {hr} beats per minute",
    "Heart rate is {hr} bpm with a QRS of {qrs} ms",
    "PR {pr:r} ms",
    "RR {rr:r} ms",
    "QTc ranges from {qtc:t} ms",
    "ventricular rate {hr}",
    "ventricular rate of {hr} bpm",
    "Vent. rate {hr} BPM\nPR interval {pr} ms\nQRS duration {qrs} ms\nQT/QTc {qt}/{qtc} ms\n"
    "P-R-T axes {pa} {ax} {ta}",
    "Vent. Rate : {hr} BPM     PR Interval : {pr} ms\nQRS Duration : {qrs} ms     "
    "QT/QTc : {qt}/{qtc} ms\nP-R-T Axes : {pa} {ax} {ta} degrees",
    "Rate {hr}\nPR {pr}\nQRSD {qrs}\nQT {qt}\nQTc {qtc}\n--AXIS--\nP {pa}\nQRS {ax}\nT {ta}",
    "RATE {hr} PR {pr} QRSD {qrs} QT {qt} QTcB {qtc} QTcF {qtf}",
    "HR {hr}/min; RR {rr} ms; P {p} ms; PR {pr} ms; QRS {qrs} ms; QT {qt} ms; QTc {qtc} ms; "
    "axis P {pa}°, QRS {ax}°, T {ta}°",
    "QRSd {qrs} ms",
    "QRSd: {qrs}",
    "QTcF {qtf} ms",
    "QTcB = {qtc} ms, QTcF = {qtf} ms",
    "QTc (Fridericia) {qtf} ms",
    "QTc (Bazett): {qtc} ms",
    "corrected QT {qtc} ms",
    "corrected QT interval of {qtc} msec",
    "PR {pr:s} s",
    "PR interval {pr:s} sec, QRS {qrs:s} sec, QT {qt:s} sec",
    "QRS duration: {qrs:s} seconds",
    "PR = {pr:s}, QRS = {qrs:s}, QT = {qt:s}",
    "PQ {pr:k} s, QRS {qrs:k} s",
    "axis {ax} degrees",
    "QRS axis {ax}°",
    "mean QRS axis of {ax} degrees",
    "Axis: {ax} deg",
    "electrical axis {ax}°, rate {hr}",
    "P axis {pa}, QRS axis {ax}, T axis {ta}",
    "left axis deviation ({ax} degrees)",
    "PR/QRS/QT: {pr}/{qrs}/{qt} ms",
    "PR, QRS and QT intervals are {pr}, {qrs} and {qt} ms",
    "PR, QRS, QT, QTc: {pr}, {qrs}, {qt}, {qtc}",
    "RR intervals {rr}, {rr}, {rr} ms",
    "RR {rr} ms, then RR {rr} ms",
    "R-R interval {rr} milliseconds",
    "P-R interval {pr} msec; Q-T interval {qt} msec",
    "a {pr} ms PR interval",
    "{qrs} ms QRS, {pr} ms PR",
    "a {qrs}-ms QRS complex",
    "Sinus rhythm at {hr} bpm.",
    "sinus tachycardia with a rate of {hr}/min",
    "Atrial fibrillation, rate {hr} per minute. QRS {qrs} ms.",
    "Normal sinus rhythm ({hr} bpm)",
    "The rate is {hr} beats/min; the PR is {pr} ms",
    "The QRS complex is narrow at {qrs} ms",
    "QTc is prolonged, measuring {qtc} ms",
    "QTc is mildly prolonged ({qtc} ms)",
    "The QT interval is approximately {qt} ms (QTc {qtc} ms)",
    "Intervals: PR {pr} QRS {qrs} QT {qt} QTc {qtc}",
    "Intervals - PR {pr}ms, QRS {qrs}ms, QTc {qtc}ms",
    "PR={pr}ms QRS={qrs}ms QT={qt}ms",
    "PR (ms): {pr}; QRS (ms): {qrs}",
    "| PR interval | {pr} ms |\n| QRS duration | {qrs} ms |\n| Heart rate | {hr} bpm |",
    '{"heart_rate": {hr}, "pr_interval_ms": {pr}, "qrs_duration_ms": {qrs}}',
    "- Heart rate: {hr} bpm\n- PR interval: {pr} ms\n- QTc: {qtc} ms",
    "**Heart Rate:** {hr} bpm **QRS Axis:** {ax}°",
    "PR.....{pr} ms   QRS.....{qrs} ms",
    "P duration {p} ms, P wave duration {p} ms",
    "Sinusrhythmus, HF {hr}/min, PQ {pr} ms, QRS {qrs} ms, QT {qt} ms",
    "Frequenz {hr}/min, PQ-Zeit {pr} ms, QRS-Dauer {qrs} ms",
    "heart rate of around {hr} bpm, PR about {pr} ms",
    "PULSE {hr} PR {pr}",
    "Pulse rate: {hr} bpm",
    "the ECG shows sinus bradycardia at a heart rate of {hr} bpm, with a PR interval of {pr} ms, a "
    "QRS duration of {qrs} ms and a corrected QT interval (QTc) of {qtc} ms.",
    "SINUS RHYTHM, V-RATE {hr}",
    "QT {qt} QTc {qtc}",
)

OTHERS = (
    "Recorded on 12.03.2019 at 09:17.",
    "Date 2019-03-12, 72 year old man",
    "Age 64 years, weight 72 kg",
    "Patient aged 72 with chest pain for 3 days",
    "ST depression in V1-V6",
    "T wave inversion in leads V2, V3 and V4",
    "QS complexes in V2 and tiny R waves in V3",
    "Q waves in II, III, aVF and V5-6",
    "2:1 block",
    "atrial flutter with 2:1 AV block",
    "3:1 conduction, 4 beats of nonsustained VT",
    "PVC 3/min",
    "ventricular extrasystoles 5 per minute",
    "ST elevation of 2 mm in V2",
    "R wave of 12 mm in aVL",
    "Sokolow-Lyon index 3.8 mV",
    "S in V1 + R in V5 = 38 mm",
    "QRS amplitude 0.4 mV in limb leads",
    "paper speed 25 mm/s, 10 mm/mV",
    "25 mm/s 10 mm/mV 0.05-150 Hz",
    "sampling rate 500 Hz",
    "atrial rate 300 bpm",
    "respiratory rate 18, SpO2 98%",
    "BP 120/80, temp 37.2",
    "RR 120/80 mmHg",
    "target heart rate 150",
    "85% of maximum predicted heart rate 160",
    "QTc > 500 ms would be a concern",
    "QRS less than 120 ms",
    "normal PR interval 120-200 ms",
    "reference range 350-450 ms",
    "potassium 5.9, digoxin level 0.62",
    "Lead V5 shows artifact. 12-lead ECG.",
    "1st degree AV block, grade 2",
    "AV block I, LVH 100, ISC, Sokolow 2,6",
    "old anterior infarct, 3 years ago",
    "compared with tracing of 12:9:91 it is unchanged",
    "novodigal 0,2 1x1, tensobon 12,5 mg",
    "pacemaker lower rate 60",
    "irregular RR intervals, QT normal in 12 leads",
)


def paraphrases(seed: int = 0) -> list[Said]:
    """200 texts."""
    rng = stream(seed, "paraphrases")
    drawn = [_filled(FORMS[turn % len(FORMS)], rng) for turn in range(N_CLAIMING)]
    return drawn + [Said(text, ()) for text in OTHERS]


def _filled(form: str, rng: np.random.Generator) -> Said:
    text, claims = "", []
    rest = form
    while "{" in rest:
        before, _, after = rest.partition("{")
        inside, _, behind = after.partition("}")
        name, _, how = inside.partition(":")
        if name not in _FIELDS:  # a brace of the text's own
            text, rest = text + before + "{", after
            continue
        column, low, high = _FIELDS[name]
        value = int(rng.integers(low, high))
        if how in ("s", "k"):
            value = 10 * round(value / 10)
            told = f"{value / 1000:.2f}"
            told = told.replace(".", ",") if how == "k" else told
        elif how in ("r", "t"):
            half = int(rng.integers(5, 20))
            told = f"{value - half}{'-' if how == 'r' else ' to '}{value + half}"
        else:
            told = str(value)
        claims.append((column, float(value)))
        text, rest = text + before + told, behind
    return Said(text + rest, tuple(claims))


def counted(texts: Sequence[Said], read: Callable[[str], Sequence[Claim]]) -> tuple[int, int, int]:
    """How many claims were read rightly, read wrongly, and not read."""
    right = wrong = missed = 0
    for one in texts:
        wanted = list(one.claims)
        for claim in read(one.text):
            pair = claim.column, claim.value
            if pair in wanted:
                wanted.remove(pair)
                right += 1
            else:
                wrong += 1
        missed += len(wanted)
    return right, wrong, missed
