"""Small simulated releases, and settings under which an audit of one takes seconds."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from auditor.attackers.transformer import MODELS, ViTConfig
from auditor.audit import Run, run
from auditor.config import Preset
from auditor.core.finding import Audit
from auditor.policy.profile import load_profile
from auditor.signal.prepare import Prepared
from auditor.simulate.population import Population
from auditor.targets.context import Context, Training, ViTTraining

PROTOCOLS = ("random-segment", "same-session", "cross-session")
#: The rungs that train no network on the release.
CHEAP = ("template", "fiducials", "whitened", "subspace", "plda", "embedding", "adapted")

#: The beat transformer in miniature: what it does, in a hundredth of the time.
MODELS.setdefault(
    "tiny", partial(ViTConfig, n_samples=200, patch=10, width=32, depth=1, heads=2, head_dim=16)
)


def write_release(root: Path, *, identity: float, seed: int, **knobs) -> Path:
    """Twenty-four people with two records on each of two days, lead I and II, as WFDB files."""
    size = {"n_subjects": 24, "n_sessions": 2, "n_records": 2, "leads": ("I", "II")}
    knobs = {"identity": identity, "seed": seed} | size | knobs
    try:
        shutil.copytree(_written(**knobs), root, dirs_exist_ok=True)
    except TypeError:  # arrays of numbers are no key
        Population(**knobs).write(root)
    return root


@cache
def _written(**knobs) -> Path:
    """A release of these settings, which is written once and copied."""
    root = Path(mkdtemp(prefix="auditor-release-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    Population(**knobs).write(root)
    return root


def settings(
    *,
    seed: int = 0,
    vit: bool = True,
    epochs: int = 10,
    profile: str = "public",
    rungs: tuple[str, ...] = CHEAP,
    checks: tuple[str, ...] = ("identifiers", "uniqueness", "linkage", "shortcut", "attribute"),
    **engine: Any,
) -> Run:
    """A preset of some rungs and checks, with the transformer in miniature or without it."""
    recipe = ViTTraining(epochs=epochs, batch=32, learning_rate=3e-3, patience=epochs)
    own = ("vit",) if vit else ()
    preset = Preset(
        name="test",
        title="rungs in miniature",
        max_seconds=60,
        linkage_views=(*rungs, *own, *(("fusion",) if len(rungs) > 1 else ())),
        protocols=PROTOCOLS,
        attribute_views=(*(one for one in ("fiducials", "embedding") if one in rungs), *own),
        training=Training("tiny", 12, recipe) if vit else None,
        checks=checks,
    )
    return Run(load_profile(profile), preset, seed=seed, **engine)


def prepared_as(context: Context, prepared: Prepared, **changes: Any) -> Context:
    """A case of a release that was prepared like this, of which nothing was worked out yet."""
    release = replace(context.release)
    vars(release)["prepared"] = prepared
    return replace(context, release=release, memo={}, **changes)


def finished(root: Path, run_settings: Run) -> Audit:
    """A finished audit."""
    *_, last = run(root, run_settings)
    assert isinstance(last, Audit)
    return last


#: For fewer audits no processes are started: `make test` has every core busy already.
_WORTH_PROCESSES = 10


def all_finished(roots: Sequence[Path], settings_of: Sequence[Run]) -> list[Audit]:
    """Several audits, one on each core where there are many."""
    if len(roots) < _WORTH_PROCESSES:
        return list(map(finished, roots, settings_of))
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as workers:
        return list(workers.map(finished, roots, settings_of))


def interrupted(*command: object, at: str) -> tuple[int, str]:
    """The status of a command that gets Ctrl-C when it says something, and what it says then."""
    whole = [sys.executable, "-c", "from auditor.cli import main; main()", *map(str, command)]
    # A shell has what it starts in the background not heed Ctrl-C.
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=heed
    ) as process:
        assert process.stdout is not None
        said = next(line for line in process.stdout if at in line)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert at in said
    return process.returncode, rest
