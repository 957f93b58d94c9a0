"""The first beat of a record alone."""

from __future__ import annotations

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import cosine
from auditor.attackers.recogniser import Recogniser, recogniser
from auditor.attackers.tables import item_table
from auditor.attackers.template import median_beat
from auditor.targets.context import Context


@recogniser("first-beat", title="First beat", rung=15)
def first_beat(context: Context, enrolment: Enrolment) -> Recogniser:
    """First beats by their cosine."""

    def first(prepared, row, chosen):
        return median_beat(prepared, row, chosen[:1])

    gallery, pool = (item_table(context, one, first) for one in (enrolment.gallery, enrolment.pool))
    return Recogniser(enrolment, gallery, pool, cosine)
