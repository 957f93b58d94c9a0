"""The attacker's network taught on whole data sets, and its weights written with their card."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from auditor import __version__
from auditor.attackers import embedding
from auditor.core.errors import DataError
from auditor.core.files import atomic_write
from auditor.targets.release import Release
from auditor.training.metric import Person, Recipe, people, teach

#: A longer record is read up to here, s: half an hour shows how a heart differs from itself.
MAX_SECONDS = 1800.0
#: Fewer people than this cannot be told from one another in any way that carries over.
_MIN_PEOPLE = 20


def school(
    releases: Iterable[Release],
    out: Path,
    recipe: Recipe,
    seed: int,
    device: str,
    progress: Callable[[str, int, int], None] = lambda task, done, total: None,
) -> dict[str, Any]:
    """Teach a network on the people of some data sets; write it to `out`, its card beside it.

    Simulated people are told from one another, never from real ones.

    Returns
    -------
    the card: `taught_on`, names of data sets; `people`, how many; `recipe`, `seed`, `loss`

    Raises
    ------
    DataError
        Too few people have beats in a lead that is known.
    """
    groups: dict[bool, list[Person]] = {False: [], True: []}
    names = []
    for release in releases:
        name = release.dataset.name
        names.append(name)
        groups[name == "simulated"] += people(release.prepared)
    taught = [group for group in groups.values() if len(group) >= _MIN_PEOPLE]
    if not taught:
        n = sum(map(len, groups.values()))
        raise DataError(f"{n} people have beats in a lead that is known; wanted {_MIN_PEOPLE}")
    losses = []

    def told(step: int, steps: int, loss: float) -> None:
        losses.append(loss)
        progress("teaching", step, steps)

    n_threads = torch.get_num_threads()
    # One thread sums in one order: the same seed gives the same weights.
    torch.set_num_threads(1)
    try:
        model = teach(taught, recipe, seed, device=device, progress=told)
    finally:
        torch.set_num_threads(n_threads)
    last = losses[-100:]
    card = {
        "taught_on": names,
        "people": sum(map(len, taught)),
        "recipe": asdict(recipe),
        "seed": seed,
        "loss": round(sum(last) / len(last), 3),
        "versions": {"auditor": __version__, "torch": torch.__version__},
    }
    embedding.save(model, out)
    with atomic_write(out.with_suffix(".json")) as file:
        file.write((json.dumps(card, indent=2) + "\n").encode())
    return card
