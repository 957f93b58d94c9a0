"""A model as it is released, and what is common to all that is asked of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.core.target import NEITHER, Floats, Target
from auditor.data.pairs import TABLE, Pairs
from auditor.learning.device import fork_rng
from auditor.targets import description
from auditor.targets.description import DESCRIPTION, Description
from auditor.targets.recordings import (
    AT_ONCE,
    Prepare,
    Recordings,
    Rows,
    read_recordings,
    read_visits,
    visits,
)
from auditor.targets.release import Release

#: What a model gives out of each record, worked out when it is asked for.
Make = Callable[[], Rows]
#: Numbers that are kept of the tokens of a record, or of what several networks make of it.
WIDEST = 2000


@dataclass(frozen=True, eq=False)
class ReleasedModel:
    """A model as it is released, the release that it is asked about, and where it is asked.

    Attributes
    ----------
    name : what its findings are called by
    folder : where it lies
    description : what `model.yaml` says of it
    files : what each tells → its file
    membership_unknown : why nobody can be called a member, where no table says who is
    """

    name: str
    folder: Path
    description: Description
    files: Mapping[str, str]
    release: Release
    device: str
    seed: int
    membership_unknown: str
    #: What was read already, of which a model is also asked as it was earlier in its training.
    _read: dict[Prepare, Recordings] = field(default_factory=dict)

    def file(self, name: str) -> Path:
        """One of its files.

        Raises
        ------
        ModelError
            It is not there, or lies outside the folder.
        """
        return description.beside(self.folder, name)

    @cached_property
    def members(self) -> pd.DataFrame | None:
        """The table that says who is a member; None where the description names none.

        Raises
        ------
        ModelError
            It is missing, too large or damaged.
        """
        if not self.description.members:
            return None
        return description.members(self.folder, self.description)

    def lacking(self, what: str) -> ModelError:
        """The scanned folder is not the one that the model was trained on."""
        return ModelError(
            f"{self.name}: reads {what}, and {self.release.root} holds none; scan the folder that "
            "it was trained on"
        )

    # --- networks -------------------------------------------------------------------------

    def asked(self, network: Callable[[Tensor], Tensor], x: Rows) -> Rows:
        """(n, …) what a network makes of inputs (n, …)."""
        with torch.inference_mode():
            parts = [
                network(torch.from_numpy(x[start : start + AT_ONCE]).to(self.device)).cpu()
                for start in range(0, len(x), AT_ONCE)
            ]
        found: Rows = torch.cat(parts).float().numpy()
        if not np.isfinite(found).all():
            raise ModelError(f"{self.name}: gives out numbers that are not finite; train it again")
        return found

    def at_work(self, network: nn.Module) -> Any:
        """A network on its device, ready to be asked."""
        return network.to(self.device).eval()

    def at_random(self, network: Any, name: str = "") -> Any:
        """A network of the same shape, with random weights, ready to be asked."""
        with fork_rng(stream(self.seed, f"{self.name}/random weights/{name}")):
            return self.at_work(type(network)(network.config))

    def only(self, networks: Mapping[str, Any], kind: type[nn.Module]) -> Any:
        """The one network of a kind, ready to be asked."""
        found = [one for one in networks.values() if type(one) is kind]
        if len(found) != 1:
            raise ModelError(f"{self.name}: holds {len(found)} {kind.__name__}, wanted one")
        return self.at_work(found[0])

    # --- recordings -----------------------------------------------------------------------

    def visits(self) -> Pairs:
        """The visits that the release lists.

        Raises
        ------
        ModelError
            It lists none.
        """
        found = visits(self.release)
        if found is None:
            raise self.lacking(f"visits ({TABLE})")
        return found

    def recordings(self, prepare: Prepare, pairs: Pairs | None) -> Recordings:
        """The ECGs of visits, or all that the release holds, as a network reads them.

        Raises
        ------
        ModelError
            There are none; or none that is named among the members; or they are other people's.
        DataError
            None can be read by the network.
        """

        def progress(done: int, total: int) -> None:
            self.release.progress(f"reading for {self.name}", done, total)

        if prepare in self._read:
            return self._read[prepare]
        if pairs is not None:
            found = read_visits(pairs, prepare, progress)
        elif self.release.is_empty:
            raise self.lacking("ECGs")
        else:
            found = read_recordings(self.release, prepare, progress)
        self.membership(found)  # those of other people are refused before anything is asked
        self._read[prepare] = found
        return found

    def membership(self, seen: Recordings) -> tuple[NDArray[np.int8], str]:
        """(n,) whether each record was trained on, as the table of members says; a record that is
        not in it is neither. And why nobody is a member, if so.

        Raises
        ------
        ModelError
            The table names none of the records, or calls one another person's.
        """
        said, table = self.description, self.members
        if table is None:
            return np.full(len(seen.record), NEITHER, dtype=np.int8), self.membership_unknown
        split, unknown = description.membership(table, said)
        named = pd.Index(description.texts(table, said.columns.record))
        if not named.is_unique:
            raise ModelError(
                f"{said.members}: wanted a column {said.columns.record!r} that names each record "
                f"once; name it in {DESCRIPTION} under columns"
            )
        place = named.get_indexer(pd.Index(seen.record))
        there = place >= 0
        whose = description.texts(table, said.columns.subject)[place]
        if not there.any() or (whose != seen.subject)[there].any():
            what = "that are other people's" if there.any() else "none of which is"
            raise ModelError(
                f"{said.members}: names records {what} in {self.release.root}; scan the folder "
                f"that {self.name} was trained on"
            )
        return np.where(there, split[place], NEITHER).astype(np.int8), unknown

    def target(
        self,
        seen: Recordings,
        measured: Mapping[str, NDArray[Any]],
        *,
        signals: Sequence[str] = (),
        membership_signal: Callable[[], Floats] | None = None,
        outputs: Mapping[str, Make],
        controls: Mapping[str, Make] | None = None,
        y_true: Mapping[str, Floats] | None = None,
        **families: Any,
    ) -> Target:
        """The model, asked about recordings.

        Parameters
        ----------
        measured : (n,) each, what is known of the recordings without the model
        signals : what the columns of `membership_signal` are called, labels or not; what else is
            known of the recordings stands behind them
        y_true : by label, (n,) what is true in place of what the recordings' own labels say
        families : what a target of some family has besides, as `core.target.Target` calls it
        """
        split, unknown = self.membership(seen)
        blank = np.full(len(seen.record), np.nan)
        known = seen.known() | dict(y_true or {})
        labels = (*signals, *(one for one in seen.asked() if one != "sex" and one not in signals))
        columns = [known.get(name, blank) for name in labels]
        male = known.get("sex", blank)
        table = dict(measured) | {"age": seen.age, "sex": male}
        return Target(
            name=self.name,
            title=self.description.title,
            record=seen.record,
            subject=seen.subject,
            session=seen.session,
            split=split,
            membership_unknown=unknown,
            male=male,
            age=seen.age,
            labels=labels,
            y_true=np.stack(columns, axis=1) if columns else np.zeros((len(seen.record), 0)),
            outputs=outputs,
            membership_signal=membership_signal,
            inputs=np.stack(list(table.values()), axis=1).astype(np.float32),
            columns=tuple(table),
            controls=controls or {},
            **families,
        )


def summaries(seen: Recordings, leads: Sequence[str]) -> dict[str, NDArray[Any]]:
    """What is plain in a signal without any network: (n,) the mean, spread and range of each lead;
    of several crops, those of the first.
    """
    first = seen.x.reshape(len(seen.x), -1, *seen.x.shape[-2:])[:, 0]
    of_leads = {"mean": first.mean(axis=2), "SD": first.std(axis=2), "range": np.ptp(first, 2)}
    return {
        f"{lead} {name}": values[:, place]
        for place, lead in enumerate(leads)
        for name, values in of_leads.items()
    }


def compact(tokens: Tensor) -> Tensor:
    """(B, at most `WIDEST`) tokens (B, n, width), runs of them as their means."""
    n, width = tokens.shape[1:]
    runs = F.adaptive_avg_pool1d(tokens.transpose(1, 2), min(max(WIDEST // width, 1), n))
    return runs.transpose(1, 2).flatten(1)[:, :WIDEST]


def log_odds_of(y_true: Floats, log_odds: NDArray[Any]) -> Floats:
    """The log-odds of what is true, of those of it being so; NaN where it is not known."""
    sign = np.where(y_true == 1, 1.0, np.where(y_true == 0, -1.0, np.nan))
    return np.asarray(sign * log_odds, dtype=np.float64)


def class_log_odds_of(y_true: Floats, margins: Floats) -> Floats:
    """The log-odds of the class that is true, of (n, k) log-odds of each but for a constant of the
    row; NaN where it is not known.
    """
    own = np.arange(margins.shape[1]) == y_true[:, None]
    known = own.any(axis=1)
    found = np.full(len(y_true), np.nan)
    found[known] = margins[own] - logsumexp(np.where(own, -np.inf, margins), axis=1)[known]
    return found


def cosine(one: Rows, other: Rows) -> Floats:
    """(n,) cosines of rows (n, d)."""
    size = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(size, 1e-12), dtype=np.float64)
