"""The run: settings in, findings out, one at a time, and the verdict over them."""

from __future__ import annotations

import platform
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from auditor import __version__
from auditor.checks import registry
from auditor.checks.base import OnRecordings, Settings
from auditor.checks.competence.check import prove
from auditor.checks.cross_release.check import CrossRelease, Links
from auditor.checks.duplicates.kept import NamesOfKept
from auditor.checks.run import run_check
from auditor.checks.training.check import untrained as training
from auditor.checks.uniqueness.public import read_public
from auditor.config import Preset, load_preset
from auditor.core.errors import ConfigError, DataError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Audit, Finding, Waiver
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.core.unread import by_kind
from auditor.data.dataset import Dataset
from auditor.data.leads import not_attacked
from auditor.data.protocols import unmet
from auditor.engine import Engine, engine
from auditor.policy import words
from auditor.policy.judge import judge, refuse_other
from auditor.policy.profile import Profile, load_profile
from auditor.policy.proofs import competence_needed, limits_of
from auditor.policy.waivers import load_waivers
from auditor.report import json as report
from auditor.stats.resemblance import sketch
from auditor.systems.from_release import trained_on
from auditor.systems.open import open_target
from auditor.targets.context import Context
from auditor.targets.release import Progress, Release

#: The protocol by which people are searched for by recordings that are kept.
KEPT = "cross-release"
#: What cannot be measured under the first is foretold under the second.
ANOTHER_DAY, FORETOLD = "cross-session", "foretold"
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "xgboost", "torch", "timm", "captum", "wfdb")


@dataclass(frozen=True)
class Run:
    """The settings of one audit."""

    profile: Profile
    preset: Preset
    device: str = "cpu"
    seed: int = 0
    jobs: int = 1
    dask: str | None = None
    #: Models that are released with the recordings.
    models: tuple[Path, ...] = ()
    #: Failures that somebody accepts, and the day on which they are to.
    waivers: tuple[Waiver, ...] = ()
    today: date | None = None
    #: An earlier audit of the release, whose failures are known.
    baseline: Audit | None = None
    #: A table that somebody may hold beside the release.
    public: Path | None = None
    #: Recordings of its people that are kept, as an intruder's.
    probes: Path | None = None

    @classmethod
    def of(
        cls,
        profile: str = "public",
        preset: str = "standard",
        device: str = "auto",
        seed: int = 0,
        jobs: int = 1,
        dask: str | None = None,
        models: Iterable[str | Path] = (),
        waivers: str | Path | None = None,
        baseline: str | Path | None = None,
        public: str | Path | None = None,
        probes: str | Path | None = None,
    ) -> Run:
        """Settings by the names a command line gives them."""
        if seed < 0:
            raise ConfigError(f"--seed is {seed}, wanted 0 or more")
        if public:
            read_public(Path(public))  # refused before the release is read, and not after it
        return cls(
            load_profile(profile),
            load_preset(preset),
            choose_device(device),
            seed,
            jobs,
            dask,
            tuple(map(Path, models)),
            load_waivers(Path(waivers)) if waivers else (),
            date.today(),
            report.read(baseline) if baseline else None,
            Path(public) if public else None,
            Path(probes) if probes else None,
        )


