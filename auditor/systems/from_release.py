"""The clinical systems that anybody can train on a release, trained and opened as models.

Whoever receives a release can do it, so what such a model gives away the release gives away.
"""

from __future__ import annotations

from auditor.core.errors import DataError, EvidenceError, ModelError
from auditor.core.target import Target
from auditor.data.store import Store
from auditor.systems import model_dir, study
from auditor.systems import task as tasks
from auditor.systems.open import open_target
from auditor.systems.registry import trainer
from auditor.targets.release import Release


def trained_on(
    release: Release, *, device: str = "cpu", seed: int = 0
) -> tuple[list[Target], dict[str, str]]:
    """The systems for which a release has what they are trained on, in their small sizes; and of
    those that could not be trained, why.
    """
    found, left_out = [], {}
    for name in tasks.names():
        task = tasks.load(name)
        try:
            if trainer(task.system).is_there(task, release):
                found.append(_trained(name, release, device, seed))
        except (DataError, EvidenceError, ModelError) as error:
            left_out[name] = str(error).replace(str(release.root), "the folder")
    return found, left_out


def _trained(name: str, release: Release, device: str, seed: int) -> Target:
    """A system, trained or taken up where its training was cut off, kept and opened."""

    def progress(task: str, done: int, total: int) -> None:
        release.progress(f"training {name}: {task}", done, total)

    trained = study.run(name, release, seed=seed, device=device, progress=progress)
    kept = Store.of(trained.fingerprint, {"seed": seed})
    model_dir.write(trained, kept.root / name, study.FAULTS)
    return open_target(kept.root / name, release, device=device, seed=seed)
