"""Commands on a finished audit: its audit.json is all they read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.flags import FILE, writable
from auditor.cli.verdict import exit_status, gated, say
from auditor.core.errors import ConfigError
from auditor.core.formatting import amount
from auditor.report.formats import FORMATS

if TYPE_CHECKING:
    from auditor.policy.baseline import Change


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

    from auditor.policy.judge import judge_again
    from auditor.policy.profile import load_profile
    from auditor.policy.waivers import load_waivers
    from auditor.report import json

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
    "--format",
    "formats",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    default=("html",),
    show_default=True,
    help="What to draw; may be given again.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A folder, or for one format a file. Default: beside AUDIT.",
)
def report(audit: Path, formats: tuple[str, ...], out: Path | None) -> None:
    """Draw a finished AUDIT (an audit.json) again: for people, and for machines.

    html is the page; sarif and junit are for CI, and hold every rule; markdown is for the summary
    of a job; csv holds every estimate; croissant and huggingface are what a data set's own
    description should say of it.

    \b
    auditor report report/audit.json --out page.html
    auditor report report/audit.json --format sarif --format junit
    auditor report report/audit.json --format markdown --out summary.md
    """
    from auditor.core import files
    from auditor.report import json

    formats = tuple(dict.fromkeys(formats))
    to_file = out and len(formats) == 1 and (out.is_file() or out.suffix) and not out.is_dir()
    folder = out.parent if out and to_file else out or audit.parent
    paths = [out if out and to_file else folder / FORMATS[name].file for name in formats]
    if audit.resolve() in (path.resolve() for path in paths):
        raise ConfigError(f"{audit}: is the audit itself; name another file with --out")
    writable(folder)
    finished = json.read(audit)
    for name, path in zip(formats, paths, strict=True):
        files.replace(path, FORMATS[name].render(finished))
        click.echo(path)


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--profile", help="Judge both by this profile or YAML file; default: by NEW's own.")
def compare(old: Path, new: Path, profile: str | None) -> None:
    """What changed between two audits, OLD and NEW (audit.json files).

    Both are judged anew. A number changed when its intervals do not touch. Exit status 1 when a
    required rule is worse: it fails by a finding that did not fail, or further beyond the limit
    than intervals explain, or what was measured is not any more. Waivers are not asked.

    \b
    auditor compare before/audit.json after/audit.json
    """
    from auditor.policy import judge
    from auditor.policy.baseline import changes
    from auditor.policy.profile import load_profile, recorded_profile
    from auditor.report import json

    then, now = json.read(old), json.read(new)
    if profile is not None:
        chosen = load_profile(profile)
    else:
        try:
            chosen = recorded_profile(now.profile)
        except ConfigError as error:
            raise ConfigError(f"{new}: {error}, or name one with --profile") from None
    compared = judge.compare(then, now, chosen)
    if (names := [one.release["name"] for one in (then, now)])[0] != names[1]:
        click.echo(f"Of two releases: {names[0]} and {names[1]}.\n")
    click.echo(f"Rules of profile {chosen.name}")
    for one in compared:
        was, is_ = (each.outcome if each else "not asked" for each in (one.then, one.now))
        note = "" if one.rule.required else " (not required)"
        click.echo(f"  {was:13} → {is_:13} {one.rule.id}{note}")
        for worse in one.worse:
            click.echo(f"{'':33}worse: {worse}")
    _say_numbers(changes(now.findings, then.findings), {one.rule.estimate for one in compared})
    _say_names("New", sorted({one.id for one in now} - {one.id for one in then}))
    _say_names("Gone", sorted({one.id for one in then} - {one.id for one in now}))
    worse_off = [one.rule.id for one in compared if one.rule.required and one.worse]
    said = f"WORSE: {', '.join(worse_off)}" if worse_off else "No required rule is worse."
    click.echo(f"\n{said}")
    raise SystemExit(1 if worse_off else 0)


@click.command()
@click.argument("name", metavar="RULE|FINDING", required=False)
@click.option("--audit", type=FILE, help="The audit.json that the rule or the finding is of.")
def explain(name: str | None, audit: Path | None) -> None:
    """What a rule, a finding, a check or a number means, and where its limit comes from.

    Without a name, lists what can be explained.

    \b
    auditor explain linkage-cross-session
    auditor explain max_risk
    auditor explain linkage/adapted/cross-session --audit report/audit.json
    """
    from auditor.report import explain as texts
    from auditor.report import json

    of = json.read(audit) if audit else None
    if name is None:
        for kind, names in texts.explained(of).items():
            click.echo(f"{kind}:\n{_wrapped('  '.join(names))}")
        return
    told = texts.explain(name, of)
    click.echo(told.title)
    for heading, paragraphs in told.sections:
        click.echo(f"\n{heading}")
        for paragraph in paragraphs:
            click.echo(_wrapped(paragraph))


def _wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, 88, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def _say_numbers(every: Sequence[Change], asked: set[str]) -> None:
    """The numbers that changed, and those that rules ask for."""
    from auditor.policy import words

    moved = [one for one in every if one.moved]
    click.echo(f"\nNumbers that changed beyond their intervals: {len(moved)} of {len(every)}")
    for one in [*moved, *(one for one in every if not one.moved and one.name in asked)]:
        metric = words.metric(one.finding.split("/")[0], one.name)
        then, now = (
            f"{amount(each.value, metric.unit)} "
            f"({amount(each.low, metric.unit)} to {amount(each.high, metric.unit)})"
            for each in (one.then, one.now)
        )
        told = {1: "up", -1: "down", 0: "no change"}[one.moved]
        if one.moved and metric.role in ("attack", "exposure"):
            higher = one.moved > 0
            told += ", worse" if higher == (metric.worse == "higher") else ", better"
        click.echo(f"  {one.finding} {one.name}: {then} → {now}, {told}")


def _say_names(what: str, names: Sequence[str]) -> None:
    if names:
        click.echo(f"\n{what} findings: {len(names)}")
        for name in names:
            click.echo(f"  {name}")
