"""Commands on a finished audit: its audit.json is all they read."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.flags import FILE, writable


@click.command()
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


@click.command()
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
    writable(page.parent)
    html.write(json.read(audit), page)
    click.echo(page)
