"""The command line: the only place that prints or exits.

Exit status: 0 every required rule passed; 1 a rule failed; 2 not completed; 3 nothing failed, but
a required rule was inconclusive or not assessed.
"""

from __future__ import annotations

import logging
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from auditor import __version__
from auditor.core.errors import AuditorError, ConfigError

if TYPE_CHECKING:
    from auditor.audit import Progress, Run
    from auditor.core.finding import Audit, Finding

Command = TypeVar("Command", bound=Callable[..., Any])

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Cli(click.Group):
    """Exit 1 is kept for a failed rule; every failure of ours is 2, in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what a user can mend is one line, a bug is a traceback."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.show()
        except click.exceptions.Exit:
            raise
        except AuditorError as error:
            click.echo(f"Error: {' '.join(str(error).split())}", err=True)
            if ctx.find_root().params.get("debug"):
                traceback.print_exc()
        except (KeyboardInterrupt, click.Abort):
            click.echo("Interrupted; no report was written.", err=True)
        except BrokenPipeError:
            # Whoever read our output has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        except OSError as error:
            # A full disk, a lost share: nothing that a report of a bug would mend.
            click.echo(f"Error: {error.filename or 'a file'}: {error.strerror or error}", err=True)
        except Exception:
            traceback.print_exc()
            click.echo("Error: auditor itself broke; please report the lines above.", err=True)
        ctx.exit(2)


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditor")
@click.option("--debug", is_flag=True, help="Log every step, with record names, to stderr.")
def main(debug: bool) -> None:
    """Measure how far ECG recordings give people away, before they leave the building.

    \b
    auditor demo                        see what a report looks like
    auditor inspect DATASET             what would be believed of a folder
    auditor features DATASET            measure its heartbeats, and nothing more
    auditor scan DATASET --out report   attack it, and write report/report.html
    """
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING)
    if not debug:
        # What the libraries underneath have to say would stand beside people's data.
        logging.getLogger().setLevel(logging.ERROR)


def described(command: Command) -> Command:
    """The flags that describe a folder which no catalogue entry recognises."""
    for name, help_text in reversed(
        [
            ("--reader", "How the files are read, e.g. wfdb."),
            ("--subject-pattern", r"Who a record is of, as a pattern on its path: 'Person_(\d+)'."),
            ("--session-pattern", "Which occasion a record is of, as a pattern on its path."),
            ("--table", "A CSV file beside the data with a row for each record."),
            ("--record-column", "The table's column that names the record."),
            ("--subject-column", "The table's column that names the person."),
            ("--session-column", "The table's column that names the occasion."),
            ("--age-column", "The table's column with the age in years."),
            ("--sex-column", "The table's column with the sex."),
        ]
    ):
        command = click.option(name, help=help_text, metavar="TEXT")(command)
    return command


def worked(command: Command) -> Command:
    """The flags that say where the work is done."""
    command = click.option("--quiet", is_flag=True, help="Say nothing but errors.")(command)
    command = click.option("--dask", metavar="ADDRESS", help="Work on this Dask cluster.")(command)
    return click.option(
        "--jobs", type=int, default=1, show_default=True, help="Processes to work in."
    )(command)


def judged(command: Command) -> Command:
    """The flags that say how hard an audit tries and what it is judged by."""
    for name, kind, default, help_text in reversed(
        [
            (
                "--profile",
                str,
                "public",
                "Who receives the release: public, registered, enclave, or a YAML file.",
            ),
            (
                "--preset",
                str,
                "standard",
                "How hard to try: quick (no network is trained on the release), standard, "
                "full, or a YAML file.",
            ),
            ("--device", str, "auto", "auto, cpu or cuda."),
            ("--seed", int, 0, "Same seed, same numbers."),
        ]
    ):
        option = click.option(name, type=kind, default=default, show_default=True, help=help_text)
        command = option(command)
    return command


@main.command()
@click.argument("dataset", type=FOLDER)
@click.option(
    "--model",
    "models",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A model that is released too: trees (.json, .ubj), .onnx, or what `auditor train` wrote. "
    "May be given again.",
)
@judged
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("auditor-report"),
    show_default=True,
    help="Folder for report.html and audit.json.",
)
@worked
@described
def scan(dataset: Path, out: Path, quiet: bool, **flags: Any) -> None:
    """Audit DATASET, a folder of ECGs, and write its report.

    With --model, the models that are released with it are audited too: whom they were trained on,
    and what they give away. A model.yaml beside a model says who its members are; with
    --preset full, the clinical systems that anybody could train on DATASET are trained and audited.

    \b
    auditor scan release/
    auditor scan release/ --model af.json --model encoder/
    auditor scan release/ --profile registered --preset quick --out report
    auditor scan export/ --subject-pattern 'p(\\d+)/' --session-pattern 's(\\d+)'
    """
    audit = _scan(dataset, out, quiet, flags)
    _say_verdict(audit, out, quiet)
    raise SystemExit(audit.verdict.exit_status)


@main.command()
@click.argument("dataset", type=FOLDER)
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Start a descriptor: what is believed, as an auditor.yaml to correct.",
)
@worked
@described
def inspect(
    dataset: Path, write: Path | None, quiet: bool, jobs: int, dask: str | None, **flags: str | None
) -> None:
    """Show what would be believed of DATASET: format, people, sessions, labels, defects.

    This page names records and people: it is for the steward's own screen.

    \b
    auditor inspect export/
    auditor inspect export/ --subject-pattern 'p(\\d+)/' --write export/auditor.yaml
    """
    from auditor.data.catalog import describe, write_descriptor
    from auditor.data.dataset import inspection, open_dataset
    from auditor.engine import engine

    descriptor = describe(dataset, **{key: value for key, value in flags.items() if value})
    with engine(jobs, dask) as workers:
        with _progress(quiet) as progress:
            progress("reading", 0, 0)
            opened = open_dataset(dataset, descriptor, engine=workers)
        for line in inspection(opened):
            click.echo(line)
    if write:
        write_descriptor(opened.descriptor, write)
        click.echo(f"Wrote {write}", err=True)


@main.command()
@click.argument("dataset", type=FOLDER)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("features.parquet"),
    show_default=True,
    help="The table, a row per record.",
)
@click.option(
    "--beats",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a table with a row per record, lead and beat.",
)
@worked
@described
def features(
    dataset: Path,
    out: Path,
    beats: Path | None,
    quiet: bool,
    jobs: int,
    dask: str | None,
    **flags: str | None,
) -> None:
    """Measure the heartbeats of DATASET: intervals, axes, heights, with units, as Parquet.

    The tables hold record and person names: they are for the steward's own use, not for release.

    \b
    auditor features release/ --out features.parquet
    auditor features release/ --out features.parquet --beats beats.parquet --jobs 4
    """
    from auditor.data.catalog import describe
    from auditor.data.dataset import open_dataset
    from auditor.engine import engine
    from auditor.views.features import write_features

    if beats and beats.resolve() == out.resolve():
        raise ConfigError(f"--out and --beats both name {out}; name two files")
    for file in (out, beats):
        if file:
            _writable(file.parent)
    descriptor = describe(dataset, **{key: value for key, value in flags.items() if value})
    with engine(jobs, dask) as workers, _progress(quiet) as progress:
        progress("reading", 0, 0)
        opened = open_dataset(dataset, descriptor, engine=workers)
        n_measured = write_features(
            opened,
            out,
            workers,
            beats=beats,
            progress=lambda done, total: progress("measuring", done, total),
        )
    total = len(opened.manifest)
    if not quiet:
        click.echo(f"{n_measured} of {total} records measured: {out}")
    if not n_measured:
        raise ConfigError(f"none of {total} records of {dataset} could be measured; {out} says why")


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for the simulated hospital and its report.",
)
@click.option(
    "--people",
    type=click.IntRange(20),
    default=30,
    show_default=True,
    help="How many people the hospital has.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but where the report is.")
def demo(out: Path, people: int, quiet: bool) -> None:
    """Simulate a small hospital, scan it, and say where the report is.

    The simulated release leaks on purpose, so that there is something to see; the command itself
    ends with status 0 when the audit was completed.
    """
    from auditor.data.population import Population

    _writable(out)
    population = Population(n_subjects=people, n_records=2, leads=("I", "II", "V2"), fs=500.0)
    with _progress(quiet) as progress:
        progress("simulating a hospital", 0, 0)
        population.write(out / "hospital")
    flags = {"profile": "public", "preset": "standard", "device": "cpu", "seed": 0}
    audit = _scan(out / "hospital", out, quiet, {**flags, "jobs": 1, "dask": None})
    _say_verdict(audit, out, quiet=False)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--people", type=click.IntRange(1), default=100, show_default=True, help="How many people."
)
@click.option(
    "--sessions",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Days on which each is recorded.",
)
@click.option(
    "--records",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Records of a person on a day.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(5, 3600),
    default=10.0,
    show_default=True,
    help="Length of a record.",
)
@click.option(
    "--fs",
    type=click.FloatRange(100, 1000),
    default=500.0,
    show_default=True,
    help="Sampling frequency, Hz.",
)
@click.option(
    "--leads",
    default="I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6",
    show_default=True,
    help="Leads, with commas between.",
)
@click.option(
    "--identity",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="How much of the person is in the signal: 0 none, 1 plain.",
)
@click.option(
    "--demographics",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="What sex and age do to the signal: 0 nothing, 1 plain.",
)
@click.option(
    "--wave",
    type=click.Choice(["P", "QRS", "ST", "T"]),
    help="Put the identity in this wave alone.",
)
@click.option(
    "--tables",
    is_flag=True,
    help="Write a hospital's tables in place of recordings: diagnoses, laboratory, radiographs.",
)
@click.option(
    "--pictures",
    is_flag=True,
    help="Write a radiograph, a cine CMR and a report beside each person's ECGs; --sessions and "
    "--identity are then of the visits and the pictures.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same population.")
def simulate(
    folder: Path,
    people: int,
    sessions: int,
    records: int,
    leads: str,
    tables: bool,
    pictures: bool,
    seed: int,
    **knobs: Any,
) -> None:
    """Write a simulated population to FOLDER as ordinary WFDB records, a hospital's tables in
    the layouts of MIMIC-IV, MIMIC-CXR and ECG-ViEW II, or ECGs paired with pictures and reports.

    \b
    auditor simulate hospital --people 200
    auditor simulate null --identity 0 --demographics 0
    auditor simulate tables --people 5000 --tables
    auditor simulate pairs --people 1000 --pictures
    """
    from auditor.data.population import Population

    if tables and pictures:
        raise ConfigError("--tables and --pictures are both given; choose one")
    _writable(folder)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; name a new folder")
    if tables:
        from auditor.data.hospital import Hospital

        with _progress(quiet=False) as progress:
            Hospital(people, seed=seed).write(
                folder, lambda done, total: progress("writing tables", done, total)
            )
        click.echo(f"tables of {people} people in {folder}")
        return
    if pictures:
        from auditor.data.pictures import Pictures

        with _progress(quiet=False) as progress:
            Pictures(people, sessions, identity=knobs["identity"], seed=seed).write(
                folder, lambda done, total: progress("writing pairs", done, total)
            )
        click.echo(f"{people * sessions} visits of {people} people in {folder}")
        return
    population = Population(
        n_subjects=people,
        n_sessions=sessions,
        n_records=records,
        leads=tuple(leads.split(",")),
        seed=seed,
        **knobs,
    )
    population.write(folder)
    click.echo(f"{people * sessions * records} records of {people} people in {folder}")


@main.command()
@click.argument("audit", type=FILE)
@click.option("--profile", default="public", show_default=True, help="A profile or a YAML file.")
def gate(audit: Path, profile: str) -> None:
    """Judge a finished AUDIT (an audit.json) under a profile, and exit with its status.

    \b
    auditor gate report/audit.json --profile registered
    """
    from auditor.config import load_profile
    from auditor.report import json
    from auditor.risk.policy import judge

    verdict = judge(json.read(audit).findings, load_profile(profile))
    for rule in verdict.rules:
        note = "" if rule.required else " (not required)"
        click.echo(f"{rule.outcome:13} {rule.id}{note}: {rule.reason}")
    click.echo(f"\n{profile}: {verdict.outcome.upper()}")
    raise SystemExit(verdict.exit_status)


@main.command()
@click.argument("audit", type=FILE)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: beside AUDIT."
)
def report(audit: Path, out: Path | None) -> None:
    """Draw the page of a finished AUDIT (an audit.json) again.

    \b
    auditor report report/audit.json --out page.html
    """
    from auditor.report import html, json

    page = out or audit.with_name("report.html")
    _writable(page.parent)
    html.write(json.read(audit), page)
    click.echo(page)


@main.command()
@click.argument("a", type=FOLDER)
@click.argument("b", type=FOLDER)
@click.option(
    "--pairs",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write who looks like whom to this CSV file. It names people: not for release.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result."
)
@worked
def link(
    a: Path,
    b: Path,
    pairs: Path | None,
    device: str,
    seed: int,
    quiet: bool,
    jobs: int,
    dask: str | None,
) -> None:
    """Are people of A in B?

    Two releases that must not be joined are read by a network that knows neither, in the leads
    they share, at whatever rate and gain. Exit status 1 when more people of B look like somebody
    of A than strangers would.

    \b
    auditor link release-2025/ release-2026/
    auditor link hospital/ public/ --pairs pairs.csv
    """
    from auditor.attacks.crossrelease import link as search
    from auditor.audit import choose_device
    from auditor.data.catalog import describe
    from auditor.data.dataset import open_dataset
    from auditor.engine import engine
    from auditor.signal.prepare import prepare

    if pairs:
        _writable(pairs.parent)
    with engine(jobs, dask) as workers, _progress(quiet) as progress:
        progress("reading", 0, 0)
        opened = [open_dataset(folder, describe(folder), engine=workers) for folder in (a, b)]
        first, second = [
            prepare(
                one,
                workers,
                max_seconds=600,
                progress=lambda done, total: progress("finding heartbeats", done, total),
            )
            for one in opened
        ]
        names, on = (opened[0].name, opened[1].name), choose_device(device)
        found = search(first, second, names, device=on, seed=seed, progress=progress)
    if pairs:
        from auditor.data.store import whole_file

        with whole_file(pairs) as file:
            found.pairs.to_csv(file, index=False)
    if not quiet:
        click.echo(
            f"{found.claimed} of {found.n_b} people of B look like somebody of A's {found.n_a}, in "
            f"{', '.join(found.leads)}; of {found.n_decoys} strangers {found.fpir:.1%} do"
        )
        click.echo("PEOPLE IN BOTH" if found.beyond_luck else "no more than strangers would")
    raise SystemExit(1 if found.beyond_luck else 0)


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


@main.group(cls=Systems)
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
    from auditor.report import study as report
    from auditor.study import FAULTS, run

    _writable(out.parent)
    report.refuse_others(out)
    with engine(jobs, dask) as workers, _progress(quiet) as progress:
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
    from auditor.attacks.schooling import school
    from auditor.audit import choose_device
    from auditor.config import load_recipe
    from auditor.engine import engine

    if out.suffix != ".safetensors":
        raise ConfigError(f"--out {out}: wanted a name that ends in .safetensors")
    _writable(out.parent)
    recipe = load_recipe(config)
    with engine(jobs, dask) as workers, _progress(quiet) as progress:
        card = school(folders, out, recipe, seed, choose_device(device), workers, progress)
    if not quiet:
        click.echo(f"taught on {card['people']} people: {out}")


@main.group()
def datasets() -> None:
    """The catalogue of public ECG data sets."""


@datasets.command("list")
def list_() -> None:
    """What the catalogue knows: name, title, licence, people and records."""
    from auditor.data.catalog import catalogue

    for entry in catalogue():
        counts = ", ".join(f"{n} {name}" for name, n in sorted(entry.expected_counts.items()))
        click.echo(f"{entry.name:18} {entry.title} ({entry.licence or 'licence not stated'})")
        if counts:
            click.echo(f"{'':18} {counts}")


@datasets.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def fetch(name: str, folder: Path, quiet: bool) -> None:
    """Download the data set NAME from PhysioNet into FOLDER; what is there already is kept.

    \b
    auditor datasets fetch ecgiddb data/ecgiddb
    """
    from auditor.data.catalog import entry
    from auditor.data.fetch import fetch as download

    _writable(folder)
    with _progress(quiet) as progress:
        download(entry(name), folder, lambda done, total: progress(name, done, total))
    click.echo(folder)


@datasets.command()
@click.argument("folder", type=FOLDER)
def verify(folder: Path) -> None:
    """Compare the files in FOLDER with the SHA-256 list their publisher ships."""
    from auditor.data.fetch import verify as compare

    problems = compare(folder)
    for file, problem in problems:
        click.echo(f"{file}: {problem}")
    click.echo("all files agree" if not problems else f"{len(problems)} files disagree", err=True)
    raise SystemExit(1 if problems else 0)


def _scan(dataset: Path, out: Path, quiet: bool, flags: dict[str, Any]) -> Audit:
    """Run an audit, showing findings as they are made, and write its two files at the end."""
    _writable(out)
    with _progress(quiet) as progress:
        progress("starting", 0, 0)
        from auditor.audit import Run, run
        from auditor.core.finding import Audit
        from auditor.report import html, json

        names = ("profile", "preset", "device", "seed", "jobs", "dask", "models")
        settings: Run = Run.of(**{name: flags.pop(name) for name in names if name in flags})
        audit: Audit | None = None
        for step in run(dataset, settings, flags, progress):
            if isinstance(step, Audit):
                audit = step
            elif not quiet:
                _say_finding(step)
        assert audit is not None
        # Both are made whole before either takes its place.
        with tempfile.TemporaryDirectory(dir=out, prefix=".writing-") as folder:
            json.write(audit, Path(folder) / "audit.json")
            html.write(audit, Path(folder) / "report.html")
            for name in ("audit.json", "report.html"):
                os.replace(Path(folder) / name, out / name)
    return audit


def _writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written to ({error.strerror}); name another folder with --out"
        ) from None


def _say_finding(finding: Finding) -> None:
    line = f"{finding.status:9} {finding.id}"
    if finding.status != "measured":
        line += f": {finding.reason}"
    elif (estimate := finding.estimates.get("rank1")) is not None:
        line += (
            f": rank-1 {estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}), "
            f"guessing {estimate.chance:.1%}"
        )
    click.echo(line, err=True)


def _say_verdict(audit: Audit, out: Path, quiet: bool) -> None:
    if quiet:
        return
    for rule in audit.verdict.rules:
        click.echo(f"{rule.outcome:13} {rule.id}: {rule.reason}")
    click.echo(f"\n{audit.verdict.outcome.upper()} under profile {audit.profile['name']}")
    click.echo(f"Report: {out / 'report.html'}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """A progress line on stderr for whatever is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        line = bar.add_task("", total=None)

        def show(task: str, done: int, total: int) -> None:
            fresh = bar.tasks[0].description != task
            if fresh:
                bar.reset(line, description=task, total=total or None)
            bar.update(line, completed=done, total=total or None)

        yield show
