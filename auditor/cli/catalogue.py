"""`auditor datasets`: the catalogue of public ECG data sets."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.flags import FOLDER, progress_line, writable


@click.group()
def datasets() -> None:
    """The catalogue of public ECG data sets."""


@datasets.command("list")
def list_() -> None:
    """What the catalogue knows: name, title, licence, people and records.

    \b
    auditor datasets list
    """
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

    writable(folder)
    with progress_line(quiet) as progress:
        download(entry(name), folder, lambda done, total: progress(name, done, total))
    click.echo(folder)


@datasets.command()
@click.argument("folder", type=FOLDER)
def verify(folder: Path) -> None:
    """Compare the files in FOLDER with the SHA-256 list their publisher ships.

    Exit status 1 where one differs or is missing.

    \b
    auditor datasets verify data/ecgiddb
    """
    from auditor.data.fetch import verify as compare

    problems = compare(folder)
    for file, problem in problems:
        click.echo(f"{file}: {problem}")
    click.echo("all files agree" if not problems else f"{len(problems)} files disagree", err=True)
    raise SystemExit(1 if problems else 0)
