"""Does a file of trees say whose records it was grown on?

Six questions, each about people and never about rows:

`leaves` how few people share a leaf, and a path through all trees, with each person
`thresholds` whom a published threshold parts from nearly everybody
`values` whose measurements stand in the file, as thresholds
`differences` what two models of nested findings tell together: who has the one and not the other
`existence` whose sex a model tells by being of one sex only
`late` whom trees fit better that were grown after the best iteration

Trees have small leaves and thresholds at somebody's values whoever they are grown on. So the first
three ask the same of people whom the trees never saw, as if each had been one more member: trees
that know nothing of who is a member cannot tell the two apart; nor can those that the last one asks
about. What is `certain` beside that needs no comparison, because it can be read: a leaf whose
records are one person's, where the file's own counts are those of the members; two files that
differ by fewer than ten people; a model of one sex.
"""

from __future__ import annotations

import numpy as np

from auditor.checks.base import OnModel
from auditor.checks.structure.differences import Existence, NestedDifferences, nested
from auditor.checks.structure.late import LateTrees, late
from auditor.checks.structure.leaves import SmallLeaves
from auditor.checks.structure.thresholds import IsolatingThresholds, RebuiltValues
from auditor.core.target import Target, kind_of


def plan(target: Target) -> list[OnModel]:
    """The questions that a model of trees can be asked."""
    if not target.trees and target.thresholds is None:
        return []
    found: list[OnModel] = []
    if target.columns:
        if target.trees or any(kind_of(one) == "leaves" for one in target.outputs):
            found.append(SmallLeaves(target))
        found += [IsolatingThresholds(target), RebuiltValues(target)]
    if not target.trees:
        return found
    if nested(target):
        found.append(NestedDifferences(target))
    if len(np.unique(target.male[np.isfinite(target.male)])) == 2:
        found.append(Existence(target))
    if target.columns and any(late(target)):
        found.append(LateTrees(target))
    return found
