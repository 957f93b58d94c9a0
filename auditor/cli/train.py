"""`auditor train`: the attacker's network, and the clinical systems."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import click

from auditor.cli.flags import FILE, FOLDER, described, progress_line, worked, writable
from auditor.core.errors import ConfigError


class Systems(click.Group):
    """The attacker's network, and every clinical system there is a task of."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The attacker, then the systems."""
        return [*super().list_commands(ctx), *_tasks()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of one of them."""
        if name not in _tasks():
            return super().get_command(ctx, name)
        task = _tasks()[name]
        title, reads = task.get("title", name), task.get("reads", "")
        about = f"{title}.\n\nReads {reads}\n\n{_SYSTEM_HELP.format(name=name)}"
        params = [*_system.params, *(_descriptor.params if task.get("recordings") else ())]
        return click.Command(
            name, params=params, callback=_system.callback, help=about, short_help=str(title)
        )


_SYSTEM_HELP = """OUT becomes a model directory: models, model.yaml, results.json, what moves each
model (shap, of trees), and two things that are not for release: members.parquet, which
names people, and stages, of some networks, what they were earlier in their training.

\b
auditor train {name} --data folder/ --out {name}/
auditor train {name} --data folder/ --out {name}/ --against published
"""


@cache
def _tasks() -> dict[str, dict[str, Any]]:
    """What is said of each clinical system in its file, by name."""
    from auditor.resources import read_settings, resource

    files = sorted(resource("configs/tasks").glob("*.yaml"))
    return {file.stem: read_settings(file) for file in files}


@click.group(cls=Systems)
def train() -> None:
    """Train what attacks, or a clinical system, on your own data."""


@click.command()
@described
def _descriptor(**flags: str | None) -> None:
    """What may be said of a folder of recordings."""


@click.command()
@click.option("--data", type=FOLDER, required=True, help="The folder that it is trained on.")
@click.option("--external", type=FOLDER, help="Tables of a second cohort to judge it by as well.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for the model directory."
)
@click.option(
    "--against",
    type=click.Choice(["published"]),
    help="Print the figures beside those of the paper.",
)
@click.option(
    "--every-fold",
    is_flag=True,
    help="Judge every fold in turn, and not the last alone: for cohorts too small for that.",
)
@click.option(
    "--size",
    type=click.Choice(["small", "published"]),
    default="small",
    show_default=True,
    help="Of networks on waveforms: one that a CPU trains in minutes, or the published one.",
)
@click.option(
    "--weights",
    type=FOLDER,
    help="Of gem: begin from language/, clip/ and ecg.safetensors in this folder.",
)
@click.option(
    "--as-published",
    multiple=True,
    metavar="FAULT",
    help="Do this as the published script does: narrow-intervals, mixed-bins, sensitivity-70, "
    "untrimmed-codes, delay-as-input.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@worked
@click.pass_context
def _system(
    ctx: click.Context,
    /,
    data: Path,
    external: Path | None,
    out: Path,
    against: str | None,
    every_fold: bool,
    size: str,
    weights: Path | None,
    as_published: tuple[str, ...],
    seed: int,
    device: str,
    quiet: bool,
    jobs: int,
    dask: str | None,
    **descriptor: str | None,
) -> None:
    from auditor.audit import choose_device
    from auditor.data.dataset import without_recordings
    from auditor.data.pairs import TABLE
    from auditor.engine import engine
    from auditor.systems import model_dir as report
    from auditor.systems.study import FAULTS, run
    from auditor.targets.release import Release

    name = str(ctx.info_name)
    has_visits = (data / TABLE).is_file()
    flags = [f"--{flag.replace('_', '-')}" for flag, value in descriptor.items() if value]
    if has_visits and flags:
        raise ConfigError(f"{data / TABLE}: says whose each ECG is; leave {flags[0]} out")
    writable(out.parent)
    report.refuse_others(out)
    with engine(jobs, dask) as workers, progress_line(quiet) as progress:
        if _tasks()[name].get("recordings") and not has_visits:
            release = Release.open(data, workers, flags=descriptor, progress=progress)
        else:
            release = Release(without_recordings(data), workers, progress=progress)
        study = run(
            name,
            release,
            external=Release(without_recordings(external), workers) if external else None,
            every_fold=every_fold,
            size=size,
            weights=weights,
            faults=frozenset(as_published),
            seed=seed,
            device=choose_device(device),
            progress=progress,
        )
        report.write(study, out, FAULTS)
    if not quiet:
        for line in report.summary(study):
            click.echo(line)
    if against:
        for line in report.against_published(study, FAULTS):
            click.echo(line)
    if not quiet:
        click.echo(f"Models: {out}")


@train.command("attacker")
@click.argument("folders", metavar="DATASET...", type=FOLDER, nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A .safetensors."
)
@click.option("--config", type=FILE, help="A YAML file with a recipe; default: the shipped one.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@worked
def attacker(
    folders: tuple[Path, ...],
    out: Path,
    config: Path | None,
    seed: int,
    device: str,
    quiet: bool,
    jobs: int,
    dask: str | None,
) -> None:
    """Teach the network of the rung `embedding` on the people of some DATASETs.

    Beside the weights a .json says what they were taught on. The people of a release under audit
    must not be among them. Simulated data sets are welcome beside real ones.

    \b
    auditor train attacker data/ptb-xl data/ludb --out attacker.safetensors
    """
    from auditor.audit import choose_device
    from auditor.config import load_attacker
    from auditor.engine import engine
    from auditor.targets.release import Release
    from auditor.training.attacker import MAX_SECONDS, train_attacker

    if out.suffix != ".safetensors":
        raise ConfigError(f"--out {out}: wanted a name that ends in .safetensors")
    writable(out.parent)
    training = load_attacker(config)
    with engine(jobs, dask) as workers, progress_line(quiet) as progress:
        releases = (
            Release.open(folder, workers, max_seconds=MAX_SECONDS, progress=progress)
            for folder in folders
        )
        card = train_attacker(releases, out, training, seed, choose_device(device), progress)
    if not quiet:
        click.echo(f"taught on {card['people']} people: {out}")
