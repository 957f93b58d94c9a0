"""The run: settings in, findings out, one at a time, and the verdict over them."""

from __future__ import annotations

import logging
import platform
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from auditor import __version__
from auditor.attackers.fusion import FUSION
from auditor.checks.attribution.estimates import attribution
from auditor.checks.base import ATTACKS, Attack, ModelAttack
from auditor.checks.cross_modal import check as crossmodal
from auditor.checks.cross_modal import estimates as crossmodal_risk
from auditor.checks.membership import check as membership
from auditor.checks.membership import estimates as membership_risk
from auditor.checks.memorisation import check as memorisation
from auditor.checks.memorisation import estimates as memorisation_risk
from auditor.checks.output_attribute import check as inference
from auditor.checks.output_attribute import estimates as inference_risk
from auditor.checks.output_linkage import check as outputs
from auditor.checks.output_linkage import estimates as outputs_risk
from auditor.checks.shortcut.cues import CUES
from auditor.checks.split import check as hygiene
from auditor.checks.split import estimates as hygiene_risk
from auditor.checks.structure import check as structure
from auditor.checks.structure import estimates as structure_risk
from auditor.checks.text import check as texts
from auditor.checks.text import estimates as texts_risk
from auditor.config import Preset, load_preset
from auditor.core.errors import AuditorError, ConfigError, EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Attribution, Counts, Evidence
from auditor.core.finding import Audit, Estimate, Finding, Waiver
from auditor.core.record import STANDARD_LEADS
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.data.dataset import Dataset
from auditor.engine import Engine, engine
from auditor.policy.judge import competence_needed, judge, refuse_other
from auditor.policy.profile import Profile, load_profile
from auditor.policy.waivers import load_waivers
from auditor.report import json as report
from auditor.report.disclosure import clean
from auditor.signal.prepare import NO_RECORDINGS, Prepared
from auditor.simulate.population import Population
from auditor.stats.estimators import cross_fitted, duplicates, identifiers, measure, uniqueness
from auditor.systems.from_release import trained_on
from auditor.systems.open import Surroundings, open_target
from auditor.targets.context import Case
from auditor.targets.release import Release

log = logging.getLogger(__name__)

#: Told what is being done, how far it is, and of how much.
Progress = Callable[[str, int, int], None]

#: What is not of the heart, searched by alone.
_CUES = {f"{cue}_rank1" for cue in CUES}
#: The estimates that rules with a ladder are about.
_JUDGED = {
    "rank1",
    "sex_auc",
    "age_gain_years",
    "tpr_at_fpr_1pct",
    "auc",
    "copied",
    "full_recited",
}

#: What is asked of each model that is released, or that anybody may train on what is.
ON_MODELS: tuple[Callable[[Target], list[ModelAttack]], ...] = (
    hygiene.attacks,
    membership.attacks,
    structure.attacks,
    outputs.attacks,
    inference.attacks,
    crossmodal.attacks,
    memorisation.attacks,
    texts.attacks,
)
#: Check of a model → what its evidence amounts to.
_OF_MODELS = {
    "split": hygiene_risk.measured,
    "membership": membership_risk.measured,
    "privacy-loss": membership_risk.privacy_loss,
    "structure": structure_risk.measured,
    "output-linkage": outputs_risk.measured,
    "inversion": outputs_risk.measured,
    "output-attribute": inference_risk.measured,
    "cross-modal": crossmodal_risk.measured,
    "memorisation": memorisation_risk.measured,
    "text": texts_risk.measured,
}

_TRAINED = "Whoever receives the release trains this clinical system on it."

