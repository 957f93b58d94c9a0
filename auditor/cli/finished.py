"""Commands on a finished audit: its audit.json is all they read."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.flags import FILE, writable
from auditor.cli.verdict import exit_status, gated, say


@click.command()
@click.argument("audit", type=FILE)
@click.option("--profile", default="public", show_default=True, help="A profile or a YAML file.")
@gated
def gate(
    audit: Path,
    profile: str,
    waivers: Path | None,
    baseline: Path | None,
    show: str,
    fail_on: str,
) -> None:
    """Judge a finished AUDIT (an audit.json) under a profile, and exit with its status.

    The findings are judged anew; what AUDIT says its verdict was is not asked.

    \b
    auditor gate report/audit.json --profile registered
    auditor gate report/audit.json --waivers waivers.yaml
    auditor gate report/audit.json --baseline last/audit.json --show unsettled
    """
    from datetime import date

    from auditor.config import load_profile, load_waivers
    from auditor.report import json
    from auditor.risk.policy import judge_again

    chosen = load_profile(profile)
    verdict = judge_again(
        json.read(audit),
        chosen,
        waivers=load_waivers(waivers) if waivers else (),
        today=date.today(),
        baseline=json.read(baseline) if baseline else None,
    )
    say(verdict, chosen.name, show)
    raise SystemExit(exit_status(verdict, fail_on))


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
