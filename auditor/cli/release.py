"""Commands on a folder of recordings."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli.flags import FILE, FOLDER, described, judged, progress_line, worked, writable
from auditor.cli.verdict import exit_status, gated, say
from auditor.core.errors import ConfigError, DataError
from auditor.core.files import atomic_write
from auditor.core.finding import EXIT_STATUS

if TYPE_CHECKING:
    from auditor.audit import Run
    from auditor.checks.cross_release.check import Links
    from auditor.core.finding import Audit, Finding
    from auditor.data.dataset import Dataset


@click.command()
@click.argument("dataset", type=FOLDER)
@click.option(
    "--model",
    "models",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A model that is released too: trees (.json, .ubj), .onnx, or what `auditor train` wrote. "
    "May be given again.",
)
@click.option(
    "--public",
    type=FILE,
    help="A table that somebody may hold (CSV, TSV, .xlsx): whom of DATASET does one row of it "
    "fit, by sex, age or birth, and date?",
)
@click.option(
    "--probes",
    type=FOLDER,
    help="A folder of recordings of the same people that are kept: they are an intruder's, who "
    "looks for those people in DATASET.",
)
@judged
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("auditor-report"),
    show_default=True,
    help="Folder for report.html and audit.json.",
)
@gated
@worked
@described
def scan(dataset: Path, out: Path, show: str, fail_on: str, quiet: bool, **flags: Any) -> None:
    """Audit DATASET, a folder of ECGs, and write its report.

    With --model, the models that are released with it are audited too: whom they were trained on,
    and what they give away. A model.yaml beside a model says who its members are; with
    --preset full, the clinical systems that anybody could train on DATASET are trained and audited.

    \b
    auditor scan release/
    auditor scan release/ --model af.json --model encoder/
    auditor scan release/ --profile registered --preset quick --out report
    auditor scan release/ --public register.csv
    auditor scan release/ --probes kept/
    auditor scan release/ --waivers waivers.yaml --baseline last/audit.json --show failed
    auditor scan export/ --subject-pattern 'p(\\d+)/' --session-pattern 's(\\d+)'
    """
    audit = _scan(dataset, out, quiet, flags)
    _say_verdict(audit, out, quiet, show)
    raise SystemExit(exit_status(audit.verdict, fail_on))


class _OfFiles(click.Command):
    """A command whose arguments a repository names: a file called like a flag must not be one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is both a flag and a file, unless `--` stands before it."""
        for arg in args[: args.index("--")] if "--" in args else args:
            if arg.startswith("-") and os.path.lexists(arg):
                raise ConfigError(f"{arg}: is a flag, and a file here; give files after --")
        return super().parse_args(ctx, args)


@click.command(cls=_OfFiles)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1)
@judged
@gated
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("auditor-report"),
    show_default=True,
    help="Folder for the reports, one folder for each data set.",
)
@worked
def hook(
    files: tuple[Path, ...], out: Path, show: str, fail_on: str, quiet: bool, **flags: Any
) -> None:
    """Scan the data sets that changed FILES belong to, as a pre-commit hook does.

    Run in the top folder of a data repository. A file of DVC, git-annex or Git LFS stands for what
    it points to, which must be here. A file that is not here is refused: name none that the change
    removes. Exit status is the worst of the scans'; 3 where a file is in no folder of recordings
    and is no code or manual, so that nothing was looked for in it; 0 where no data changed.

    \b
    git diff --cached --name-only -z --diff-filter=d | xargs -0 -r auditor hook --
    auditor hook recordings.dvc --profile registered --preset quick
    """
    from auditor.data.changed import changed_datasets

    changed = changed_datasets(files, Path.cwd())
    folders = changed.datasets
    for stray in changed.strays:
        name = stray.relative_to(Path.cwd().resolve())
        click.echo(f"{name}: not scanned: it lies in no folder of recordings", err=True)
    if folders:
        writable(out)
        # Reports are of the repository, and not in it.
        (out / ".gitignore").write_text("*\n", encoding="utf-8")
    statuses = []
    for folder in folders:
        name = folder.relative_to(Path.cwd().resolve())
        place = out / (name if len(folders) > 1 else "")
        if not quiet:
            click.echo(f"{name}:")
        audit = _scan(folder, place, quiet, dict(flags))
        _say_verdict(audit, place, quiet, show)
        statuses.append(exit_status(audit.verdict, fail_on))
    if changed.strays:
        statuses.append(EXIT_STATUS["not assessed"])
    # A failed rule outranks one that is not settled.
    raise SystemExit(min((one for one in statuses if one), default=0))


@click.command()
@click.argument("dataset", type=FOLDER)
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Start a descriptor: what is believed, as an auditor.yaml to correct.",
)
@click.option(
    "--json",
    "counts",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the counts, and all that was not understood, as JSON.",
)
@click.option(
    "--identifiers",
    is_flag=True,
    help="Also show what identifies, or may, and where it stands.",
)
@worked
@described
def inspect(
    dataset: Path,
    write: Path | None,
    counts: Path | None,
    identifiers: bool,
    quiet: bool,
    jobs: int,
    dask: str | None,
    **flags: str | None,
) -> None:
    """Show what would be believed of DATASET: format, people, sessions, labels, defects; what each
    file is, and what was not understood.

    This page names records and people: it is for the steward's own screen.

    \b
    auditor inspect export/
    auditor inspect export/ --identifiers
    auditor inspect export/ --json inspected.json
    auditor inspect export/ --subject-pattern 'p(\\d+)/' --write export/auditor.yaml
    """
    from auditor.data.catalog import describe, write_descriptor
    from auditor.data.dataset import open_dataset
    from auditor.data.inspection import inspected, inspection, proposed
    from auditor.engine import engine

    descriptor = describe(dataset, **{key: value for key, value in flags.items() if value})
    with engine(jobs, dask) as workers, progress_line(quiet) as progress:
        progress("reading", 0, 0)
        opened = open_dataset(
            dataset,
            descriptor,
            engine=workers,
            progress=lambda done, total: progress("reading", done, total),
        )
    for line in (*inspection(opened), "", *_prospects(opened)):
        click.echo(line)
    if identifiers:
        from auditor.checks.identifiers.places import listed

        click.echo()
        for line in listed(opened):
            click.echo(line)
    if counts:
        writable(counts.parent)
        with atomic_write(counts) as file:
            file.write(json.dumps(inspected(opened), indent=1, ensure_ascii=False).encode() + b"\n")
        click.echo(f"Wrote {counts}", err=True)
    if write:
        write_descriptor(proposed(opened), write)
        click.echo(f"Wrote {write}", err=True)


def _prospects(opened: Dataset) -> list[str]:
    """What a release of this size can come to under the default profile."""
    from auditor.cli.plan import told
    from auditor.data.protocols import people_searched
    from auditor.policy.profile import load_profile
    from auditor.policy.prospects import prospects

    def people(protocol: str | None) -> int:
        return people_searched(opened.manifest, protocol or "cross-session")

    public = load_profile("public")
    tried = {one for rule in public.rules for one in rule.rungs}
    lines = told(prospects(public, people, tried), "")
    return [f"public       {line}" for line in lines]


@click.command()
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
    from auditor.signal.feature_table import write_features

    if beats and beats.resolve() == out.resolve():
        raise ConfigError(f"--out and --beats both name {out}; name two files")
    for file in (out, beats):
        if file:
            writable(file.parent)
    descriptor = describe(dataset, **{key: value for key, value in flags.items() if value})
    with engine(jobs, dask) as workers, progress_line(quiet) as progress:
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


@click.command()
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

    \b
    auditor demo
    auditor demo --people 60 --out /tmp/demo
    """
    from auditor.simulate.population import Population

    writable(out)
    population = Population(n_subjects=people, n_records=2, leads=("I", "II"), fs=500.0)
    with progress_line(quiet) as progress:
        progress("simulating a hospital", 0, 0)
        population.write(out / "hospital")
    flags = {"profile": "public", "preset": "demo", "device": "cpu", "seed": 0}
    audit = _scan(out / "hospital", out, quiet, {**flags, "jobs": 1, "dask": None})
    _say_verdict(audit, out, quiet=False)


