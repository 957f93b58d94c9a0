"""Simulated people with 12-lead ECGs, whose records tell of person, sex and age as much as is set.

The traits of a record (`TRAITS`: how large, wide and turned each wave is, and when it comes) are

    mean + SD · limit(demographics · (sex + age) + identity · (person + drift · session + …)
                      + burden)

so at `identity` 0 and `demographics` 0 all records have the same traits. What then differs between
two beats is drawn for each beat anew: the time to the next one, its place among the samples and on
the phase of the mains, its muscle noise. Only baseline wander by breathing, at most 0.15 Hz, lasts
longer than a beat; a high pass for ECG (0.5 Hz) removes it.

Waves are sums of bumps (1 − u²)⁴, which are nearly Gaussian, and exactly zero beyond their
half-width. Each is a dipole, projected on eight leads by Dower's transform (Dower, Machado, Osborne
1980, "On deriving the electrocardiogram from vectorcardiographic leads"); the other four leads are
sums of I and II. Traits are limited to three SD, so at the mean timing each wave stays inside its
window of `WINDOWS_S`, and no two windows overlap. A limitation: the ST segment returns to the
baseline before T, where a real one continues into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import wfdb
from numpy.typing import NDArray

from auditor.core.errors import ConfigError
from auditor.core.record import STANDARD_LEADS, Record
from auditor.core.streams import stream

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Where each wave lies, seconds from R, at the mean rate, PR and QT.
WINDOWS_S: Mapping[str, tuple[float, float]] = {
    "P": (-0.255, -0.08),
    "QRS": (-0.08, 0.09),
    "ST": (0.09, 0.155),
    "T": (0.155, 0.435),
}
SEXES = ("female", "male")


class Trait(NamedTuple):
    """One way in which ECGs differ between people.

    `mean` and `sd` (between people) are in the unit of the name; a `log` trait is
    mean · exp(sd · z). `female` is women's mean less men's, `age` the change in 20 years, both in
    SD, after the sex differences that textbooks and Macfarlane's norms agree on.
    """

    name: str
    wave: str
    mean: float
    sd: float
    log: bool = True
    female: float = 0.0
    age: float = 0.0


TRAITS = (
    Trait("rr_s", "rhythm", 0.9, 0.13, female=-0.3),
    Trait("rr_jitter", "rhythm", 0.035, 0.3, age=-0.4),
    Trait("p_before_r_s", "rhythm", 0.17, 0.09, age=0.3),
    Trait("qt", "rhythm", 1.0, 0.04, female=0.7, age=0.2),
    Trait("p_size", "P", 1.0, 0.3, female=-0.2),
    Trait("p_width", "P", 1.0, 0.08, female=-0.2, age=0.2),
    Trait("p_left", "P", 1.0, 0.25, age=0.2),
    Trait("p_axis_deg", "P", 0.0, 16.0, log=False),
    Trait("p_turn_deg", "P", 0.0, 16.0, log=False),
    Trait("q_size", "QRS", 1.0, 0.4),
    Trait("r_size", "QRS", 1.0, 0.25, female=-0.5, age=-0.2),
    Trait("s_size", "QRS", 1.0, 0.35, female=-0.6, age=-0.1),
    Trait("qrs_width", "QRS", 1.0, 0.08, female=-0.8),
    Trait("qrs_axis_deg", "QRS", 0.0, 22.0, log=False, age=-0.4),
    Trait("qrs_turn_deg", "QRS", 0.0, 18.0, log=False),
    Trait("st_left_mv", "ST", 0.02, 0.03, log=False),
    Trait("st_down_mv", "ST", 0.02, 0.03, log=False),
    Trait("st_back_mv", "ST", -0.04, 0.03, log=False, female=0.9, age=0.1),
    Trait("st_slope_mv", "ST", 0.02, 0.02, log=False, female=-0.5),
    Trait("t_size", "T", 1.0, 0.3, female=-0.7, age=-0.3),
    Trait("t_width", "T", 1.0, 0.06),
    Trait("t_lean", "T", 1.0, 0.027, female=-0.5),
    Trait("t_axis_deg", "T", 0.0, 14.0, log=False),
    Trait("t_turn_deg", "T", 0.0, 18.0, log=False, female=-0.3),
)
#: The column of each trait.
TRAIT_INDEX = {trait.name: column for column, trait in enumerate(TRAITS)}
_LOG = np.array([trait.log for trait in TRAITS])
_MEAN = np.array([trait.mean for trait in TRAITS])
_SD = np.array([trait.sd for trait in TRAITS])
_FEMALE = np.array([trait.female for trait in TRAITS])
_AGE = np.array([trait.age for trait in TRAITS])
#: SD between a person's records of one session, as a share of the SD between people.
_RECORD_DRIFT = 0.1
#: No trait is further from its mean than this many SD.
_LIMIT = 3.0
#: The share of its half-width at which a bump has 5 % of its height.
_VISIBLE = (1 - 0.05**0.25) ** 0.5

# Mean dipoles of the waves, mV towards the left, down and to the back.
_P_RIGHT, _P_LEFT = np.array([0.10, 0.09, -0.06]), np.array([0.14, 0.06, 0.05])
_Q, _R, _S = np.array([[-0.10, -0.05, -0.25], [1.2, 0.75, 0.40], [-0.15, -0.15, 0.45]])
_T = np.array([0.38, 0.18, -0.15])
_ST_SLOPE = np.array([0.6, 0.3, -0.6])
# Their bumps: centre (after R; of P, after its middle) and half-width, seconds.
_P_BUMPS = ((-0.012, 0.052), (0.016, 0.052))
_QRS_BUMPS = ((-0.035, 0.025), (0.0, 0.045), (0.036, 0.030))
_T_PEAK, _T_RISE, _T_FALL = 0.30, 0.11, 0.10

#: The leads that are not sums of others, and the weights of a dipole (left, down, back) in each.
_INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
#: Einthoven and Goldberger: the weights of I and II in the other leads.
_SUMS = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}

_MAINS_HZ = 50.0
_WANDER_HZ = np.array([0.05, 0.1, 0.15])
#: Gain of wander and mains in each independent lead.
_PICK_UP = np.array([0.5, 1.0, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8])

_ADU_PER_MV = 1000.0
_EPOCH = datetime(2001, 1, 1)
_DESCRIPTOR = """\
name: simulated
title: Simulated people
licence: none needed; nobody's recordings
reader: wfdb
subject:
  path: 'p(\\d+)/'
