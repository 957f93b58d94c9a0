"""What commands share: flags, the line of progress, a folder that must be writable."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from auditor.core.errors import ConfigError

if TYPE_CHECKING:
    from auditor.targets.release import Progress

Command = TypeVar("Command", bound=Callable[..., Any])


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def described(command: Command) -> Command:
    """The flags that describe a folder which no catalogue entry recognises."""
    for name, help_text in reversed(
        [
            ("--reader", "The one format that is read, e.g. wfdb; every known one if not given."),
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
    said = "Say nothing but errors, and what was asked for."
    command = click.option("--quiet", is_flag=True, help=said)(command)
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
                "Who receives the release: public, registered, enclave, hipaa-safe-harbor, or a "
                "YAML file.",
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


def writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written to ({error.strerror}); name another folder with --out"
        ) from None


@contextmanager
def progress_line(quiet: bool) -> Iterator[Progress]:
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
