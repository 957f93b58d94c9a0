"""Simulated people of whom each visit has an ECG, a radiograph, a cine CMR and a report.

Three latent variables describe the heart at a visit (`LATENTS`), each standard normal among people,
partly the person's and partly the visit's. They shift the traits of the visit's ECG. What its
pictures and its report show is

    physiology · (latent of its ECG) + √(1 − physiology²) · (a draw of its own)

so at `physiology` 0 it does not depend on the ECG, and the shares of labels and the spread of
phenotypes are the same at every setting. `identity` gives each person a chest and a shading that
are the same at every visit and do not depend on the ECG. The ECG's own identity is that of
`Population`, so a model can join the identities of picture and ECG only by memorising people.

What is measured in the drawings is what the table says. The heart's shadow is as wide as the
cardiothoracic ratio times the thorax. The cine is a short-axis ring of six segments; its volumes
are those of the bullet, 5/6 · area · length (Wyatt et al. 1980, "Cross-sectional
echocardiography"), its muscle is incompressible, and its mass 1.05 g per ml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit

from auditor.core.errors import ConfigError
from auditor.core.streams import stream
from auditor.data.pairs import TABLE
from auditor.simulate.population import Bools, Floats, Population, loadings, require_at_least

Bytes = NDArray[np.uint8]

#: Latent variables, and what one SD of each adds to the traits of the ECG, in SD.
LATENTS: Mapping[str, Mapping[str, float]] = {
    "heart size": {"qrs_width": 0.9, "r_size": 0.6, "qrs_axis_deg": -0.5},
    "fluid": {"rr_s": -0.8, "s_size": -0.5, "t_size": -0.5},
    "weakness": {"t_axis_deg": 0.9, "st_left_mv": -0.7},
}
LABELS = ("Cardiomegaly", "Edema", "Pleural Effusion")
#: Of a short-axis slice at mid-ventricle, in the order of the 17-segment model (7 to 12).
SEGMENTS = (
    "anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral",
)  # fmt: skip

#: The share of a latent's variance that is the person's; the visit's is the rest.
_PERSON_SHARE = 0.8
#: No picture shows a latent further from its mean than this many SD.
_LIMIT = 3.0
#: From so many SD a finding is labelled, and reported as mild; from so many it is marked.
_MILD, _MARKED = 1.0, 1.7

_CTR, _CTR_SPREAD = 0.45, 0.05
_RADIUS_MM, _WALL_MM, _SHORTENING = 24.0, 9.0, 0.27
#: The cavity's length in radii, and how much of it is left at end-systole.
_LENGTH, _SHORTER = 3.5, 0.85
_MUSCLE_G_PER_ML = 1.05
#: Effect of weakness on the shortening of each segment, on average 1.
_TERRITORY = np.array([1.2, 1.3, 1.0, 0.8, 0.7, 1.0])
#: Where the middle of each segment lies, radians from the patient's left towards the feet.
_ANGLE = np.deg2rad([-90.0, -150.0, 150.0, 90.0, 30.0, -30.0])
#: The side of a cine in mm, and the share of a beat after which it reaches end-systole.
_SIDE_MM, _SYSTOLE = 128.0, 1 / 3
#: Cosines along each side of a picture of which a person's shading is the sum.
_N_COSINES = 6


class Anatomy(NamedTuple):
    """The hearts and lungs of n visits, as pictures and reports show them.

    Attributes
    ----------
    ctr : (n,) cardiothoracic ratio
    edema, effusion : (n,) SD from the mean
    radius_mm : (n,) of the cavity at end-diastole
    wall_mm : (n, 6) thickness of each segment at end-diastole
    shortening : (n, 6) the share of the radius that each segment loses by end-systole
    """

    ctr: Floats
    edema: Floats
    effusion: Floats
    radius_mm: Floats
    wall_mm: Floats
    shortening: Floats

    @property
    def labels(self) -> Bools:
        """(n, 3) who has which of `LABELS`."""
        cardiomegaly = self.ctr > _CTR + _MILD * _CTR_SPREAD
        return np.stack([cardiomegaly, self.edema > _MILD, self.effusion > _MILD], axis=1)

    @property
    def phenotypes(self) -> dict[str, Floats]:
        """(n,) each: volumes, function, mass, and the wall of each segment."""
        diastole = np.repeat(self.radius_mm[:, None], len(SEGMENTS), axis=1)
        length = _LENGTH * self.radius_mm
        edv = _bullet_ml(diastole, length)
        esv = _bullet_ml(diastole * (1 - self.shortening), _SHORTER * length)
        outer = _bullet_ml(diastole + self.wall_mm, length + self.wall_mm.mean(axis=1))
        by_segment = {}
        for name, values in (
            ("wall_thickness_{}_mm", self.wall_mm),
            ("strain_{}_percent", -100 * self.shortening),
        ):
            for segment, column in zip(SEGMENTS, values.T, strict=True):
                by_segment[name.format(segment)] = column
        return {
            "LVEDV_ml": edv,
            "LVESV_ml": esv,
            "LVEF_percent": 100 * (edv - esv) / edv,
            "LVM_g": _MUSCLE_G_PER_ML * (outer - edv),
            **by_segment,
        }

    def visits(self, rows: slice) -> Anatomy:
        """Of some visits."""
        return Anatomy(*(values[rows] for values in self))


@dataclass(frozen=True)
class PairedPopulation:
    """Simulated pairs of ECG, radiograph, cine CMR and report; the same seed gives the same bytes.

    Each person and visit has random streams of its own, which depend neither on how many others
    there are nor on the other settings.

    Attributes
    ----------
    n_subjects, n_visits : people, and visits of each, on different days
    size : pixels of a side of every picture
    frames : of a cine, over one beat
    identity : scales how far chest and shading differ between people; 0 not at all
    physiology : 0 to 1, the correlation of the latents of an ECG with those of its pictures

    Raises
    ------
    ConfigError
        A setting makes no pictures.
    """

    n_subjects: int
    n_visits: int = 2
    size: int = 64
    frames: int = 12
    identity: float = 1.0
    physiology: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least(self, n_subjects=1, n_visits=1, size=32, frames=2, seed=0, identity=0)
        if not 0 <= self.physiology <= 1:
            raise ConfigError(f"physiology is {self.physiology:g}, wanted 0 to 1")

    @cached_property
    def population(self) -> Population:
        """The same people's ECGs: a visit is a session of one record."""
        return Population(
            n_subjects=self.n_subjects,
            n_sessions=self.n_visits,
            demographics=1.0,
            seed=self.seed,
            burden=self.latents @ np.stack([loadings(effects) for effects in LATENTS.values()]),
        )

    @cached_property
    def latents(self) -> Floats:
        """(n_subjects, n_visits, n_latents) of the ECGs, SD from the mean."""
        n = len(LATENTS)
        person = self._draws("ails", n)[:, None]
        visit = self._draws_by_visit("ails", n)
        return np.sqrt(_PERSON_SHARE) * person + np.sqrt(1 - _PERSON_SHARE) * visit

    @cached_property
    def anatomy(self) -> Anatomy:
        """Of every visit, person by person."""
        n = len(LATENTS)
        drawn = self._draws_by_visit("shown", n + 2 * len(SEGMENTS))
        own, wall, motion = np.split(
            drawn.reshape(-1, drawn.shape[-1]), [n, n + len(SEGMENTS)], axis=1
        )
        z = self.physiology * self.latents.reshape(-1, n) + np.sqrt(1 - self.physiology**2) * own
        size, fluid, weak = (_LIMIT * np.tanh(z / _LIMIT)).T
        weak_by_segment = np.outer(weak, _TERRITORY)
        return Anatomy(
            ctr=_CTR + _CTR_SPREAD * size,
            edema=fluid,
            effusion=0.8 * fluid + 0.6 * weak,
            radius_mm=_RADIUS_MM * np.exp(0.08 * size + 0.04 * weak),
            wall_mm=_WALL_MM * np.exp(0.10 * size[:, None] + 0.05 * wall.clip(-_LIMIT, _LIMIT)),
            shortening=_SHORTENING - 0.06 * weak_by_segment + 0.01 * motion.clip(-_LIMIT, _LIMIT),
        )

    def table(self) -> pd.DataFrame:
        """What `pairs.csv` holds: a row per visit, with the paths of its files."""
        hearts = list(self.population.hearts())
        subject = [heart.subject for heart in hearts]
        visit = [place % self.n_visits + 1 for place in range(len(hearts))]
        named = [f"{one}/{number}" for one, number in zip(subject, visit, strict=True)]
        return pd.DataFrame(
            {
                "subject_id": subject,
                "visit": visit,
                "ecg": [f"ecg/{heart.record}" for heart in hearts],
                "cxr": [f"cxr/{name}.png" for name in named],
                "cmr": [f"cmr/{name}.npy" for name in named],
                "report": [f"report/{name}.txt" for name in named],
                "sex": [heart.sex for heart in hearts],
                "age": [heart.age for heart in hearts],
                **dict(zip(LABELS, self.anatomy.labels.T.astype(np.int64), strict=True)),
                **{
                    f"phenotype_{name}": values.round(2)
                    for name, values in self.anatomy.phenotypes.items()
                },
            }
        )

    def pictures(self) -> Iterator[tuple[Bytes, Bytes]]:
        """Person by person: radiographs (n_visits, size, size), cines (n_visits, frames, size,
        size).
        """
        appearances = self.identity * self._draws("looks", 10 + 2 * _N_COSINES**2)
        for person, appearance in enumerate(appearances):
            anatomy = self.anatomy.visits(
                slice(person * self.n_visits, (person + 1) * self.n_visits)
            )
            rngs = [
                stream(self.seed, f"pairs/film/{person}/{visit}") for visit in range(self.n_visits)
            ]
            chest, ring, *shadings = np.split(appearance, [5, 10, 10 + _N_COSINES**2])
            yield (
                _exposed(_radiographs(anatomy, chest, shadings[0], self.size, rngs), rngs),
                _exposed(_cines(anatomy, ring, shadings[1], self.size, self.frames, rngs), rngs),
            )

    def reports(self) -> Iterator[str]:
        """The text of every visit, in the order of the table."""
        ejected = self.anatomy.phenotypes["LVEF_percent"]
        for row in range(len(ejected)):
            yield _report(self.anatomy.visits(slice(row, row + 1)), float(ejected[row]))

    def write(
        self, root: Path, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """Write everything below `root`.

        `ecg/` is a data set of its own (`Population.write`); `cxr/p0001/1.png`, `cmr/p0001/1.npy`
        and `report/p0001/1.txt` are of person 1's first visit. `pairs.csv` is written last.
        `progress` is called with the number of ECGs and sets of pictures done, and of all.
        """
        table = self.table()
        total = 2 * len(table)
        self.population.write(root / "ecg", lambda done, _: progress(done, total))
        files = [[root / name for name in table[kind]] for kind in ("cxr", "cmr", "report")]
        pictures = (pair for person in self.pictures() for pair in zip(*person, strict=True))
        visits = zip(*files, pictures, self.reports(), strict=True)
        for done, (cxr, cmr, report, (radiograph, cine), text) in enumerate(visits, len(table) + 1):
            for path in (cxr, cmr, report):
                path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(radiograph).save(cxr)
            np.save(cmr, cine)
            report.write_text(text, encoding="utf-8")
            progress(done, total)
        table.to_csv(root / TABLE, index=False, lineterminator="\n")

    def _draws(self, what: str, n: int) -> Floats:
        """(n_subjects, n) of each person; another `what` gives other numbers."""
        return np.stack(
            [
                stream(self.seed, f"pairs/{what}/{person}").standard_normal(n)
                for person in range(self.n_subjects)
            ]
        )

    def _draws_by_visit(self, what: str, n: int) -> Floats:
        """(n_subjects, n_visits, n) of each visit; another `what` gives other numbers."""
        return np.stack(
            [
                [
                    stream(self.seed, f"pairs/{what}/{person}/{visit}").standard_normal(n)
                    for visit in range(self.n_visits)
                ]
                for person in range(self.n_subjects)
            ]
        )


def _bullet_ml(radius_mm: Floats, length_mm: Floats) -> Floats:
    """(n,) volumes inside radii (n, 6), each of a sixth of the circle."""
    return 5 / 6 * np.pi * np.square(radius_mm).mean(axis=1) * length_mm / 1000


# --- Drawing: black 0, white 1 -------------------------------------------------------------------


def _exposed(light: Floats, rngs: list[np.random.Generator]) -> Bytes:
    """Pictures (n, …) with the gain, offset and noise of each visit's machine."""
    taken = np.empty(light.shape, dtype=np.uint8)
    for picture, one, rng in zip(taken, light, rngs, strict=True):
        gain, offset = 1 + 0.05 * rng.standard_normal(), 0.02 * rng.standard_normal()
        grain = 0.02 * rng.standard_normal(one.shape, dtype=np.float32)
        picture[:] = np.rint(255 * (gain * one + offset + grain).clip(0, 1))
    return taken


def _grid(size: int, rngs: list[np.random.Generator]) -> tuple[Floats, Floats]:
    """x (n, 1, size) and y (n, size, 1) of pixels, −1 to 1, as each visit's person lay."""
    at = (np.arange(size) + 0.5) * 2 / size - 1
    shift = np.array([0.02 * rng.standard_normal(2) for rng in rngs])
    return at - shift[:, :1, None], (at - shift[:, 1:])[:, :, None]


def _shading(waves: Floats, x: Floats, y: Floats) -> Floats:
    """(n, size, size) a smooth pattern of about 0.06: cosines, the slower the stronger."""
    order = np.arange(_N_COSINES)
    fall = 1 / (1 + order[:, None] + order)
    fall[0, 0] = 0.0
    across, down = (np.cos(np.pi / 2 * order * (1 + at)) for at in (x[:, 0, :, None], y))
    return 0.1 * down @ (fall * waves.reshape(fall.shape)) @ across.swapaxes(1, 2)


def _radiographs(
    anatomy: Anatomy, chest: Floats, shading: Floats, size: int, rngs: list[np.random.Generator]
) -> Floats:
    """(n, size, size); `chest` (5,) is what is the person's own, in SD."""
    ctr, edema, effusion = (
        values[:, None, None] for values in (anatomy.ctr, anatomy.edema, anatomy.effusion)
    )
    x, y = _grid(size, rngs)
    edge = 1 / size
    thorax, tall = 0.72 * np.exp(0.06 * chest[0]), 0.72 * np.exp(0.06 * chest[1])
    out = np.abs(x) / thorax

    # The diaphragm is a dome on each side, and the lung is what is above it in its ellipse.
    base = 0.62 - 0.12 * np.maximum(1 - np.square((out - 0.55) / 0.43), 0)
    round_the_lung = np.hypot((out - 0.55) / 0.43, (y + 0.05) / tall)
    lung = expit((1 - round_the_lung) * 0.3 / edge) * expit((base - y) / edge)
    light = 0.65 * expit((0.93 - np.abs(x)) / edge) - 0.42 * lung

    ribs = 7 * np.exp(0.12 * chest[2]) * (y + 0.25 * np.exp(0.3 * chest[3]) * np.square(x))
    light += 0.10 * expit((1 - out) / edge) * np.cos(np.pi / 2 * ribs + chest[4]) ** 4
    light += 0.12 * np.exp(-np.square(x / 0.07))
    light += _shading(shading, x, y)

    haze = 0.10 * np.logaddexp(0, 2 * edema) * (0.3 + 0.7 * expit(6 * y))
    light += haze * lung
    # Fluid stands higher at the wall than at the middle of a lung.
    depth = 0.09 * np.logaddexp(0, 3 * (effusion - 0.5)) / 3 * (1 + np.square(out))
    light += 0.32 * lung * expit((y - 0.62 + 2 * depth) / (2 * edge)) * expit(3 * effusion)

    half = ctr * thorax
    heart = expit((1 - np.hypot((x - 0.25 * half) / half, (y - 0.3) / 0.32)) * 0.3 / edge)
    return light + heart * (0.8 - light)


def _cines(
    anatomy: Anatomy,
    ring: Floats,
    shading: Floats,
    size: int,
    frames: int,
    rngs: list[np.random.Generator],
) -> Floats:
    """(n, frames, size, size); `ring` (5,) is what is the person's own, in SD."""
    n = len(anatomy.ctr)
    grid = _grid(size, rngs)
    around = 0.2 + _shading(shading, *grid)
    x, y = (_SIDE_MM / 2 * at for at in grid)
    x, y = x - 4 * ring[0], y - 4 * ring[1]
    from_centre = np.hypot(x, y).reshape(n, 1, -1)
    angle = np.arctan2(y, x) - 0.2 * ring[2]
    # Squared cosines add up to one, so the ring's area is the mean of its segments'.
    apart = np.abs((angle[..., None] - _ANGLE + np.pi) % (2 * np.pi) - np.pi)
    share = np.where(apart < np.pi / 3, np.cos(1.5 * apart) ** 2, 0).reshape(n, -1, len(SEGMENTS))

    time = np.arange(frames) / frames
    contracted = np.sin(np.pi / 2 * time / _SYSTOLE) ** 2 * (time < 2 * _SYSTOLE)
    diastole = np.repeat(anatomy.radius_mm[:, None], len(SEGMENTS), axis=1)
    inner = diastole[:, None] * (1 - contracted[:, None] * anatomy.shortening[:, None])
    muscle = np.square(diastole + anatomy.wall_mm) - np.square(diastole)
    shorter = 1 - (1 - _SHORTER) * contracted
    outer = np.square(inner) + muscle[:, None] / shorter[:, None]
    cavity, heart = (np.sqrt(square @ share.swapaxes(1, 2)) for square in (np.square(inner), outer))

    soft = _SIDE_MM / size / 2
    right = np.hypot(x + (26 + 2 * ring[3]), y - 4).reshape(n, 1, -1)
    right_radius = (30 * np.exp(0.08 * ring[4])) * (1 - 0.15 * contracted[:, None])
    light = np.repeat(around.reshape(n, 1, -1), frames, axis=1)
    for level, mask in (
        (0.65, expit((right_radius - right) / soft)),
        (0.35, expit((heart - from_centre) / soft)),
        (0.85, expit((cavity - from_centre) / soft)),
    ):
        light += mask * (level - light)
    return light.reshape(n, frames, size, size)


# --- Words ---------------------------------------------------------------------------------------


def _report(anatomy: Anatomy, ejected_percent: float) -> str:
    """What a reader of both pictures of one visit would write."""
    size = float(anatomy.ctr[0] - _CTR) / _CTR_SPREAD
    silhouette = _grade(size, "normal in size", "mildly enlarged", "markedly enlarged")
    lungs = _grade(
        anatomy.edema[0], "The lungs are clear", "Mild pulmonary edema", "Marked pulmonary edema"
    )
    effusion = _grade(
        anatomy.effusion[0], "No pleural effusion", "Small pleural effusions",
        "Moderate pleural effusions",
    )  # fmt: skip
    function = ("markedly reduced", "mildly reduced", "normal")
    pump = function[int(np.digitize(ejected_percent, (40, 50)))]
    lines = [
        f"The cardiac silhouette is {silhouette}.",
        f"{lungs}.",
        f"{effusion}.",
        f"Left ventricular systolic function is {pump}, "
        f"with an ejection fraction of about {5 * round(ejected_percent / 5)} %.",
    ]
    worst = int(anatomy.shortening[0].argmin())
    if anatomy.shortening[0, worst] < 0.5 * _SHORTENING:
        lines.append(f"Wall motion is reduced, most of all in the {SEGMENTS[worst]} segment.")
    found = [name.lower() for name, there in zip(LABELS, anatomy.labels[0], strict=True) if there]
    if pump != "normal":
        found.append(f"{pump} systolic function")
    impression = ", ".join(found).capitalize() or "No acute finding"
    return "\n".join(["FINDINGS:", *lines, "IMPRESSION:", f"{impression}.", ""])


def _grade(value: float, *words: str) -> str:
    return words[int(np.digitize(value, (_MILD, _MARKED)))]
