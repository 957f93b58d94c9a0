"""How a verdict is said, and with which status a command ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from auditor.cli.flags import FILE, Command

if TYPE_CHECKING:
    from auditor.core.finding import Outcome, Ruling, Verdict

#: What `--show` lets through; what fails is never left out.
_SHOWN: dict[str, set[Outcome]] = {
    "all": {"pass", "fail", "inconclusive", "not assessed"},
    "unsettled": {"fail", "inconclusive", "not assessed"},
    "failed": {"fail"},
}


def gated(command: Command) -> Command:
    """The flags of whatever ends with a verdict: what is accepted, what is said, what it closes."""
    options: list[tuple[str, dict[str, Any]]] = [
        (
            "--waivers",
            {
                "type": FILE,
                "help": "A YAML file of failures somebody accepts: a list of rule, finding, owner, "
                "reason, expires. One that has expired, or that nothing fails by, fails.",
            },
        ),
        (
            "--baseline",
            {
                "type": FILE,
                "help": "An earlier audit.json of this release: what failed there, no better, is "
                "known and does not count.",
            },
        ),
        (
            "--show",
            {
                "type": click.Choice(list(_SHOWN)),
                "default": "all",
                "help": "Which rules are printed. It changes no file and no exit status.",
            },
        ),
        (
            "--fail-on",
            {
                "type": click.Choice(["fail", "unsettled"]),
                "default": "unsettled",
                "help": "What does not end with 0: a failure, or also a required rule that is not "
                "settled. It changes no file.",
            },
        ),
    ]
    for name, settings in reversed(options):
        command = click.option(name, show_default="default" in settings, **settings)(command)
    return command


def say(verdict: Verdict, profile: str, show: str) -> None:
    """Print the rules of a verdict that are to be shown, and the verdict."""
    shown = [rule for rule in verdict.rules if rule.outcome in _SHOWN[show]]
    for rule in shown:
        click.echo(f"{rule.outcome:13} {rule.id}{_note(rule)}: {rule.reason}")
        for waiver in rule.waived:
            click.echo(f"{'':13} waived until {waiver.expires}: {waiver.finding} ({waiver.owner})")
    if hidden := len(verdict.rules) - len(shown):
        click.echo(f"{hidden} more not shown")
    told = f"{verdict.outcome.upper()} under profile {profile}"
    if accepted := sum(rule.required and rule.accepted for rule in verdict.rules):
        told += f", with {accepted} failed and accepted"
    click.echo(f"\n{told}")


def exit_status(verdict: Verdict, fail_on: str) -> int:
    """The status a command ends with; where it lets through what is not settled, that is said."""
    status = verdict.exit_status
    if status == 3 and fail_on == "fail":
        click.echo(
            "Exit status 0 in place of 3: --fail-on fail lets an open rule through.", err=True
        )
        return 0
    return status


def _note(rule: Ruling) -> str:
    notes = [
        *["not required"] * (not rule.required),
        *["waived"] * bool(rule.waived),
        *["known"] * rule.known,
    ]
    return f" ({', '.join(notes)})" if notes else ""