#: What can be asked of a release in which no heartbeat was found.
_NEED_NO_BEATS = {"identifiers", "uniqueness"}

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
    ) -> Run:
        """Settings by the names a command line gives them."""
        if seed < 0:
            raise ConfigError(f"--seed is {seed}, wanted 0 or more")
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
    **descriptor : what `auditor.yaml` would say, such as `subject_pattern`

    Raises
    ------
    AuditorError
        Something that the caller can mend.
    """
    settings = Run.of(profile, preset, device, seed, jobs, dask, models, waivers, baseline)
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
        case = open_case(path, settings, workers, descriptor or {}, progress)
        if settings.baseline is not None:
            refuse_other(settings.baseline, clean(case.dataset.name), settings.profile)
        targets, untrained = open_targets(case, settings)
        findings = []
        for name, reason in untrained.items():
            findings.append(Finding("training", name, None, _TRAINED, "skipped", reason=reason))
            yield findings[-1]
        for finding in investigate(case, settings, targets):
            findings.append(finding)
            yield finding
        yield conclude(case, settings, findings, targets)


def open_case(
    path: Path,
    settings: Run,
    workers: Engine,
    descriptor: Mapping[str, str | None] | None = None,
    progress: Progress = lambda task, done, total: None,
) -> Case:
    """A release read, cleaned and delineated: ready to be attacked."""
    preset = settings.preset
    release = Release.open(
        path,
        workers,
        flags=descriptor,
        max_seconds=preset.max_seconds,
        progress=progress,
        may_be_empty=bool(settings.models or preset.models),
    )
    # A release of which nothing can be read is no audit: that shows here, and not as a finding.
    _ = release.prepared
    return Case(
        release,
        settings.device,
        settings.seed,
        preset.training,
        tuple(view for view in preset.linkage_views if view != FUSION),
        progress,
    )


def open_targets(case: Case, settings: Run) -> tuple[list[Target], dict[str, str]]:
    """The models that are released, and those that anybody may train on the recordings; and why
    others of them could not be trained.

    Raises
    ------
    ModelError
        One of those that are released cannot be read.
    """
    around = Surroundings(case.release, settings.device, settings.seed, case.progress)
    found = [open_target(path, around) for path in settings.models]
    untrained: dict[str, str] = {}
    if settings.preset.models:
        trained, untrained = trained_on(case.dataset, around)
        found += trained
    names = Counter(one.name for one in found)
    numbers: Counter[str] = Counter()
    for place, one in enumerate(found):
        if names[one.name] > 1:
            numbers[one.name] += 1
            found[place] = replace(one, name=f"{one.name}-{numbers[one.name]}")
    return found, untrained


def plan(preset: Preset) -> list[Attack]:
    """The attacks of a preset, cheap rungs first."""
    honest = [protocol for protocol in preset.protocols if protocol != "random-segment"]
    settings: dict[str, list[dict[str, str]]] = {
        "linkage": [
            {"view": view, "protocol": protocol}
            for view in preset.linkage_views
            for protocol in preset.protocols
        ],
        "slices": [{"protocol": protocol} for protocol in honest],
        "shortcut": [{"protocol": protocol} for protocol in honest],
        "attribute": [{"view": view} for view in preset.attribute_views],
        "attribution": [
            {"view": view, "protocol": protocol}
            for view in preset.attribution_views
            for protocol in (*honest, *(["subject-disjoint"] * (view in preset.attribute_views)))
        ],
    }
    return [ATTACKS[check](**one) for check in preset.checks for one in settings.get(check, [{}])]


def investigate(case: Case, settings: Run, targets: Sequence[Target] = ()) -> Iterator[Finding]:
    """Every attack of the preset on a release, and every question to its models; then, where a rule
    would pass only if the attack were shown to be able, the proof of that on a simulated twin.
    """
    findings = []
    of_recordings = plan(settings.preset)
    if not len(case.dataset.manifest):  # say once what cannot be asked, and not of every view
        of_recordings = list({one.check: one for one in reversed(of_recordings)}.values())[::-1]
    of_models = [one for target in targets for attacks in ON_MODELS for one in attacks(target)]
    for attack in [*of_recordings, *of_models]:
        findings.append(attempt(attack, case, settings))
        yield findings[-1]
    asked = {_blank(one).id: one for one in of_models}
    wanted = competence_needed(
        findings, settings.profile, waivers=settings.waivers, today=settings.today
    )
    for finding in wanted:
        if finding.id in asked:
            yield model_competence(asked[finding.id], case, settings)
        else:
            yield competence(finding, case, settings)


def attempt(attack: Attack, case: Case, settings: Run) -> Finding:
    """One attack carried out and measured, or why it was not."""
    started = time.perf_counter()
    blank = _blank(attack)
    case.progress(blank.id, 0, 0)
    try:
        if attack.check not in _OF_MODELS and not len(case.dataset.manifest):
            return replace(blank, reason=NO_RECORDINGS)
        if attack.check not in _NEED_NO_BEATS | _OF_MODELS.keys() and (why := case.prepared.silent):
            return replace(blank, reason=why)
        if why := attack.unmet(case):
            return replace(blank, reason=why)
        evidence = attack.run(case, stream(settings.seed, blank.id))
        estimates, curves, params = _measured(blank, evidence, settings)
    except EvidenceError as error:
        return replace(blank, reason=str(error))
    except Exception as error:
        # A broken attack must not cost the others; a rule that needs it will not pass without.
        log.debug("%s broke", blank.id, exc_info=True)
        return replace(blank, status="failed", reason=_where(error), seconds=_since(started))
    fewest = settings.profile.minimum_cell
    told = {name: one for name, one in estimates.items() if one.n_subjects >= fewest}
    if not told and (estimates or not params):
        return replace(blank, reason="too few people for any number", seconds=_since(started))
    return replace(
        blank,
        status="measured",
        reason=None,
        params=params,
        estimates=told,
        curves=curves,
        seconds=_since(started),
    )


def _blank(attack: Attack) -> Finding:
    return Finding(
        attack.check, attack.view, attack.protocol, attack.threat, "skipped", reason="not begun"
    )


def _measured(
    blank: Finding, evidence: Mapping[str, Evidence], settings: Run
) -> tuple[dict[str, Estimate], dict[str, Any], dict[str, Any]]:
    level, population = settings.preset.level, settings.profile.population
    estimates: dict[str, Estimate] = {}
    curves: dict[str, Any] = {}
    params: dict[str, Any] = {}
    if blank.check in _OF_MODELS:
        rng = stream(settings.seed, f"{blank.id}/interval")
        return _OF_MODELS[blank.check](evidence, level=level, rng=rng)
    for name, seen in evidence.items():
        if isinstance(seen, Counts):
            if blank.check == "identifiers":
                found, params = identifiers(seen, level=level)
            elif blank.check == "duplicates":
                found, params = duplicates(seen, level=level)
            else:
                found, params = uniqueness(seen, population=population, level=level)
            drawn: dict[str, Any] = {}
        elif isinstance(seen, Attribution):
            rng = stream(settings.seed, f"{blank.id}/{name}/interval")
            found, drawn, said = attribution(name, seen, level=level, rng=rng)
            params |= said
        elif blank.check == "attribute":
            rng = stream(settings.seed, f"{blank.id}/{name}/interval")
            found, drawn = cross_fitted(name, seen, level, rng)
        else:
            rng = stream(settings.seed, f"{blank.id}/{name}/interval")
            # What all rungs find together is foretold for larger galleries.
            among = population if blank.view == FUSION else None
            found, drawn = measure(name, seen, level=level, rng=rng, population=among)
        estimates |= found
        curves |= drawn
    if blank.check == "shortcut" and (told := _reading(estimates)):
        params |= {"reading": told}
    return estimates, curves, params


def _reading(estimates: Mapping[str, Estimate]) -> str:
    """What the shortcut says of the links that the other attacks found."""
    whole = estimates.get("rank1")
    if whole is None or whole.chance is None:
        return ""
    if whole.low > whole.chance:
        return (
            "The device or the session gives people away as well: some are found without a look at "
            "their hearts. Remove what recorders and files leave behind before blaming the heart."
        )
    if any(one.low > (one.chance or 0.0) for name, one in estimates.items() if name in _CUES):
        return (
            "Together, what is not of the heart names nobody beyond guessing; alone, some of it "
            "does, as the controls show. Where a folder holds one person, the order of its files "
            "says no more than the folder."
        )
    return (
        "Nothing shows that the device or the session names people: what links them is the heart."
    )


def competence(subject: Finding, case: Case, settings: Run) -> Finding:
    """Whether the attack behind a finding finds what is planted in a simulated twin of the
    release, and stays silent in a twin where there is nothing to find.
    """
    started = time.perf_counter()
    finding = Finding(
        "competence",
        subject.view,
        subject.protocol,
        "The attack itself is put to the test: on simulated people in the numbers of this release "
        "it must find what was planted, and find nothing where there is nothing.",
        "skipped",
        reason="not begun",
    )
    estimates: dict[str, Estimate] = {}
    for name, strength in (("planted", 1.0), ("null", 0.0)):
        with tempfile.TemporaryDirectory(prefix="auditor-twin-") as folder:
            twin(case.prepared, strength, settings.seed).write(Path(folder))
            twin_case = open_case(Path(folder), settings, case.engine, progress=case.progress)
            attack = ATTACKS[subject.check](view=subject.view, protocol=subject.protocol)
            seen = attempt(attack, twin_case, settings)
        if seen.status != "measured":
            return replace(finding, reason=f"on its simulated twin: {seen.reason}")
        estimates |= {
            f"{name}_{key}": seen.estimates[key]
            for key in subject.estimates.keys() & seen.estimates.keys() & _JUDGED
        }
    return replace(
        finding, status="measured", reason=None, estimates=estimates, seconds=_since(started)
    )


def model_competence(attack: ModelAttack, case: Case, settings: Run) -> Finding:
    """Whether the attack on a model finds what a twin of it plainly gives away, and stays silent
    where nothing can be given away.
    """
    started = time.perf_counter()
    finding = replace(
        _blank(attack),
        check="competence",
        threat="The attack itself is put to the test: in the numbers of this model it must find "
        "what a twin of it plainly gives away, and find nothing where there is nothing.",
    )
    estimates: dict[str, Estimate] = {}
    for name in ("planted", "null"):
        twin = attack.twin(name == "planted", settings.seed)
        if twin is None:
            return replace(finding, reason="no model of its kind can be trained here to be caught")
        seen = attempt(twin, case, settings)
        if seen.status != "measured":
            return replace(finding, reason=f"on its simulated twin: {seen.reason}")
        estimates |= {f"{name}_{key}": one for key, one in seen.estimates.items() if key in _JUDGED}
    return replace(
        finding, status="measured", reason=None, estimates=estimates, seconds=_since(started)
    )


def twin(prepared: Prepared, strength: float, seed: int) -> Population:
    """Simulated people with the sessions and records of a release, and its leads and lengths.

    Parameters
    ----------
    strength : how much of the person, and of their sex and age, is in the signals: 0 none, 1 plain
    """
    records = prepared.records
    sizes = tuple(
        tuple(int(n) for n in person.groupby("session", sort=False).size())
        for _, person in records.groupby("subject", sort=False)
    )
    leads = tuple(lead for lead in prepared.leads if lead in STANDARD_LEADS) or ("II",)
    return Population(
        n_subjects=len(sizes),
        sizes=sizes,
        seconds=float(np.clip(records["duration_s"].median(), 10, 60)),
        leads=leads,
        identity=strength,
        demographics=strength,
        seed=seed,
    )


def conclude(
    case: Case, settings: Run, findings: Iterable[Finding], targets: Sequence[Target] = ()
) -> Audit:
    """The findings judged under the profile."""
    found = tuple(findings)
    dataset, preset = case.dataset, settings.preset
    training = asdict(preset.training) if preset.training else None
    fewest = settings.profile.minimum_cell
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
        release=describe_release(dataset, case.prepared)
        | ({"models": [describe_model(one, fewest) for one in targets]} if targets else {}),
        profile=settings.profile.recorded(),
        verdict=judge(
            found,
            settings.profile,
            waivers=settings.waivers,
            today=settings.today,
            baseline=None if settings.baseline is None else settings.baseline.findings,
        ),
        findings=found,
    )


def describe_release(dataset: Dataset, prepared: Prepared) -> dict[str, Any]:
    """What was audited, in counts: what was found, what was used, what was not and why."""
    manifest = dataset.manifest
    reasons = Counter([*dataset.quarantine["reason"], *prepared.unusable["reason"]])
    sessions = manifest.groupby("subject")["session"].nunique()
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "n_subjects": int(manifest["subject"].nunique()),
        "n_records": len(manifest) + len(dataset.quarantine),
        "n_sessions": int(sessions.sum()),
        "n_subjects_with_sessions": int((sessions > 1).sum()),
        "n_quarantined": sum(reasons.values()),
        "quarantine": dict(sorted(reasons.items())),
        "leads": list(prepared.leads),
        "fs": sorted({float(fs) for fs in manifest["fs"]}),
    }


def describe_model(target: Target, fewest: int = MIN_PEOPLE) -> dict[str, Any]:
    """What was audited of a model, in counts of at least so many people."""
    people = {
        name: len(np.unique(target.subject[target.part == kind]))
        for name, kind in (("n_members", MEMBER), ("n_nonmembers", NONMEMBER))
    }
    told = {name: n if n >= fewest or not n else None for name, n in people.items()}
    return {
        "name": target.name,
        "title": target.title,
        "n_tells": len(target.tells),
        "gives": sorted(target.outputs),
        **told,
    }


def _where(error: Exception) -> str:
    """What broke, without the values that a message may hold."""
    if isinstance(error, AuditorError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "auditor" in Path(frame.filename).parts] or frames
    last = ours[-1]
    return f"{type(error).__name__} in {Path(last.filename).stem}.{last.name}, line {last.lineno}"


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
