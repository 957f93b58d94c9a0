"""The command that copies a release without identifiers."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.flags import FOLDER, described, progress_line, worked

if TYPE_CHECKING:
    from auditor.mitigation.copy import Copied


@click.command()
@click.argument("dataset", type=FOLDER)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The secret that pseudonyms and dates come from, OUT.key if not given: read where it is "
    "there, else made. Keep it apart from the copy.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would go, by kind and number, and write nothing."
)
@worked
@described
def clean(
    dataset: Path,
    out: Path,
    key_file: Path | None,
    dry_run: bool,
    quiet: bool,
    jobs: int,
    dask: str | None,
    **flags: str | None,
) -> None:
    """Copy DATASET to OUT without identifiers, its signals untouched.

    Names of records and people become pseudonyms of a secret key, dates move by a number of days
    for each person, ages over 89 become one group, archives are unpacked, and whatever is not
    understood is left out and said. Whoever holds the key can link the copy with its original;
    nobody else can by its names.

    \b
    auditor clean export/ release/ --dry-run
    auditor clean export/ release/ --key ~/keys/export.key
    """
    from auditor.engine import engine
    from auditor.mitigation.copy import check_out, key_at, written
    from auditor.mitigation.copy import clean as copy
    from auditor.mitigation.unpacked import unpacked
    from auditor.targets.release import Release

    check_out(dataset, out)
    key_file = key_file or out.absolute().with_name(f"{out.absolute().name}.key")
    is_new = not key_file.exists()
    key = key_at(key_file, dataset, out)
    with (
        engine(jobs, dask) as workers,
        progress_line(quiet) as progress,
        unpacked(dataset, Path(tempfile.gettempdir(), out.name) if dry_run else out) as root,
    ):
        release = Release.open(root, workers, flags=flags, progress=progress)
        with written(key, key_file, out) if is_new and not dry_run else nullcontext():
            account = copy(release, out, key, dry_run=dry_run)
    if quiet:
        return
    for line in _told(account, out, dry_run):
        click.echo(line)
    if not dry_run:
        click.echo(f"key          {key_file}: keep it, apart from the copy")


def _told(account: Copied, out: Path, dry_run: bool) -> list[str]:
    formats = ", ".join(f"{name} ({n})" for name, n in sorted(account.formats.items()))
    return [
        f"{'would write' if dry_run else 'wrote'}  {account.n_records} records of "
        f"{account.n_people} people in {out}: {formats}",
        *(f"gone         {n:>7,} {what}" for what, n in sorted(account.gone.items())),
        *(f"left out     {n:>7,} {what}" for what, n in sorted(account.left_out.items())),
    ]
