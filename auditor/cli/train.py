"""`auditor train`: the attacker's network, and the clinical systems."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import click

from auditor.cli.flags import FILE, FOLDER, progress_line, worked, writable
from auditor.core.errors import ConfigError


class Systems(click.Group):
    """The attacker's network, and every clinical system there is a task of."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The attacker, then the systems."""
        return [*super().list_commands(ctx), *_titles()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of one of them."""
        if name not in _titles():
            return super().get_command(ctx, name)
        title, source = _titles()[name]
        reads = _READS.get(source, _TABLES)
        told = f"{title}.\n\n{reads}\n\n{_SYSTEM_HELP.format(name=name)}"
        return click.Command(
            name, params=_system.params, callback=_system.callback, help=told, short_help=title
        )


#: What stands below --data, by a task's source.
_TABLES = """Reads tables as PhysioNet and ECG-ViEW publish them, anywhere below --data."""


_READS = {
    "ptb-xl": "Reads PTB-XL, its recordings and tables, as published.",
    "biobank": "Reads t2dm.csv, anywhere below --data.",
    "recordings": "Reads a folder of ECG recordings, or of pairs (pairs.csv).",
    "pairs": "Reads pairs.csv: ECGs with radiographs, cines or reports of the same visit.",
}


_SYSTEM_HELP = """OUT becomes a model directory: models, model.yaml, results.json, what moves each
model (shap, of trees), and members.parquet, which names people and is not for release.

\b
auditor train {name} --data folder/ --out {name}/
auditor train {name} --data folder/ --out {name}/ --against published
"""


@cache
def _titles() -> dict[str, tuple[str, str]]:
    """What the clinical systems are called, and what they read, by name."""
    import yaml

    from auditor.resources import resource

    files = sorted(resource("configs/tasks").glob("*.yaml"))
    read = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in files}
    return {name: (task["title"], task["source"]) for name, task in read.items()}


@click.group(cls=Systems)
def train() -> None:
    """Train what attacks, or a clinical system, on your own data."""


@click.command()
@click.option("--data", type=FOLDER, required=True, help="The folder with the tables.")
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
) -> None:
    from auditor.audit import choose_device
    from auditor.engine import engine
    from auditor.systems import model_dir as report
    from auditor.systems.study import FAULTS, run

    writable(out.parent)
    report.refuse_others(out)
    with engine(jobs, dask) as workers, progress_line(quiet) as progress:
        study = run(
            str(ctx.info_name),
            data,
            external=external,
            every_fold=every_fold,
            size=size,
            weights=weights,
            faults=frozenset(as_published),
            seed=seed,
            device=choose_device(device),
            workers=workers,
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
    from auditor.training.attacker import train_attacker

    if out.suffix != ".safetensors":
        raise ConfigError(f"--out {out}: wanted a name that ends in .safetensors")
    writable(out.parent)
    training = load_attacker(config)
    with engine(jobs, dask) as workers, progress_line(quiet) as progress:
        device = choose_device(device)
        card = train_attacker(folders, out, training, seed, device, workers, progress)
    if not quiet:
        click.echo(f"taught on {card['people']} people: {out}")