def choose_device(name: str) -> str:
    """The torch device a run is on: `auto` is the first GPU when there is one, else the CPU."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"--device {name!r} is not one; wanted auto, cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"--device {name}: torch sees no GPU here; use --device cpu")
    if device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"--device {name!r} is not supported; wanted auto, cpu, cuda or mps")
    return str(device)


def scan(
    path: str | Path,
    profile: str = "public",
    preset: str = "standard",
    *,
    device: str = "auto",
    seed: int = 0,
    jobs: int = 1,
    dask: str | None = None,
    models: Iterable[str | Path] = (),
    waivers: str | Path | None = None,
    baseline: str | Path | None = None,
    public: str | Path | None = None,
    probes: str | Path | None = None,
    **descriptor: str | None,
) -> Audit:
    """Audit a folder of ECGs, and the models that are released with it.

    Parameters
    ----------
    path : the folder
    profile, preset : names, or paths of YAML files
    device : `auto`, `cpu` or `cuda`
    jobs, dask : how many processes, or the address of a Dask scheduler
    models : files of trees or networks, or folders that `auditor train` wrote
    waivers : a YAML file of failures that somebody accepts
    baseline : an earlier audit.json of the release; what failed there too is known
    public : a table that somebody may hold, to be joined with the release by sex, age and date
    probes : a folder of recordings of the same people that are kept, as an intruder's
    **descriptor : what `auditor.yaml` would say, such as `subject_pattern`

    Raises
    ------
    AuditorError
        Something that the caller can mend.
    """
    settings = Run.of(
        profile, preset, device, seed, jobs, dask, models, waivers, baseline, public, probes
    )
    audit = None
    for step in run(Path(path), settings, descriptor):
        audit = step if isinstance(step, Audit) else None
    assert audit is not None
    return audit


def run(
    path: Path,
    settings: Run,
    descriptor: Mapping[str, str | None] | None = None,
    progress: Progress = lambda task, done, total: None,
) -> Iterator[Finding | Audit]:
    """Each finding as it is made, and the audit last."""
    with engine(settings.jobs, settings.dask) as workers:
        release = open_release(path, settings, workers, descriptor or {}, progress)
        both = join_probes(release, settings)
        context = context_of(release, settings)
        if settings.baseline is not None:
            described = describe_release(context.release, settings.profile.minimum_cell)
            refuse_other(settings.baseline, described, settings.profile)
        kept = None if both is None else replace(context, release=both.without_copies(), memo={})
        targets, untrained = open_targets(context, settings)
        findings = []
        for name, reason in untrained.items():
            findings.append(training(name, reason))
            yield findings[-1]
        for finding in run_checks(context, settings, targets, kept):
            findings.append(finding)
            yield finding
        yield conclude(context, settings, findings, targets, kept)


def open_context(
    path: Path,
    settings: Run,
    workers: Engine,
    descriptor: Mapping[str, str | None] | None = None,
    progress: Progress = lambda task, done, total: None,
) -> Context:
    """A release read, cleaned and delineated: ready to be attacked."""
    return context_of(open_release(path, settings, workers, descriptor or {}, progress), settings)


def open_release(
    path: Path,
    settings: Run,
    workers: Engine,
    descriptor: Mapping[str, str | None],
    progress: Progress,
) -> Release:
    """A release read, and nothing computed of it yet."""
    preset = settings.preset
    return Release.open(
        path,
        workers,
        flags=descriptor,
        max_seconds=preset.max_seconds,
        progress=progress,
        may_be_empty=bool(settings.models or preset.models),
        models=settings.models,
        fewest=settings.profile.minimum_cell,
    )


def context_of(release: Release, settings: Run) -> Context:
    """A release that was read, cleaned and delineated: ready to be attacked."""
    # A release of which nothing can be read is no audit: that shows here, and not as a finding.
    _ = release.prepared
    preset = settings.preset
    return Context(
        release,
        settings.device,
        settings.seed,
        preset.training,
        preset.linkage_views,
        release.progress,
    )


def join_probes(release: Release, settings: Run) -> Release | None:
    """The release together with recordings of its people that are kept, and nothing computed of
    them yet; None where none are given.

    Raises
    ------
    AuditorError
        They cannot be read, or are not of people of the release.
    """
    if settings.probes is None:
        return None
    kept = Release.open(
        settings.probes,
        release.engine,
        max_seconds=release.max_seconds,
        progress=lambda task, done, total: release.progress(f"{task} what is kept", done, total),
        fewest=release.fewest,
    )
    return release.joined(kept)


def open_targets(context: Context, settings: Run) -> tuple[list[Target], dict[str, str]]:
    """The models that are released, and those that anybody may train on the recordings; and why
    others of them could not be trained.

    Raises
    ------
    ModelError
        One of those that are released cannot be read.
    """
    found = [
        open_target(path, context.release, device=settings.device, seed=settings.seed)
        for path in settings.models
    ]
    untrained: dict[str, str] = {}
    if settings.preset.models:
        trained, untrained = trained_on(context.release, device=settings.device, seed=settings.seed)
        found += trained
    names = Counter(one.name for one in found)
    numbers: Counter[str] = Counter()
    for place, one in enumerate(found):
        if names[one.name] > 1:
            numbers[one.name] += 1
            found[place] = replace(one, name=f"{one.name}-{numbers[one.name]}")
    return found, untrained


def run_checks(
    context: Context, settings: Run, targets: Sequence[Target] = (), kept: Context | None = None
) -> Iterator[Finding]:
    """Every check of the preset on a release, and every question to its models; then, where a rule
    would pass only if the attack were shown to be able, the proof of that on a twin.

    Parameters
    ----------
    kept : the release with recordings of its people that are kept, by which they are searched for
    """
    preset, profile = settings.preset, settings.profile
    of_recordings = _of_recordings(context, settings, preset.protocols)
    of_models = registry.of_models(targets, profile.galleries)
    # Of what could be released instead nothing is owed: it is asked where it can be.
    asked_of = (one for one in of_models if one.target.instead_of is None or not one.unmet(context))
    planned = [(check, context) for check in (*of_recordings, *asked_of)]
    lead_sets = list(context.of_lead_sets())
    planned += [
        (check, of_set)
        for of_set in lead_sets
        for check in of_recordings
        if "lead" in words.about(check.id).concerned
    ]
    if kept is not None:
        # First, for it says in a moment whether the rest is worth waiting for.
        planned.insert(0, (NamesOfKept(), kept))
        planned += [
            (check, kept)
            for check in _of_recordings(context, settings, (KEPT,))
            if check.protocol == KEPT and KEPT in words.about(check.id).protocols
        ]
    elif ANOTHER_DAY in preset.protocols:
        planned += [
            (check, before)
            for before in (context, *lead_sets)
            if not context.release.is_empty and unmet(before.records, ANOTHER_DAY)
            for check in _of_recordings(context, settings, (FORETOLD,))
            if check.protocol == FORETOLD
        ]
    findings, asked = [], {}
    for check, before in planned:
        findings.append(
            run_check(check, before, level=profile.level, smallest_cell=profile.minimum_cell)
        )
        asked[findings[-1].id] = check, before
        yield findings[-1]
    waivers, today = settings.waivers, settings.today
    while wanted := competence_needed(findings, profile, waivers=waivers, today=today):
        for finding in wanted:
            findings.append(
                prove(
                    *asked[finding.id],
                    finding,
                    limits_of(finding, profile),
                    level=profile.level,
                    smallest_cell=profile.minimum_cell,
                )
            )
            yield findings[-1]


def _of_recordings(
    context: Context, settings: Run, protocols: tuple[str, ...]
) -> list[OnRecordings]:
    """The checks of a preset under some protocols; each once where there are no recordings: all
    will say only that.
    """
    preset = settings.preset
    planned = list(
        registry.of_recordings(
            Settings(
                preset.linkage_views,
                preset.attribute_views,
                preset.attribution_views,
                protocols,
                settings.profile.population,
                counted.table if (counted := settings.profile.population_table) else None,
                settings.public,
                settings.profile.galleries,
            ),
            preset.checks,
        )
    )
    if context.release.is_empty:
        return list({one.id: one for one in reversed(planned)}.values())[::-1]
    return planned


@dataclass(frozen=True)
class Rehearsal:
    """What an audit of some people of a release took.

    Attributes
    ----------
    n_records, of : recordings that were audited, of how many
    seconds : of reading, and of each check with all its attackers
    peak_bytes : the most memory that this process has held
    kept_bytes : what of them is kept in the store
    """

    n_records: int
    of: int
    seconds: Mapping[str, float]
    peak_bytes: int
    kept_bytes: int


def rehearse(release: Release, settings: Run, people: int) -> Rehearsal:
    """An audit of so many people of a release, those with most sessions, whose findings are thrown
    away.
    """
    manifest = release.dataset.manifest
    sessions = manifest.groupby("subject", sort=False)["session"].nunique()
    chosen = sessions.sort_values(ascending=False, kind="stable").index[:people]
    rows = np.flatnonzero(manifest["subject"].isin(chosen))
    part = replace(release.dataset.part(rows), fingerprint=f"{release.dataset.fingerprint}+few")
    some = replace(release, dataset=part)
    preset = settings.preset
    context = Context(
        some, settings.device, settings.seed, preset.training, preset.linkage_views, some.progress
    )
    started = time.perf_counter()
    store = context.prepared.store
    seconds = defaultdict(float, reading=time.perf_counter() - started)
    for finding in run_checks(context, settings):
        seconds[finding.check] += finding.seconds
    kept = sum(one.stat().st_size for one in store.root.iterdir())
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Rehearsal(len(rows), len(manifest), dict(seconds), peak, kept)


def link(
    other: Release,
    release: Release,
    settings: Run,
    told: Callable[[Links], None] = lambda links: None,
) -> Audit:
    """Whether people of another release are in this one, as an audit of this one.

    Parameters
    ----------
    told : handed the pairs, which name people

    Raises
    ------
    DataError
        The two cannot be compared.
    """
    context = Context(release, settings.device, settings.seed, None, progress=release.progress)
    check = CrossRelease(other=other, told=told)
    if why := check.unmet(context):
        raise DataError(why)
    finding = run_check(
        check,
        context,
        level=settings.profile.level,
        smallest_cell=settings.profile.minimum_cell,
    )
    return conclude(context, settings, [finding])


def conclude(
    context: Context,
    settings: Run,
    findings: Iterable[Finding],
    targets: Sequence[Target] = (),
    kept: Context | None = None,
) -> Audit:
    """The findings judged under the profile.

    Parameters
    ----------
    kept : the release with recordings of its people that are kept
    """
    found = tuple(findings)
    dataset, preset = context.dataset, settings.preset
    training = asdict(preset.training) if preset.training else None
    fewest = settings.profile.minimum_cell
    not_understood = unread(dataset, fewest, targets)
    return Audit(
        auditor={
            "version": __version__,
            "seed": settings.seed,
            "device": settings.device,
            "preset": preset.name,
            "settings": preset.model_dump(mode="json", exclude={"training"})
            | {"training": training},
            "versions": {name: version(name) for name in _LIBRARIES}
            | {"python": platform.python_version()},
        },
        release=describe_release(context.release, settings.profile.minimum_cell)
        | {"unread": not_understood}
        | ({"models": [describe_model(one, fewest) for one in targets]} if targets else {})
        | ({"probes": describe_probes(kept)} if kept else {}),
        profile=settings.profile.recorded(),
        verdict=judge(
            found,
            settings.profile,
            waivers=settings.waivers,
            today=settings.today,
            baseline=None if settings.baseline is None else settings.baseline.findings,
            unread=not_understood,
        ),
        findings=found,
    )


def unread(dataset: Dataset, fewest: int, targets: Sequence[Target] = ()) -> dict[str, int]:
    """What was not understood, by kind, where no number of fewer people is told; that of models
    too.
    """
    counts: Counter[str] = Counter(by_kind(dataset.unread))
    counts["lead"] = not_attacked(dataset.manifest, fewest) if len(dataset.manifest) else 0
    for one in targets:
        counts.update(one.unread)
    return {kind: n for kind, n in counts.items() if n}


def describe_release(release: Release, fewest: int = MIN_PEOPLE) -> dict[str, Any]:
    """What was audited, in counts: what was found, what was used, what was not and why."""
    dataset = release.dataset
    manifest = dataset.manifest
    reasons = Counter([*dataset.quarantine["reason"], *release.unusable["reason"]])
    sessions = manifest.groupby("subject")["session"].nunique()
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "sketch": sketch(map(bytes.fromhex, release.prepared.digests)),
        "n_subjects": int(manifest["subject"].nunique()),
        "n_records": len(manifest) + len(dataset.quarantine),
        "n_sessions": int(sessions.sum()),
        "n_subjects_with_sessions": int((sessions > 1).sum()),
        "n_quarantined": sum(reasons.values()),
        "quarantine": dict(sorted(reasons.items())),
        "leads": list(release.prepared.leads),
        "lead_sets": list(release.lead_sets),
        "fs": sorted({float(fs) for fs in manifest["fs"]}),
        "files": dict(dataset.account.files),
        "ignored": dict(dataset.account.ignored),
        "n_reviewed": dataset.account.reviewed,
        "n_cleared": len(dataset.descriptor.cleared),
        "unread": unread(dataset, fewest),
    }


def describe_probes(kept: Context) -> dict[str, int]:
    """What an intruder was given to search by, in counts."""
    theirs = kept.records[kept.records["kept"]]
    return {"n_records": len(theirs), "n_subjects": int(theirs["subject"].nunique())}


def describe_model(target: Target, fewest: int = MIN_PEOPLE) -> dict[str, Any]:
    """What was audited of a model, in counts of at least so many people."""
    people = {
        name: len(np.unique(target.subject[target.split == kind]))
        for name, kind in (("n_members", MEMBER), ("n_nonmembers", NONMEMBER))
    }
    told = {name: n if n >= fewest or not n else None for name, n in people.items()}
    return {
        "name": target.name,
        "title": target.title,
        "n_tells": len(target.labels),
        "gives": sorted(target.outputs),
        "file": target.file,
        "decimals": target.decimals,
        "rounds": None,
        "steps": None,
        **({target.stage_unit: max(target.stages)} if target.stages else {}),
        **told,
    }