@click.command()
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
    from auditor.simulate.population import Population

    if tables and pictures:
        raise ConfigError("--tables and --pictures are both given; choose one")
    writable(folder)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; name a new folder")
    if tables:
        from auditor.simulate.hospital import Hospital

        with progress_line(quiet=False) as progress:
            Hospital(people, seed=seed).write(
                folder, lambda done, total: progress("writing tables", done, total)
            )
        click.echo(f"tables of {people} people in {folder}")
        return
    if pictures:
        from auditor.simulate.pairs import PairedPopulation

        with progress_line(quiet=False) as progress:
            PairedPopulation(people, sessions, identity=knobs["identity"], seed=seed).write(
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


@click.command()
@click.argument("a", type=FOLDER)
@click.argument("b", type=FOLDER)
@click.option(
    "--pairs",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write who looks like whom to this CSV file. It names people: not for release.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write report.html and audit.json, an audit of B, to this folder.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result."
)
@worked
@described
def link(
    a: Path,
    b: Path,
    pairs: Path | None,
    out: Path | None,
    device: str,
    seed: int,
    quiet: bool,
    jobs: int,
    dask: str | None,
    **flags: str | None,
) -> None:
    """Are people of A in B?

    Two releases that must not be joined are read by a network that knows neither, in the leads
    they share, at whatever rate and gain. Exit status 1 when more people of B look like somebody
    of A than strangers would.

    \b
    auditor link release-2025/ release-2026/
    auditor link hospital/ public/ --pairs pairs.csv --out link/
    """
    from auditor import audit as run
    from auditor.engine import engine
    from auditor.targets.release import Release

    if pairs:
        writable(pairs.parent)
    if out:
        writable(out)
    seen: list[Links] = []
    settings = run.Run.of("link", device=device, seed=seed, jobs=jobs, dask=dask)
    with engine(jobs, dask) as workers, progress_line(quiet) as progress:
        first, second = (
            Release.open(folder, workers, flags=flags, progress=progress) for folder in (a, b)
        )
        audit = run.link(first, second, settings, seen.append)
    (finding,) = audit.findings
    if finding.status != "measured":
        raise DataError(f"{b}: {finding.reason}")
    if out:
        _write(audit, out)
    if pairs:
        from auditor.report.csv import inert

        table = seen[0].pairs.map(lambda cell: inert(cell) if isinstance(cell, str) else cell)
        with atomic_write(pairs) as file:
            table.to_csv(file, index=False)
    in_both = audit.verdict.outcome == "fail"
    if not quiet:
        links = seen[0]
        click.echo(
            f"{links.n_claimed} of {len(links.pairs)} people of B look like somebody of A's "
            f"{links.n_other}, in {', '.join(links.leads)}; of {links.n_decoys} strangers "
            f"{links.fpir:.1%} do"
        )
        click.echo("PEOPLE IN BOTH" if in_both else "no more than strangers would")
    raise SystemExit(1 if in_both else 0)


def _scan(dataset: Path, out: Path, quiet: bool, flags: dict[str, Any]) -> Audit:
    """Run an audit, showing findings as they are made, and write its two files at the end."""
    writable(out)
    with progress_line(quiet) as progress:
        progress("starting", 0, 0)
        from auditor.audit import Run, run
        from auditor.core.finding import Audit

        names = (
            *("profile", "preset", "device", "seed", "jobs", "dask", "models"),
            *("waivers", "baseline", "public", "probes"),
        )
        settings: Run = Run.of(**{name: flags.pop(name) for name in names if name in flags})
        audit: Audit | None = None
        for step in run(dataset, settings, flags, progress):
            if isinstance(step, Audit):
                audit = step
            elif not quiet:
                _say_finding(step)
        assert audit is not None
        _write(audit, out)
    return audit


def _write(audit: Audit, out: Path) -> None:
    """The audit and its page; both are made whole before either takes its place."""
    from auditor.report import html, json

    with tempfile.TemporaryDirectory(dir=out, prefix=".writing-") as folder:
        json.write(audit, Path(folder) / "audit.json")
        html.write(audit, Path(folder) / "report.html")
        for name in ("audit.json", "report.html"):
            os.replace(Path(folder) / name, out / name)


def _say_finding(finding: Finding) -> None:
    from auditor.core.formatting import amount, interval
    from auditor.policy import words

    line = f"{finding.status:9} {finding.id}"
    known_by = (one for one in words.about(finding.check).headline if one in finding.estimates)
    if finding.status != "measured":
        line += f": {finding.reason}"
    elif name := next(known_by, None):
        metric, estimate = words.metric(finding.check, name), finding.estimates[name]
        value, low, high = interval(estimate, metric.unit)
        line += f": {metric.title.lower()} {value} ({low} to {high})"
        if estimate.chance is not None:
            line += f", guessing {amount(estimate.chance, metric.unit)}"
    click.echo(line, err=True)


def _say_verdict(audit: Audit, out: Path, quiet: bool, show: str = "all") -> None:
    if quiet:
        return
    say(audit.verdict, audit.profile["name"], show)
    click.echo(f"Report: {out / 'report.html'}")
