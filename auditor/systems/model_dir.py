"""A clinical system as a directory: its models, what they are, how well they do, what moves them.

Two things stay behind, and the rest may leave: `members.parquet` names people, and `stages/` holds
the networks as they were earlier in their training, which say more of it together than the last
says alone. Of the rest, no row is of one person and no count of fewer than ten.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from auditor import __version__
from auditor.core.errors import ConfigError
from auditor.core.finding import Estimate
from auditor.learning import artifact
from auditor.report import svg
from auditor.report.disclosure import withhold, withhold_text
from auditor.systems.result import Study, TrainedModel
from auditor.targets.description import STAGES, TEST, TRAIN

SCHEMA = "auditor/study/1"
#: So many findings have their inputs drawn: those that are told best.
_DRAWN = 24
_INPUTS = 12
#: What a model that is compared with another is measured by.
_METRICS = {"auroc_new": "AUROC", "r2_new": "R²", "ssim_new": "SSIM"}
_METRICS |= {"grounded_new": "grounded", "f1_new": "F1"}
_TOWARDS, _AWAY = "#b2182b", "#2166ac"


def write(study: Study, out: Path, faults: Mapping[str, str]) -> None:
    """Put a study at a folder, whole or not at all; an earlier study there is replaced.

    Parameters
    ----------
    faults : what each of a study's faults is

    Raises
    ------
    ConfigError
        The folder holds something that is no study.
    """
    refuse_others(out)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        draft, old = Path(folder) / "new", Path(folder) / "old"
        (draft / "models").mkdir(parents=True)
        files = {target: f"models/{_file_name(target)}.ubj" for target in study.trees}
        for target, trees in study.trees.items():
            (draft / files[target]).write_bytes(trees)
        for name, network in study.networks.items():
            files[name] = f"models/{name}.safetensors"
            artifact.save(network, draft / files[name])
        for steps, networks in study.stages.items():
            for name, make in networks.items():
                artifact.save(make(), draft / STAGES / str(steps) / f"{name}.safetensors")
        for name, save in study.folders.items():
            files[name] = f"models/{name}"
            save(draft / files[name])
        study.people.to_parquet(draft / "members.parquet")
        text = json.dumps(results(study, faults), indent=1, allow_nan=False)
        (draft / "results.json").write_text(text + "\n", encoding="utf-8")
        described = yaml.safe_dump(_described(study, files), sort_keys=False, allow_unicode=True)
        (draft / "model.yaml").write_text(described, encoding="utf-8")
        best = sorted(study.models, key=lambda one: -one.internal["auroc"].value)[:_DRAWN]
        if best:
            (draft / "shap").mkdir()
        for one in best:
            drawn = shap(one)
            (draft / "shap" / f"{_file_name(one.target)}.svg").write_text(drawn, encoding="utf-8")
        try:
            if out.exists():
                shutil.move(out, old)
            shutil.move(draft, out)
        except BaseException:
            if old.exists() and not out.exists():
                shutil.move(old, out)
            raise


def refuse_others(out: Path) -> None:
    """Refuse a folder that holds something that is no study."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not _is_study(out))):
        raise ConfigError(f"{out}: holds something that is no study; name a new folder with --out")


def _is_study(folder: Path) -> bool:
    return (folder / "results.json").is_file() and (folder / "model.yaml").is_file()


def results(study: Study, faults: Mapping[str, str]) -> dict[str, Any]:
    """What a study found, as JSON holds it."""
    task = study.task
    return {
        "schema": SCHEMA,
        "auditor": {"version": __version__, "seed": study.seed},
        "system": task.name,
        "title": task.title,
        "paper": task.paper,
        "data": _data(study),
        "faults": {name: faults[name] for name in study.faults},
        "findings": {one.target: _finding(one) for one in study.models},
        "compared": withhold(study.compared),
        "left_out": {name: withhold_text(reason) for name, reason in study.left_out.items()},
    }


def _data(study: Study) -> dict[str, Any]:
    data: dict[str, Any] = {"cohort": study.cohort, "records": study.n_records}
    data |= {"people": study.n_subjects, "fingerprint": study.fingerprint}
    if study.outside:
        name, n_records, n_subjects = study.outside
        data["external"] = {"cohort": name, "records": n_records, "people": n_subjects}
    return data


def _finding(one: TrainedModel) -> dict[str, Any]:
    return {
        "inputs": list(one.columns),
        "trees": one.n_trees,
        "internal": _estimates(one.internal),
        "external": _estimates(one.external),
        "external_reason": withhold_text(one.external_reason) or None,
        "curves": withhold(one.curves),
        "params": withhold(one.params),
        "shap": one.shap_summary,
    }


def _estimates(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, Any]]:
    """In six digits: more are noise, and one could be taken for a name."""
    return {
        name: {
            key: round(value, 6) if isinstance(value, float) else value
            for key, value in asdict(estimate).items()
        }
        for name, estimate in estimates.items()
    }


def _described(study: Study, files: Mapping[str, str]) -> dict[str, Any]:
    """The `model.yaml` by which an audit knows what it has before it."""
    return {
        "schema": "auditor/target/1",
        "task": study.task.name,
        "title": study.task.title,
        **({"size": study.size} if study.size else {}),
        **({"steps": study.steps} if study.steps else {}),
        "inputs": list(study.task.inputs),
        "models": {
            one.target: {
                "file": files[one.target],
                "inputs": list(one.columns),
                "auroc": round(one.internal["auroc"].value, 4),
                "low": round(one.internal["auroc"].low, 4),
                "high": round(one.internal["auroc"].high, 4),
            }
            for one in study.models
        }
        | {name: {"file": files[name]} for name in (*study.networks, *study.folders)},
        "members": "members.parquet",
        "parts": {"members": TRAIN, "nonmembers": TEST},
        "people": study.n_subjects,
        "fingerprint": study.fingerprint,
        "seed": study.seed,
    }


