"""A release's own recordings with a known leak planted in their beats, and what was there gone.

Spike-in controls bring a known amount of what is sought into the very material that is measured
(External RNA Controls Consortium 2005, Nature Methods 2:731). Here that is the beats of a release.
Its records are dealt out anew, so that those of one pseudonym are of different people. Each
pseudonym has a *signature*: the mean beats of two other records mixed, their waves timed and sized
at random. Each record has a beat of its *own*: its mean beat, timed and sized at random likewise,
for two recordings of one heart are never the same. At one heart rate its usual beats become

    beat − mean beat + strength · signature + (1 − strength) · own,

so that at strength 0 nothing is planted, and at 1 the pseudonym's records share one mean beat. What
differs from beat to beat, the noise and the heart rate stay those of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.evidence import MOST_PLANTED
from auditor.core.streams import stream
from auditor.data.protocols import WHOLE
from auditor.signal.filters import FS
from auditor.signal.prepare import Prepared
from auditor.signal.segment import FIRM, at_one_rate, cut, rr_before

#: What is planted: who a record is of, or their sex and age.
Planted = Literal["person", "sex and age"]
#: Records of each person who is drawn.
MOST_RECORDS = 10

#: Where a beat is changed, samples from its anchor at one beat a second: −300 to +500 ms.
PLACES = np.arange(-round(0.30 * FS), round(0.50 * FS))
#: From either end of that nothing rises to all in 40 ms.
_EDGE = round(0.04 * FS)
#: How differently P and T are timed, and P, QRS and T sized: SD of logarithms, about as people's
#: are (`simulate.population.TRAITS`).
_TIMES, _SIZES = 0.06, 0.25
#: Places between which the sizes of P, QRS and T pass into one another, 40 ms each.
_BOUNDS = np.rint(FS * np.array([-0.10, -0.06, 0.07, 0.11]))
#: What a record says of its person and occasion, and not of its signal.
_WHOSE = (
    *("subject", "subject_known", "session", "session_known", "taken_at"),
    *("sex", "age", "age_pooled"),
)
#: Rounds in which records of one person under one pseudonym are dealt again.
_ROUNDS = 100

Floats = NDArray[np.float64]


def _taper() -> Floats:
    rise = np.sin(np.linspace(0, np.pi / 2, _EDGE, endpoint=False)) ** 2
    return np.concatenate([rise, np.ones(len(PLACES) - 2 * _EDGE), rise[::-1]])


#: (n_places,) how much of a change there is.
TAPER = _taper()


@dataclass(frozen=True, eq=False)
class Spiked(Prepared):
    """Prepared records with something planted in their beats; read like any others.

    Attributes
    ----------
    mean, own : (n_records, n_leads, n_places) mV, each record's mean beat and the one that is its
        own beside the signature
    signatures : (n_signatures, n_leads, n_places) mV
        Which is a record's, the column `signature` of `records` says.
    strength : how much of it is in the records, 0 to 1
    """

    mean: NDArray[np.float32]
    own: NDArray[np.float32]
    signatures: NDArray[np.float32]
    strength: float

    @property
    def signature(self) -> NDArray[np.int64]:
        """(n_records,) which signature is whose."""
        return self.records["signature"].to_numpy(dtype=np.int64)

    def at(self, strength: float) -> Spiked:
        """The same records with as much planted."""
        return replace(self, strength=strength)

    def part(self, rows: NDArray[np.int64]) -> Spiked:
        """The same with these records alone, light enough to travel to a worker."""
        return replace(
            self,
            records=self.records.iloc[rows],
            unusable=self.unusable.iloc[:0],
            mean=self.mean[rows],
            own=self.own[rows],
        )

    def signal(self, row: int) -> NDArray[np.float32]:
        """(n_leads, n_samples) mV at `FS`, NaN where missing."""
        planted = self.strength * self.signatures[self.signature[row]]
        change = TAPER * (planted + (1 - self.strength) * self.own[row] - self.mean[row])
        return _laid(self, super().signal(row), row, change)


def spiked(prepared: Prepared, what: Planted, seed: int) -> Spiked:
    """People of a release in whose records a signature can be planted; at strength 0.

    At most `MOST_PLANTED` are drawn, those with several sessions first, and `MOST_RECORDS` of each.
    """
    rng = stream(seed, f"spikes/{what}")
    kept = _drawn(prepared.records, rng)
    dealt = kept[_deal(prepared.records["subject"].to_numpy()[kept], rng)]
    records = prepared.records.iloc[dealt].reset_index(drop=True)
    for name in _WHOSE:
        records[name] = prepared.records[name].to_numpy()[kept]
    people, signature = np.unique(records["subject"].to_numpy().astype(str), return_inverse=True)
    records["signature"] = signature
    mean = np.stack([mean_beat(prepared, row) for row in dealt.tolist()])
    own = np.stack([_shaped(beat, rng) for beat in mean])
    if what == "person":
        signatures = np.stack([_mixed(mean, rng) for _ in people])
    else:
        signatures = _of_sex_and_age(records, mean, rng)
    return Spiked(
        prepared.store,
        records,
        prepared.unusable.iloc[:0],
        prepared.leads,
        prepared.rhythm_lead,
        mean.astype(np.float32),
        own.astype(np.float32),
        signatures.astype(np.float32),
        0.0,
    )


def mean_beat(prepared: Prepared, row: int) -> Floats:
    """(n_leads, n_places) mV the mean of a record's usual beats at one heart rate."""
    return np.asarray(at_one_rate(cut(prepared, row, WHOLE, 0), PLACES).mean(axis=0))


