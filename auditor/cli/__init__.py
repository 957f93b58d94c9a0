"""The command line: the only place that prints or exits.

Exit status: 0 every required rule passed; 1 a rule failed; 2 not completed; 3 nothing failed, but
a required rule was inconclusive or not assessed.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from auditor import __version__
from auditor.cli.catalogue import datasets
from auditor.cli.clean import clean
from auditor.cli.evidence import bundle, verify
from auditor.cli.finished import compare, explain, gate, report
from auditor.cli.plan import plan
from auditor.cli.release import demo, features, hook, inspect, link, scan, simulate
from auditor.cli.train import train
from auditor.core.errors import AuditorError


class Cli(click.Group):
    """Exit 1 is kept for a failed rule; every failure of ours is 2, in one line."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line; it is here that help and version are printed."""
        with _failures():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _failures():
            return super().invoke(ctx)


@contextmanager
def _failures() -> Iterator[None]:
    """Exit with 2 where something fails: what a user can mend is one line, a bug is a traceback."""
    try:
        yield
        return
    except click.ClickException as error:
        error.show()
    except click.exceptions.Exit:
        raise
    except AuditorError as error:
        click.echo(f"Error: {' '.join(str(error).split())}", err=True)
        if click.get_current_context().find_root().params.get("debug"):
            traceback.print_exc()
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing was written.", err=True)
    except BrokenPipeError:
        _drop_output()  # Whoever read it has seen enough.
    except OSError as error:
        # A full disk, a lost share: nothing that a report of a bug would mend.
        click.echo(f"Error: {error.filename or 'a file'}: {error.strerror or error}", err=True)
        _drop_output()
    except Exception:
        traceback.print_exc()
        click.echo("Error: auditor itself broke; please report the lines above.", err=True)
    raise click.exceptions.Exit(2)


def _drop_output() -> None:
    """Print nothing more where nothing can be printed: what still waits to be would fail again when
    the interpreter ends, with a status of its own.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditor")
@click.option("--debug", is_flag=True, help="Log every step, with record names, to stderr.")
def main(debug: bool) -> None:
    """Measure how far ECG recordings give people away, before they leave the building.

    \b
    auditor demo                        see what a report looks like
    auditor inspect DATASET             what would be believed of a folder
    auditor plan DATASET                what a scan can settle, and what it takes
    auditor features DATASET            measure its heartbeats, and nothing more
    auditor scan DATASET --out report   attack it, and write report/report.html
    auditor clean DATASET OUT           copy it without identifiers, its signals untouched
    auditor explain RULE                what a rule, a finding or a number means
    """
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING)
    if not debug:
        # What the libraries underneath have to say would stand beside people's data.
        logging.getLogger().setLevel(logging.ERROR)


for _command in (
    *(bundle, clean, compare, datasets, demo, explain, features, gate, hook),
    *(inspect, link, plan, report, scan, simulate, train, verify),
):
    main.add_command(_command)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what completes commands and flags in SHELL.

    \b
    auditor completion bash > ~/.local/share/bash-completion/completions/auditor
    auditor completion zsh > ~/.zfunc/_auditor
    auditor completion fish > ~/.config/fish/completions/auditor.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "auditor", "_AUDITOR_COMPLETE").source())
