"""The command that says before a scan what it can settle, and what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli.flags import FOLDER, described, judged, progress_line, worked

if TYPE_CHECKING:
    from auditor.audit import Rehearsal, Run
    from auditor.policy.prospects import Prospect

#: People whose recordings are audited to see how long it takes.
_TRIED = 12


@click.command()
@click.argument("dataset", type=FOLDER)
@judged
@worked
@described
def plan(dataset: Path, quiet: bool, **flags: Any) -> None:
    """Say which rules a release of the size of DATASET can pass at all, and what a scan takes.

    A rule passes where even the upper end of an interval is within its limit, and an interval of
    few people is wide: among too few no result passes. How long a scan takes is seen by a scan of
    twelve of the people, on this machine, which takes a minute or several; nothing of what it finds
    is told, and no report is written. A search by what is kept (scan --probes) is not planned.

    \b
    auditor plan release/
    auditor plan release/ --profile registered --preset quick
    """
    from auditor.audit import Run, rehearse
    from auditor.data.protocols import people_searched
    from auditor.engine import engine
    from auditor.policy.prospects import prospects
    from auditor.targets.release import Release

    names = ("profile", "preset", "device", "seed", "jobs", "dask")
    settings: Run = Run.of(**{name: flags.pop(name) for name in names})
    with engine(settings.jobs, settings.dask) as workers, progress_line(quiet) as progress:
        release = Release.open(
            dataset,
            workers,
            flags=flags,
            max_seconds=settings.preset.max_seconds,
            progress=progress,
            fewest=settings.profile.minimum_cell,
        )
        records = release.dataset.manifest
        coming = prospects(
            settings.profile,
            lambda protocol: people_searched(records, protocol or "cross-session"),
            settings.preset.linkage_views,
        )
        click.echo(f"Under the profile {settings.profile.name}, whatever is found:")
        for line in told(coming, settings.preset.name):
            click.echo(f"  {line}")
        taken = rehearse(release, settings, _TRIED)
    for line in _taken(taken, settings):
        click.echo(line)


def told(coming: list[Prospect], preset: str) -> list[str]:
    """What rules can come to, a line for each."""
    lines = []
    for one in coming:
        if one.lacking:
            what = f"cannot pass under the preset {preset}: it leaves out {', '.join(one.lacking)}"
        elif not one.n:
            what = (
                "cannot pass: nobody has recordings of two occasions; scan --probes takes what is "
                "kept of the same people"
            )
        elif not one.possible:
            what = f"cannot pass with {one.n} people to search for; {one.needed} are needed"
        elif one.n < one.likely:
            what = (
                f"can pass with {one.n} people; where nothing gives them away it is likely to from "
                f"{one.likely} on"
            )
        else:
            what = f"can pass with {one.n} people"
        lines.append(f"{one.rule.id}: {what}")
    return lines or ["it asks nothing that takes many people"]


def _taken(taken: Rehearsal, settings: Run) -> list[str]:
    times = taken.of / taken.n_records
    total = sum(taken.seconds.values())
    longest = sorted(taken.seconds.items(), key=lambda one: -one[1])[:3]
    shares = ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in longest)
    where = "in one process" if settings.jobs == 1 else f"in {settings.jobs} processes"
    where = "on this cluster" if settings.dask else where
    return [
        f"Under the preset {settings.preset.name}, "
        f"as {taken.n_records} of {taken.of} recordings took:",
        f"  time: about {_duration(total * times)} {where} ({shares}); where a rule would pass, "
        "its attacks are then put to the proof, which takes longer than they did",
        f"  memory: {taken.peak_bytes / 1e9:.1f} GB for these, and more for more",
        f"  disk: about {taken.kept_bytes * times / 1e6:,.0f} MB in the folder of intermediate "
        "results",
    ]


def _duration(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
