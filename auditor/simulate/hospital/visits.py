"""When and where the ECGs of the patients were taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from auditor.core.streams import stream
from auditor.simulate.hospital.columns import Ints, Times, add_years, identifiers, minutes, year
from auditor.simulate.hospital.people import People
from auditor.simulate.population import Bools, Floats, z_scores

#: Where an ECG was taken: outside any stay, in the emergency department (ED) of a stay that ends
#: there or leads to a ward, or on a ward.
_OUTPATIENT, _ED_ONLY, _ED_THEN_WARD, _WARD_ONLY = range(4)


@dataclass(frozen=True, eq=False)
class Visits:
    """The ECGs of the patients, person by person in order of time.

    Attributes
    ----------
    people : whose they are
    person : (n_ecgs,) the row of the person
    time : (n_ecgs,)
    kind : (n_ecgs,) 0 outside any stay, 1 ED only, 2 ED and ward, 3 ward only
    first, last : (n_ecgs,) whether it is the person's first or last ECG
    z : (n_ecgs, n_traits) SD from the mean
    measured : (n_ecgs, 9) as `People.measured` gives it
    subject, study, stay, admission : (n_ecgs,) identifiers
    anchor_age, anchor_year : (n_ecgs,) of the person, as MIMIC-IV gives them
    age : (n_ecgs,) years
    died : (n_people,) NaT for who lives
    """

    people: People
    person: Ints
    time: Times
    kind: Ints
    first: Bools
    last: Bools
    z: Floats
    measured: Floats
    subject: Ints
    study: Ints
    stay: Ints
    admission: Ints
    anchor_age: Ints
    anchor_year: Ints
    age: Floats
    died: Times

    def __len__(self) -> int:
        return len(self.person)

    @property
    def in_ed(self) -> Bools:
        """(n_ecgs,) in an ED stay, of which it bears the number."""
        return (self.kind == _ED_ONLY) | self.in_both

    @property
    def in_both(self) -> Bools:
        """(n_ecgs,) in the ED, before the ward."""
        return self.kind == _ED_THEN_WARD

    @property
    def in_ward_only(self) -> Bools:
        """(n_ecgs,) on a ward, without the ED."""
        return self.kind == _WARD_ONLY

    @property
    def admitted(self) -> Bools:
        """(n_ecgs,) in an admission, of which it bears the number."""
        return self.in_both | self.in_ward_only

    @property
    def in_stay(self) -> Bools:
        """(n_ecgs,) in an ED stay or an admission."""
        return self.kind != _OUTPATIENT


def draw_visits(people: People, seed: int) -> Visits:
    """One visit for each ECG."""
    rng = stream(seed, "hospital/visits")
    n_people, person = len(people), people.person
    n = len(person)
    # The population's calendar begins in 2001; MIMIC's people live 2110 to 2200.
    time = add_years(people.taken_at, rng.integers(109, 190, n_people)[person])
    time = time + rng.integers(0, 86_400, n).astype("timedelta64[s]")
    first, last = np.diff(person, prepend=-1) > 0, np.diff(person, append=n_people) > 0
    start = year(time[first])
    dies = rng.random(n_people) < expit((people.age + year(time[last]) - start - 85) / 12)
    # Nobody dies before the ward they were sent to has admitted them.
    survived = minutes(120 + rng.exponential(200 * 24 * 60, n_people))
    return Visits(
        people=people,
        person=person,
        time=time,
        kind=rng.choice(4, n, p=[0.10, 0.25, 0.35, 0.30]),
        first=first,
        last=last,
        z=z_scores(people.traits),
        measured=people.measured(rng),
        subject=np.sort(identifiers(rng, 1, n_people))[person],
        study=identifiers(rng, 4, n),
        stay=identifiers(rng, 3, n),
        admission=identifiers(rng, 2, n),
        # MIMIC-IV writes 91 for everybody above 89.
        anchor_age=np.where(people.age > 89, 91, people.age).astype(np.int64)[person],
        anchor_year=start[person],
        age=people.age[person] + year(time) - start[person],
        died=np.where(dies, time[last] + survived, np.datetime64("NaT")).astype("datetime64[s]"),
    )