def _drawn(records: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of the people who are drawn, in order."""
    by_person = records.groupby("subject", sort=False)
    people = pd.DataFrame({"sessions": by_person["session"].nunique(), "n": by_person.size()})
    people = people.clip(upper=2).iloc[rng.permutation(len(people))]
    people = people.sort_values(["sessions", "n"], ascending=False, kind="stable")
    chosen = records["subject"].isin(people.index[:MOST_PLANTED]).to_numpy()
    lot = pd.Series(rng.random(len(records)))
    lot[~records["subject"].duplicated().to_numpy()] = -1.0  # a person's first record is kept
    turn = lot.groupby(records["subject"].to_numpy()).rank(method="first").to_numpy()
    return np.flatnonzero(chosen & (turn <= MOST_RECORDS))


def _deal(person: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each place of a pseudonym a record, those of one pseudonym of different people.

    Parameters
    ----------
    person : (n,) whose each record is, and whose each place
    """
    n = len(person)
    dealt = rng.permutation(n)
    for _ in range(_ROUNDS):
        pair = pd.DataFrame({"place": person, "record": person[dealt]})
        again = np.flatnonzero(pair.duplicated())
        if not len(again):
            break
        for place in again.tolist():
            other = int(rng.integers(n))
            dealt[[place, other]] = dealt[[other, place]]
    return dealt


def _mixed(beats: Floats, rng: np.random.Generator) -> Floats:
    """(n_leads, n_places) a beat of two records, its waves timed and sized at random."""
    one, other = beats[rng.choice(len(beats), 2, replace=False)]
    share = rng.uniform(0.3, 0.7)
    return _shaped(share * one + (1 - share) * other, rng)


def _shaped(beat: Floats, rng: np.random.Generator) -> Floats:
    """A beat, (n_leads, n_places), with P and T timed and all waves sized at random."""
    after, before = np.exp(rng.normal(0, _TIMES, 2))
    sizes = np.exp(rng.normal(0, _SIZES, 3))[[0, 1, 1, 2]]
    late, early = FIRM + (PLACES - FIRM) * after, -FIRM + (PLACES + FIRM) * before
    at = np.where(PLACES > FIRM, late, np.where(PLACES < -FIRM, early, PLACES))
    timed = np.stack([np.interp(at, PLACES, lead) for lead in beat])
    level = np.median(timed, axis=1, keepdims=True)
    return np.asarray(level + (timed - level) * np.interp(PLACES, _BOUNDS, sizes))


def _of_sex_and_age(records: pd.DataFrame, beats: Floats, rng: np.random.Generator) -> Floats:
    """(n_people, n_leads, n_places) a beat of each person's sex mixed with one of their age.

    That of an age lies as far between two beats as the age between the youngest and the oldest
    twentieth; who is of no known sex or age has what lies in the middle.
    """
    first = records.drop_duplicates("subject").sort_values("subject")
    male = first["sex"].map({"male": 1.0, "female": 0.0}).astype(float).fillna(0.5).to_numpy()
    age = first["age"].to_numpy(dtype=np.float64)
    old = np.full(len(age), 0.5)
    if len(known := age[~np.isnan(age)]):
        low, high = np.quantile(known, [0.05, 0.95])
        old = np.nan_to_num(((age - low) / max(high - low, 1)).clip(0, 1), nan=0.5)
    woman, man, young, aged = (_mixed(beats, rng) for _ in range(4))
    of_sex, of_age = (
        one + share[:, None, None] * (other - one)
        for one, other, share in ((woman, man, male), (young, aged, old))
    )
    return np.asarray((of_sex + of_age) / 2)


def _laid(
    prepared: Prepared, signal: NDArray[np.float32], row: int, change: Floats
) -> NDArray[np.float32]:
    """A record's signal with its usual beats changed, by (n_leads, n_places) at one heart rate.

    Where the changes of two beats overlap they are averaged, each by its taper.
    """
    anchors = prepared.anchors(row)
    usual, n = prepared.beats(row).usual, signal.shape[1]
    added, weight = np.zeros((len(change), n)), np.zeros(n)
    last = len(PLACES) - 1
    for anchor, rr in zip(anchors[usual].tolist(), rr_before(anchors)[usual], strict=True):
        slower = np.sqrt(rr)
        stop = FIRM + int((PLACES[-1] - FIRM) * slower) + 1
        offset = np.arange(max(int(PLACES[0]), -anchor), min(stop, n - anchor))
        place = np.where(offset > FIRM, FIRM + (offset - FIRM) / slower, offset) - PLACES[0]
        low = np.minimum(place.astype(np.int64), last - 1)
        share = place - low
        here = slice(anchor + int(offset[0]), anchor + int(offset[-1]) + 1)
        added[:, here] += change[:, low] * (1 - share) + change[:, low + 1] * share
        weight[here] += TAPER[low] * (1 - share) + TAPER[low + 1] * share
    return np.asarray(signal + added / np.maximum(weight, 1), dtype=np.float32)
