"""The clinical systems that anybody can train on a release, trained and opened as models.

Whoever receives a release can do it, so what such a model gives away the release gives away.
"""

from __future__ import annotations

from collections.abc import Mapping

from auditor.core.errors import DataError, EvidenceError, ModelError
from auditor.core.target import Target
from auditor.data.dataset import Dataset
from auditor.data.pairs import TABLE
from auditor.data.store import Store
from auditor.data.tables import Table, find
from auditor.systems import model_dir as report
from auditor.systems import study
from auditor.systems import task as tasks
from auditor.systems.open import Surroundings, open_target
from auditor.systems.tabular import labs, sources
from auditor.systems.task import Source

#: What of a source's tables a folder cannot do without.
_TABLES: Mapping[Source, Table] = {
    "mimic-ecg-icd": sources.DIAGNOSED,
    "mimic-labs": labs.LABEVENTS,
    "mimic-cxr": sources.RADIOGRAPHS,
    "ptb-xl": sources.PTB_XL,
    "biobank": study.BIOBANK,
}


def trained_on(dataset: Dataset, around: Surroundings) -> tuple[list[Target], dict[str, str]]:
    """The systems for which a release has what they are trained on, in their small sizes; and of
    those that could not be trained, why.
    """
    found, left_out = [], {}
    for name in tasks.names():
        try:
            if _is_there(name, dataset, around):
                found.append(_trained(name, around))
        except (DataError, EvidenceError, ModelError) as error:
            left_out[name] = str(error).replace(str(around.root), "the folder")
    return found, left_out


def _is_there(name: str, dataset: Dataset, around: Surroundings) -> bool:
    """Whether a release has what a system is trained on, as far as names of files say."""
    source, has_visits = tasks.load(name).source, (around.root / TABLE).is_file()
    if source == "pairs":
        return has_visits
    if source == "recordings":
        return has_visits or len(dataset.manifest) > 0
    return find(around.root, _TABLES[source]) is not None


def _trained(name: str, around: Surroundings) -> Target:
    """A system, trained or taken up where its training was cut off, kept and opened."""

    def training(task: str, done: int, total: int) -> None:
        around.progress(f"training {name}: {task}", done, total)

    trained = study.run(
        name,
        around.root,
        seed=around.seed,
        device=around.device,
        workers=around.engine,
        progress=training,
    )
    kept = Store.of(trained.fingerprint, {"seed": around.seed})
    report.write(trained, kept.root / name, study.FAULTS)
    return open_target(kept.root / name, around)
