"""ECG-DiaNet under audit: risks of diabetes, asked of the people of its table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.core.target import Floats, Target
from auditor.systems.dianet import network as dianet
from auditor.systems.dianet.cohort import CRF, ECG, REPLICATES
from auditor.systems.registry import Networks, opens
from auditor.targets import description
from auditor.targets.description import DESCRIPTION
from auditor.targets.model import ReleasedModel, log_odds_of
from auditor.targets.recordings import Rows

#: What people of the table have.
_EVENT = "event"
#: Of those that a network is trained on, the share that stops it.
_VALIDATION = 0.2


@opens(dianet.DiaNet)
def target(model: ReleasedModel, networks: Networks) -> Target:
    """ECG-DiaNet, asked about the people of the table that its description names.

    Raises
    ------
    ModelError
        No table is named, or it has not the columns that the networks are asked with.
    """
    said, columns, n_ecg = model.description, (*ECG, *CRF), len(ECG)
    table = model.members
    if table is None:
        raise ModelError(
            f"{model.name}: is asked with a table of people; name one in {DESCRIPTION} under "
            "members"
        )
    if absent := [one for one in columns if f"input {one}" not in table]:
        raise ModelError(
            f"{said.members}: has no column 'input {absent[0]}', with which {model.name} is "
            "asked; train it again"
        )
    split, unknown = description.membership(table, said)
    record, subject, session = (
        description.texts(table, one)
        for one in (said.columns.record, said.columns.subject, said.columns.session)
    )
    known = {one: description.numbers(table, f"input {one}") for one in columns}
    inputs = np.stack(list(known.values()), axis=1)
    y_true = description.yes_or_no(table, f"label {_EVENT}")
    every = [model.at_work(one) for one in networks.values()]
    for config in (one.config for one in every):
        if config.n_ecg not in (0, n_ecg) or config.n_crf not in (0, len(CRF)):
            raise ModelError(
                f"{model.name}: asks for {config.n_ecg} and {config.n_crf} inputs, wanted "
                f"{n_ecg} and {len(CRF)} or none; train it again"
            )
    # What sees both kinds of input is the system, and the others its twins.
    folds = [one for one in every if one.config.n_ecg and one.config.n_crf] or every

    def told(networks: Sequence[dianet.DiaNet], asked: Floats = inputs) -> Rows:
        def logits(x: Tensor) -> Tensor:
            return torch.stack([one(x[:, :n_ecg], x[:, n_ecg:]) for one in networks], dim=1)

        return model.asked(logits, asked.astype(np.float32))

    def trained(rows: NDArray[np.bool_], y_true: Floats, rng: np.random.Generator) -> Rows | None:
        """The log-odds of a network of the first fold's shape that was trained on some rows."""
        held = np.zeros(len(y_true), dtype=bool)
        for kind in (0, 1):
            people = np.flatnonzero(rows & (y_true == kind))
            people = people[np.sort(np.unique(subject[people], return_index=True)[1])]
            if len(people) < 2:
                return None
            some = rng.permutation(people)[: max(round(_VALIDATION * len(people)), 1)]
            held |= rows & np.isin(subject, subject[some])
        some = np.flatnonzero(rows & np.isfinite(y_true))
        network = dianet.train_dianet(
            folds[0].config,
            inputs[some, :n_ecg],
            inputs[some, n_ecg:],
            y_true[some] == 1,
            held[some],
            rng=rng,
            device=model.device,
        )
        return told([model.at_work(network)])[:, 0]

    def train_reference(rows: NDArray[np.bool_], y_true: Floats, seed: int) -> Floats:
        found = trained(rows, y_true[:, 0], stream(seed, f"{model.name}/reference"))
        blank = np.full(len(y_true), np.nan)
        return (blank if found is None else log_odds_of(y_true[:, 0], found))[:, None]

    def by_chance() -> Rows:
        """What is said by a network that was trained on labels of others."""
        rng = stream(model.seed, f"{model.name}/by chance")
        rows = np.isfinite(y_true)
        dealt = y_true.copy()
        dealt[rows] = rng.permutation(y_true[rows])
        found = trained(rows, dealt, rng)
        assert found is not None
        return expit(found)[:, None]

    is_known = min((y_true == kind).sum() for kind in (0, 1)) > 1

    def told_of_each() -> Target:
        """The networks asked with one ECG alone, of each person's first visit. What a clinic knows
        is the same of all ECGs of a visit and links them by itself, so that it is left out.
        """
        order = np.lexsort((record, session, subject))
        first = order[np.unique(subject[order], return_index=True)[1]]
        rows = np.repeat(first, REPLICATES)
        each = np.tile(np.arange(REPLICATES), len(first))
        n = n_ecg // REPLICATES
        ecg = inputs[rows, :n_ecg].reshape(-1, REPLICATES, n)[np.arange(len(rows)), each]
        nothing = np.full((len(rows), len(CRF)), np.nan)
        asked = np.hstack([np.tile(ecg, (1, REPLICATES)), nothing])
        number = np.char.add(" ECG ", (each + 1).astype(str))
        return Target(
            name=model.name,
            title=said.title,
            record=np.char.add(record[rows], number),
            subject=subject[rows],
            session=session[rows],
            split=split[rows],
            membership_unknown=unknown,
            male=known["sex"][rows],
            age=known["age_years"][rows],
            labels=(),
            y_true=np.zeros((len(rows), 0)),
            outputs={
                "scores": lambda: expit(told(folds, asked)).mean(axis=1, keepdims=True),
                "logits": lambda: told(every, asked),
            },
            membership_signal=None,
            inputs=ecg.astype(np.float32),
            columns=ECG[:n],
        )

    return Target(
        name=model.name,
        title=said.title,
        record=record,
        subject=subject,
        session=session,
        split=split,
        membership_unknown=unknown,
        male=known["sex"],
        age=known["age_years"],
        labels=(_EVENT,),
        y_true=y_true[:, None],
        outputs={
            "scores": lambda: expit(told(folds)).mean(axis=1, keepdims=True),
            "logits": lambda: told(every),
        },
        membership_signal=(lambda: log_odds_of(y_true, told(folds).mean(axis=1))[:, None])
        if is_known
        else None,
        inputs=inputs.astype(np.float32),
        columns=columns,
        train_reference=train_reference if is_known else None,
        controls={"scores": by_chance} if is_known else {},
        replicates=told_of_each(),
    )