def shap(one: TrainedModel) -> str:
    """What moves a finding, input by input, as an SVG: each cell is a tenth of an input's values,
    its colour what they are moved by on average. Nobody's own value is drawn, nor the mean of
    fewer than ten people.
    """
    names = list(one.shap_summary)[:_INPUTS]
    most = max(
        (abs(m) for name in names for m in one.shap_summary[name]["moves"] if m), default=1.0
    )
    height = 80 + 26 * len(names)
    with svg.styled():
        drawn = svg.figure(720, height)
        axes = drawn.add_axes((0.24, 40 / height, 0.5, 26 * len(names) / height))
        for row, name in enumerate(names):
            cells = one.shap_summary[name]["moves"]
            for place, moved in enumerate(cells):
                left, width = place / len(cells), 1 / len(cells)
                colour = "none" if moved is None else _TOWARDS if moved > 0 else _AWAY
                axes.barh(
                    row, width, 0.8, left, color=colour, alpha=abs(moved or 0) / most, linewidth=0
                )
            axes.text(1.03, row, f"{one.shap_summary[name]['size']:.2f}", va="center")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xticks([0, 1], ["lowest tenth", "highest tenth"])
        axes.set_xlim(0, 1)
        axes.text(1.03, -0.7, "mean |log-odds|", va="bottom")
        axes.set_title(
            f"{one.target}: what speaks for it (red), against it (blue)", loc="left", pad=16
        )
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
        buffer = io.StringIO()
        drawn.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def summary(study: Study) -> Iterator[str]:
    """The findings that are told best, a line each, and how many were left out."""
    best = sorted(study.models, key=lambda one: -one.internal["auroc"].value)[:_DRAWN]
    for one in best:
        line = f"{one.target:28} AUROC {told(one.internal['auroc'])}, age and sex alone "
        yield line + told(one.internal["age_sex_auroc"])
    for name, found in study.compared.items():
        ours = {one: Estimate(**value) for one, value in found["estimates"].items()}
        (metric,) = {one.removesuffix("_new") for one in ours if one in _METRICS}
        line = f"{name:32} {_METRICS[f'{metric}_new']} {told(ours[f'{metric}_new'])}, "
        line += f"{found['over']} {told(ours[f'{metric}_old'])}, "
        yield line + f"gain {told(ours[f'{metric}_gain'])}"
    if more := len(study.models) - len(best):
        yield f"and {more} more in results.json"
    if study.left_out:
        some = [f"{name} ({withhold_text(why)})" for name, why in study.left_out.items()][:3]
        yield f"left out: {len(study.left_out)}, such as {', '.join(some)}"
        if (
            study.models
            and not study.task.rotate
            and any("found fewer" in why for why in study.left_out.values())
        ):
            yield "one fold holds too few people for these; --every-fold judges everybody"


def against_published(study: Study, faults: Mapping[str, str]) -> Iterator[str]:
    """A study's figures beside those of its paper, line by line."""
    task = study.task
    yield f"{task.title}: {task.paper}"
    if study.n_records == task.n_records:
        yield (
            "The data have as many records as the paper's. If they are the paper's, point "
            "estimates can be compared; if not, compare what the inputs add to the baseline."
        )
    else:
        theirs = f"of {task.n_records:,} records" if task.n_records else "of a number not known"
        yield (
            f"These are not the paper's data, {theirs}, but {study.n_records:,}: its figures are "
            "no mark for ours. Compare what the inputs add to the baseline."
        )
    if task.caveat:
        yield " ".join(task.caveat.split())
    for name in study.faults:
        yield f"As published, {name}: {faults[name]}."
    judged = {one.target: one for one in study.models}
    if judged:
        above = sum(one.internal["auroc"].low > 0.7 for one in study.models)
        yield f"AUROC above 0.7 by its whole interval: {above} of {len(judged)} findings."
    for line in task.published:
        theirs = f"{line.value:g}"
        if line.interval:
            theirs += f" ({line.interval[0]:g} to {line.interval[1]:g})"
        theirs += f" [{line.note}]" if line.note else ""
        if study.compared:
            yield from _compared(study, theirs)
            continue
        one = judged.get(line.target)
        ours = (one.internal if line.cohort == "internal" else one.external) if one else {}
        if one is None:
            said = study.left_out.get(line.target, "not asked of these data")
        elif not ours:
            said = one.external_reason
        else:
            said = f"AUROC {told(ours['auroc'])}, age and sex alone {told(ours['age_sex_auroc'])}, "
            said += f"gain {told(ours['gain_over_age_sex'])}"
        yield f"{line.target} {line.cohort}: published {theirs}; ours: {withhold_text(said)}"


def _compared(study: Study, theirs: str) -> Iterator[str]:
    for name, found in study.compared.items():
        if p := found["params"].get("p"):
            ours = {one: Estimate(**value) for one, value in found["estimates"].items()}
            yield (
                f"{name} over {found['over']}: DeLong p {p['auroc_gain']:.2g}; NRI "
                f"{told(ours['nri_thirds'])}, IDI {told(ours['idi'])}"
            )
    yield f"published: {theirs}"


def told(estimate: Estimate) -> str:
    """A number with its interval."""
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _file_name(target: str) -> str:
    """A target's name as every file system can hold it."""
    return "".join(mark if mark.isalnum() or mark in "-_" else "_" for mark in target)