session:
  header: date
"""


class Heart(NamedTuple):
    """A record without its signal; `traits` (n_traits,) in the order and units of `TRAITS`."""

    record: str
    subject: str
    taken_at: datetime
    sex: str | None
    age: float | None
    traits: Floats


@dataclass(frozen=True)
class Population:
    """Simulated people, their sessions and their records; the same seed gives the same bytes.

    Each person, session and record has a random stream of its own, which depends neither on how
    many others there are nor on the other settings.

    Attributes
    ----------
    n_subjects : people
    n_sessions : occasions per person, each on another date
    n_records : records per person and session
    seconds, fs : length and sampling frequency (Hz) of a record
    leads : some of the twelve, in the order wanted
    identity : SD of traits between people, 1 as in `TRAITS`; at 0 records do not differ by person,
        session or record
    demographics : effect of sex and age on traits, 1 as in `TRAITS`, 0 none
    drift : SD between a person's sessions, as a share of the SD between people
    wave : one of "P", "QRS", "ST", "T", when identity is to act on that wave alone
    noise_mv : standard deviation of muscle noise; wander and mains scale with it
    sizes : records of each session of each person, in place of n_sessions and n_records
    people : each person's sex and age in years, None where unknown; drawn when not given
    burden : (n_subjects, n_traits) or (n_subjects, n_sessions, n_traits) SD added to traits by
        disease, whatever `identity` is

    Raises
    ------
    ConfigError
        A setting makes no population.
    """

    n_subjects: int
    n_sessions: int = 2
    n_records: int = 1
    seconds: float = 10.0
    fs: float = 250.0
    leads: tuple[str, ...] = STANDARD_LEADS
    identity: float = 1.0
    demographics: float = 0.0
    drift: float = 0.3
    wave: str | None = None
    noise_mv: float = 0.02
    seed: int = 0
    sizes: tuple[tuple[int, ...], ...] | None = None
    people: tuple[tuple[str | None, float | None], ...] | None = None
    burden: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_at_least(self, n_subjects=1, n_sessions=1, n_records=1, seed=0, seconds=1, fs=100)
        require_at_least(self, identity=0, demographics=0, drift=0, noise_mv=0)
        if self.wave is not None and self.wave not in WINDOWS_S:
            raise ConfigError(f"no wave is named {self.wave!r}; known: {', '.join(WINDOWS_S)}")
        if not self.leads or len(set(self.leads)) < len(self.leads):
            raise ConfigError(f"leads are {self.leads}, wanted at least one, and none twice")
        if unknown := [lead for lead in self.leads if lead not in STANDARD_LEADS]:
            known = ", ".join(STANDARD_LEADS)
            raise ConfigError(f"no lead is named {', '.join(unknown)}; known: {known}")
        for name in ("sizes", "people"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != self.n_subjects:
                raise ConfigError(f"{name} has {len(rows)} rows for {self.n_subjects} people")
        for sessions in self.sizes or ():
            if not sessions or min(sessions) < 1:
                raise ConfigError(f"sizes of a person are {sessions}, wanted 1 or more in each")
        for sex, age in self.people or ():
            if sex not in (*SEXES, None) or not (age is None or 0 <= age < 150):
                raise ConfigError(f"a person is {sex}, {age}; wanted female or male, and years")
        if self.burden is not None:
            n_sessions = max(map(len, self.sizes)) if self.sizes else self.n_sessions
            steady, by_session = (), (n_sessions,)
            wanted = [(self.n_subjects, *days, len(TRAITS)) for days in (steady, by_session)]
            if self.burden.shape not in wanted or not np.isfinite(self.burden).all():
                raise ConfigError(
                    f"burden is {self.burden.shape}, "
                    f"wanted {wanted[0]} or {wanted[1]} finite numbers"
                )

    def hearts(self) -> Iterator[Heart]:
        """Every record without its signal, in the order of `records`."""
        return (heart for heart, _ in self._hearts())

    def traits(self) -> Floats:
        """(n_records, n_traits) of every record, in the order of `records`."""
        return np.stack([heart.traits for heart in self.hearts()])

    def records(self) -> Iterator[Record]:
        """Every record, person by person; each signal is made when it is iterated to."""
        for heart, rng in self._hearts():
            known = {"sex": heart.sex, "age": heart.age}
            yield Record(
                id=heart.record,
                subject=heart.subject,
                session=heart.taken_at.date().isoformat(),
                signal=self._signal(_named(heart.traits), rng),
                fs=self.fs,
                leads=self.leads,
                taken_at=heart.taken_at,
                attributes={key: value for key, value in known.items() if value is not None},
            )

    def write(
        self, root: Path, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """Write every record as WFDB under `root`, with a `RECORDS` list and an `auditor.yaml`.

        Format 16 at 1000 units per mV; `p0001/s1_r1` is person 1, session 1, record 1. Age, sex
        and date are comments of the header, as in ECG-ID. `progress` is called with the number of
        records written and of all.
        """
        root.mkdir(parents=True, exist_ok=True)
        total = self.n_subjects * self.n_sessions * self.n_records
        if self.sizes:
            total = sum(map(sum, self.sizes))
        written = []
        for record in self.records():
            folder = root / record.subject
            folder.mkdir(exist_ok=True)
            _write_wfdb(record, folder)
            written.append(record.id)
            progress(len(written), total)
        (root / "RECORDS").write_text("".join(f"{name}\n" for name in written))
        (root / "auditor.yaml").write_text(_DESCRIPTOR)

    def _hearts(self) -> Iterator[tuple[Heart, np.random.Generator]]:
        """Every record without its signal, and the random stream of the signal."""
        carries_identity = self._carries_identity
        for person in range(self.n_subjects):
            rng = stream(self.seed, f"person/{person}")
            nature = rng.standard_normal(len(TRAITS))
            sex, age = self._sex_and_age(person, rng)
            shared = self.demographics * _demographic(sex, age)
            subject = f"p{person + 1:04d}"
            sizes = self.sizes[person] if self.sizes else (self.n_records,) * self.n_sessions
            days = np.sort(rng.choice(3650 + len(sizes), len(sizes), replace=False))
            for session, (n_records, day) in enumerate(zip(sizes, days, strict=True)):
                name = f"person/{person}/session/{session}"
                shift = self.drift * stream(self.seed, name).standard_normal(len(TRAITS))
                common = shared + self._burden_of(person, session)
                date = _EPOCH + timedelta(days=int(day))
                for number in range(n_records):
                    rng = stream(self.seed, f"{name}/record/{number}")
                    own = nature + shift + _RECORD_DRIFT * rng.standard_normal(len(TRAITS))
                    traits = _traits(common + self.identity * own * carries_identity)
                    record = f"{subject}/s{session + 1}_r{number + 1}"
                    yield Heart(record, subject, date, sex, age, traits), rng

    def _burden_of(self, person: int, session: int) -> Floats:
        """(n_traits,) SD."""
        if self.burden is None:
            return np.zeros(len(TRAITS))
        return self.burden[person] if self.burden.ndim == 2 else self.burden[person, session]

    def _sex_and_age(
        self, person: int, rng: np.random.Generator
    ) -> tuple[str | None, float | None]:
        drawn = str(rng.choice(SEXES)), float(rng.integers(18, 89))
        return self.people[person] if self.people else drawn

    @property
    def _carries_identity(self) -> Bools:
        """(n_traits,) which traits differ between people."""
        return np.array([self.wave in (None, trait.wave) for trait in TRAITS])

    def _signal(self, heart: Mapping[str, float], rng: np.random.Generator) -> NDArray[np.float32]:
        """(n_leads, n_samples) mV of one record."""
        at = np.arange(round(self.seconds * self.fs)) / self.fs
        # As many draws at every rate, so that the later draws do not depend on it.
        first, mains_phase, *wander_phases = rng.random(2 + len(_WANDER_HZ))
        jitter = rng.standard_normal(int(self.seconds / 0.4) + 4).clip(-_LIMIT, _LIMIT)
        rr = heart["rr_s"] * (1 + heart["rr_jitter"] * jitter)
        r = np.cumsum(rr) - rr[0] - first * heart["rr_s"]

        signal = _DOWER @ _dipole(heart, at, r)
        signal += self.noise_mv * rng.standard_normal(signal.shape, dtype=np.float32)
        wander = np.sin(2 * np.pi * (np.outer(_WANDER_HZ, at).T + wander_phases)).sum(axis=1)
        mains = 0.5 * np.sin(2 * np.pi * (_MAINS_HZ * at + mains_phase))
        # Sampled at twice the mains frequency or less, mains is removed by the amplifier's filter.
        interference = wander + mains * (self.fs > 2 * _MAINS_HZ)
        signal += np.outer(_PICK_UP, self.noise_mv * interference)
        return (_mixing(self.leads) @ signal).astype(np.float32)


def require_at_least(settings: object, **least: float) -> None:
    """Check attributes of `settings` by their least values.

    Raises
    ------
    ConfigError
        One is smaller, infinite or NaN.
    """
    for name, low in least.items():
        value = getattr(settings, name)
        if not low <= value < np.inf:
            raise ConfigError(f"{name} is {value:g}, wanted {low} or more")


def loadings(effects: Mapping[str, float]) -> Floats:
    """(n_traits,) weights of the traits named, 0 for the others."""
    weights = np.zeros(len(TRAITS))
    for name, weight in effects.items():
        weights[TRAIT_INDEX[name]] = weight
    return weights


def _demographic(sex: str | None, age: float | None) -> Floats:
    """(n_traits,) effect of sex and age, in SD; 0 where they are unknown."""
    female = {"female": 0.5, "male": -0.5, None: 0.0}[sex]
    older = 0.0 if age is None else (age - 50) / 20
    return female * _FEMALE + older * _AGE


def _traits(deviation: Floats) -> Floats:
    """(n_traits,) of one record, from deviations in SD."""
    z = _SD * _LIMIT * np.tanh(deviation / _LIMIT)
    return np.where(_LOG, _MEAN * np.exp(z), _MEAN + z)


def _named(traits: Floats) -> dict[str, Any]:
    """Traits (…, n_traits) by their names, each (…)."""
    return {trait.name: value for trait, value in zip(TRAITS, traits.T, strict=True)}


def z_scores(traits: Floats) -> Floats:
    """Deviation of traits (n_records, n_traits) from their means, in SD."""
    deviation = traits - _MEAN
    deviation[:, _LOG] = np.log(traits[:, _LOG] / _MEAN[_LOG])
    return deviation / _SD


def fiducials_and_axes(traits: Floats) -> dict[str, Floats]:
    """True onsets, offsets and axes of the waves of records with `traits` (n_records, n_traits).

    A wave begins and ends where its bump has 5 % of its height.

    Returns
    -------
    (n_records,) each: `p_on p_off qrs_on qrs_off t_off` seconds from R; `p_axis qrs_axis t_axis`
    degrees in the frontal plane, of the areas under the wave in I and aVF
    """
    h = _named(traits)
    p = -h["p_before_r_s"]
    begin = WINDOWS_S["ST"][0]
    fall = _VISIBLE * _T_FALL * h["t_width"] / h["t_lean"]
    (p_first, p_half), (p_last, _) = _P_BUMPS
    (q, q_half), (_, r_half), (s, s_half) = _QRS_BUMPS
    return {
        "p_on": p + (p_first - _VISIBLE * p_half) * h["p_width"],
        "p_off": p + (p_last + _VISIBLE * p_half) * h["p_width"],
        "qrs_on": (q - _VISIBLE * q_half) * h["qrs_width"],
        "qrs_off": (s + _VISIBLE * s_half) * h["qrs_width"],
        "t_off": begin + (_T_PEAK + fall - begin) * _qt_stretch(h),
        "p_axis": _axis(
            np.outer(h["p_size"], _P_RIGHT) + np.outer(h["p_size"] * h["p_left"], _P_LEFT),
            h["p_axis_deg"],
            h["p_turn_deg"],
        ),
        "qrs_axis": _axis(
            np.outer(h["q_size"], q_half * _Q)
            + np.outer(h["r_size"], r_half * _R)
            + np.outer(h["s_size"], s_half * _S),
            h["qrs_axis_deg"],
            h["qrs_turn_deg"],
        ),
        "t_axis": _axis(np.outer(h["t_size"], _T), h["t_axis_deg"], h["t_turn_deg"]),
    }


def _qt_stretch(heart: Mapping[str, Any]) -> Any:
    """By how much QT is longer than the mean one; it follows the cube root of RR."""
    return heart["qt"] * (heart["rr_s"] / TRAITS[0].mean) ** (1 / 3)


def _axis(areas: Floats, axis_deg: Floats, turn_deg: Floats) -> Floats:
    """(n,) degrees, in I and aVF, of vectors (n, 3), each turned as `_turned` does it."""
    a, b = np.deg2rad(axis_deg), np.deg2rad(turn_deg)
    x, y, z = areas.T
    x, y = np.cos(a) * x - np.sin(a) * y, np.sin(a) * x + np.cos(a) * y
    x, z = np.cos(b) * x - np.sin(b) * z, np.sin(b) * x + np.cos(b) * z
    one, two = _DOWER[:2] @ np.stack([x, y, z])
    return np.rad2deg(np.arctan2(2 / np.sqrt(3) * (two - one / 2), one))


def _dipole(heart: Mapping[str, float], at: Floats, r: Floats) -> Floats:
    """(3, n_samples) mV left, down and back, at times `at`, of beats whose R are at `r`, seconds.

    P is timed from the next R, the other waves from the last one.
    """
    h = heart
    from_next = at - r[np.searchsorted(r, at)]
    from_last = at - r[np.searchsorted(r + WINDOWS_S["QRS"][0], at, side="right") - 1]

    p = from_next + h["p_before_r_s"]
    right, left = _turned(
        h["p_size"] * np.stack([_P_RIGHT, h["p_left"] * _P_LEFT]), h["p_axis_deg"], h["p_turn_deg"]
    )
    dipole = np.zeros((3, len(at)))
    for vector, (centre, half) in zip((right, left), _P_BUMPS, strict=True):
        width = h["p_width"]
        dipole += np.outer(vector, _bump(p - centre * width, half * width))

    sizes = np.array([[h["q_size"]], [h["r_size"]], [h["s_size"]]])
    qrs = _turned(sizes * np.stack([_Q, _R, _S]), h["qrs_axis_deg"], h["qrs_turn_deg"])
    for vector, (centre, half) in zip(qrs, _QRS_BUMPS, strict=True):
        width = h["qrs_width"]
        dipole += np.outer(vector, _bump(from_last - centre * width, half * width))

    begin, end = WINDOWS_S["ST"]
    recovery = begin + (from_last - begin) / _qt_stretch(h)
    u = (2 * recovery - begin - end) / (end - begin)
    plateau = np.maximum(1 - u**4, 0) ** 2
    level = np.array([h["st_left_mv"], h["st_down_mv"], h["st_back_mv"]])
    dipole += np.outer(level, plateau) + np.outer(h["st_slope_mv"] * _ST_SLOPE, plateau * u)

    (t,) = _turned(h["t_size"] * _T[None], h["t_axis_deg"], h["t_turn_deg"])
    rise, fall = _T_RISE * h["t_width"] * h["t_lean"], _T_FALL * h["t_width"] / h["t_lean"]
    slope = np.where(recovery < _T_PEAK, rise, fall)
    return dipole + np.outer(t, _bump(recovery - _T_PEAK, slope))


def _bump(time: Floats, half_width: float | Floats) -> Floats:
    """(1 − u²)⁴ inside the half-width, 0 outside; nearly a Gaussian of SD 0.35 half-widths."""
    square = np.square(np.maximum(1 - np.square(time / half_width), 0))
    return np.square(square)


def _turned(vectors: Floats, axis_deg: float, turn_deg: float) -> Floats:
    """(n, 3) vectors turned clockwise in the frontal plane, then leftwards round the long axis."""
    a, b = np.deg2rad(axis_deg), np.deg2rad(turn_deg)
    frontal = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    horizontal = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    return vectors @ (horizontal @ frontal).T


def _mixing(leads: tuple[str, ...]) -> Floats:
    """(n_leads, 8) weights of the independent leads in each lead."""
    mixing = np.zeros((len(leads), len(_INDEPENDENT)))
    for row, lead in zip(mixing, leads, strict=True):
        if lead in _SUMS:
            row[:2] = _SUMS[lead]
        else:
            row[_INDEPENDENT.index(lead)] = 1.0
    return mixing


def _write_wfdb(record: Record, folder: Path) -> None:
    """One record as format 16; `folder` is its person's."""
    known = {"Age": "age", "Sex": "sex"}
    comments = [
        f"{word}: {value:g}"
        if isinstance(value := record.attributes[key], float)
        else f"{word}: {value}"
        for word, key in known.items()
        if key in record.attributes
    ]
    assert record.taken_at is not None
    comments.append(f"ECG date: {record.taken_at:%d.%m.%Y}")
    n_leads = len(record.leads)
    adu = np.round(record.signal.T * _ADU_PER_MV).clip(-32767, 32767).astype(np.int64)
    wfdb.wrsamp(
        record.id.rpartition("/")[2],
        fs=record.fs,
        units=["mV"] * n_leads,
        sig_name=list(record.leads),
        d_signal=adu,
        fmt=["16"] * n_leads,
        adc_gain=[_ADU_PER_MV] * n_leads,
        baseline=[0] * n_leads,
        comments=comments,
        write_dir=str(folder),
    )
