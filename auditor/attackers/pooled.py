"""Records of a person that are held together: one item for all of them.

A release gives whoever looks into it all records of a pseudonym, and an intruder may hold several
of a person. What a recogniser tells of each is averaged, so that what passes from one record to the
next cancels and what is the person's own stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.enrolment import Places
from auditor.attackers.matchers import Rows
from auditor.attackers.recogniser import Recogniser
from auditor.data.protocols import Items

#: Columns that are averaged at once.
_COLUMNS = 256


def pooled(
    seen: Recogniser, session: NDArray[np.str_], held: Literal["session", "everything"]
) -> Recogniser:
    """The same recogniser before sets of records: of each person the enrolled record with all
    others that are not asked about; and of what is asked about a session, or everything.

    Coordinates are averaged before they are matched, so that what was trained, and what scores are
    normalised by, stays as it is. Where the enrolled session itself is asked about, the enrolled
    record stays alone: records of other days would be another protocol. Halves of records are not
    pooled: nobody holds half of everything.

    Parameters
    ----------
    session : of each record of the release
    held : what the intruder holds of a person
    """
    who = seen.enrolment
    if who.of_halves:
        return seen
    people, row = np.unique(who.gallery_subject, return_index=True)
    place = row[np.searchsorted(people, who.pool_subject)]
    asked = np.zeros(len(who.pool), dtype=np.bool_)
    asked[who.probe] = True
    home = session[who.gallery.row][place] == session[who.pool.row]
    released = np.flatnonzero(~(asked | home[who.probe].all()))
    when = session[who.pool.row[who.probe]]
    key = np.unique(when, return_inverse=True)[1] if held == "session" else 0
    _, first, code = np.unique(
        place[who.probe] * (len(when) + 1) + key, return_index=True, return_inverse=True
    )
    if not len(released) and len(first) == len(code):
        return seen
    one_of_each = who.probe[first]
    alone = np.arange(len(who.gallery))
    return replace(
        seen,
        enrolment=replace(
            who,
            pool=Items(who.pool.row[one_of_each], who.pool.half[one_of_each]),
            probe=np.arange(len(first)),
            pool_subject=who.pool_subject[one_of_each],
            pool_fold=who.pool_fold[one_of_each],
        ),
        gallery=_means(
            [(seen.gallery, alone, alone), (seen.pool, released, place[released])], len(alone)
        ),
        pool=_means([(seen.pool, who.probe, code)], len(first)),
    )


def _means(parts: list[tuple[Rows, Places, Places]], n_sets: int) -> Rows:
    """(n_sets, d) the mean of the known values of each set; NaN where none is known.

    Parameters
    ----------
    parts : rows, which of them, and the set of each
    """
    width = parts[0][0].shape[1]
    code = np.concatenate([of for _, _, of in parts])
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(n_sets))
    found = np.empty((n_sets, width), dtype=np.float32)
    for start in range(0, width, _COLUMNS):
        some = slice(start, start + _COLUMNS)
        values = np.concatenate([rows[which, some] for rows, which, _ in parts])[order]
        known = ~np.isnan(values)
        total = np.add.reduceat(np.where(known, values, 0), starts, axis=0)
        count = np.add.reduceat(known.astype(np.float32), starts, axis=0)
        found[:, some] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found
