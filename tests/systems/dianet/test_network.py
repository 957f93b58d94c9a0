"""The network finds what was planted, in any unit, and its file says all that it knows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score

from auditor.attackers.transformer import ViTConfig, create
from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.learning import artifact
from auditor.systems.dianet.network import (
    DiaNet,
    DiaNetConfig,
    DiaNetTraining,
    predict,
    train_dianet,
)

CONFIG = DiaNetConfig(n_ecg=4, n_crf=2)
SHORT = DiaNetTraining(epochs=12, patience=12)


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """600 people in raw units, with gaps; one input of each kind makes the event likelier."""
    rng = stream(0, "people")
    ecg, crf = rng.standard_normal((600, 4)), rng.standard_normal((600, 2))
    event = rng.random(600) < 1 / (1 + np.exp(2 - 1.5 * ecg[:, 1] - 1.5 * crf[:, 0]))
    ecg, crf = 400 + 30 * ecg, 50 + 12 * crf
    for values in (ecg, crf):
        values[rng.random(values.shape) < 0.05] = np.nan
    return ecg, crf, event


def trained(people, config=CONFIG, seed=0, training=SHORT) -> DiaNet:
    ecg, crf, event = (one[:400] for one in people)
    held_back = np.arange(400) % 4 == 0
    return train_dianet(
        config, ecg, crf, event, held_back, rng=stream(seed, "fit"), training=training
    )


@pytest.fixture(scope="module")
def model(people) -> DiaNet:
    return trained(people)


def of_others(model, people) -> np.ndarray:
    ecg, crf, _ = (one[400:] for one in people)
    return predict(model, ecg, crf)


def test_what_was_planted_is_found_in_other_people(model, people):
    ecg, crf, event = people
    risk = of_others(model, people)
    assert risk.shape == (200,)
    assert risk.dtype == np.float64
    auroc = roc_auc_score(event[400:], risk)
    assert auroc > 0.75
    for muddled in ((np.roll(ecg, 1, axis=0), crf), (ecg, np.roll(crf, 1, axis=0))):
        assert roc_auc_score(event[400:], predict(model, *muddled)[400:]) < auroc - 0.05


def test_a_risk_is_that_of_the_people_and_not_of_their_weights(people):
    _, _, event = people
    long = trained(people, training=DiaNetTraining(epochs=40, patience=10))
    rare = event.mean()
    assert rare < 0.3  # a model that weighs both kinds alike would put people at a half
    assert of_others(long, people).mean() == pytest.approx(rare, abs=0.08)


def test_the_same_seed_gives_the_same_risks_and_leaves_torch_as_it_was(model, people):
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    again = trained(people)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert of_others(again, people).tolist() == of_others(model, people).tolist()
    assert of_others(trained(people, seed=1), people).tolist() != of_others(model, people).tolist()


def test_another_unit_changes_nothing(model, people):
    ecg, crf, event = people
    doubled = ecg * 2.0 ** np.array([1, -10, 0, 3]), crf * 2.0**5, event
    assert of_others(trained(doubled), doubled).tolist() == of_others(model, people).tolist()


def test_a_gap_counts_as_the_median_of_the_training_people(model, people):
    ecg, crf, _ = people
    filled = np.where(np.isnan(ecg), np.nanmedian(ecg[:400][np.arange(400) % 4 > 0], axis=0), ecg)
    assert predict(model, ecg, crf) == pytest.approx(predict(model, filled, crf), abs=1e-6)


def test_what_nobody_in_training_has_is_not_listened_to(people):
    ecg, crf, event = people
    lacking, alike = ecg.copy(), ecg.copy()
    lacking[:400, 2], alike[:400, 2] = np.nan, 7.1
    for of_training in (lacking, alike):
        model = trained((of_training, crf, event), training=DiaNetTraining(epochs=1))
        moved = np.where(np.arange(4) == 2, 1e6, ecg)
        assert predict(model, moved, crf).tolist() == predict(model, ecg, crf).tolist()


@pytest.mark.parametrize("config", [DiaNetConfig(4, 0), DiaNetConfig(0, 2)], ids=str)
def test_a_twin_does_not_look_at_the_other_kind(people, config):
    ecg, crf, event = people
    noise = stream(0, "noise")
    if config.n_ecg:
        crf_too, ecg_too = noise.standard_normal((600, 9)), ecg
    else:
        crf_too, ecg_too = crf, noise.standard_normal((600, 9))
    one, other = trained(people, config), trained((ecg_too, crf_too, event), config)
    assert predict(one, ecg, crf).tolist() == predict(other, ecg_too, crf_too).tolist()
    assert one.head[0].out_features == trained(people).head[0].out_features


def test_any_number_of_people_can_be_trained_on_and_asked(people):
    ecg, crf, event = (one[:98] for one in people)
    held_back = np.arange(98) < 33  # 65 are left: one more than a batch
    model = train_dianet(
        CONFIG, ecg, crf, event, held_back, rng=stream(0, ""), training=DiaNetTraining(epochs=2)
    )
    assert predict(model, ecg[:1], crf[:1]) == pytest.approx(predict(model, ecg, crf)[:1], abs=1e-6)
    assert predict(model, ecg[:0], crf[:0]).shape == (0,)


def test_the_best_epoch_is_kept_and_patience_ends(people):
    ecg, crf, event = (one[:400] for one in people)
    held_back = np.arange(400) % 4 == 0

    def auroc(epochs: int, patience: int = 100) -> float:
        model = trained(people, training=DiaNetTraining(epochs=epochs, patience=patience))
        return roc_auc_score(event[held_back], predict(model, ecg, crf)[held_back])

    assert auroc(1) <= auroc(5) <= auroc(15)
    # Of nothing to be learned the first epochs are as good as any: patience ends it soon.
    blank = np.zeros((600, 4)), np.zeros((600, 2)), people[2]
    forever = DiaNetTraining(epochs=10**9, patience=2)
    assert len(np.unique(of_others(trained(blank, training=forever), blank))) == 1


def test_people_all_of_one_kind_cannot_be_trained_on(people):
    ecg, crf, event = people
    for held_back in (event, ~event):
        with pytest.raises(ValueError, match="with the event and without"):
            train_dianet(CONFIG, ecg, crf, event, held_back, rng=stream(0, ""))


def test_inputs_of_another_width_are_refused(model):
    with pytest.raises(ValueError, match=r"wanted \(B, 4\)"):
        predict(model, np.zeros((3, 5)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="at least one"):
        DiaNetConfig(0, 0)


@pytest.mark.parametrize("config", [CONFIG, DiaNetConfig(0, 2)], ids=str)
def test_a_saved_model_says_the_same(people, tmp_path: Path, config):
    model = trained(people, config)
    artifact.save(model, tmp_path / "model.safetensors")
    loaded = artifact.load(tmp_path / "model.safetensors")
    assert loaded.config == config
    assert of_others(loaded, people).tolist() == of_others(model, people).tolist()


@pytest.mark.parametrize("settings", [{"n_ecg": -1}, {"n_ecg": 10**9}, {"n_crf": "6"}, {"x": 1}])
def test_a_configuration_that_cannot_be_is_refused(model, tmp_path: Path, settings):
    path = tmp_path / "model.safetensors"
    artifact.save(model, path)
    described = json.loads(path.with_suffix(".json").read_text())
    described["config"] |= settings
    path.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(ModelError):
        artifact.load(path)


def test_one_architecture_does_not_pass_for_another(model, tmp_path: Path):
    path = tmp_path / "model.safetensors"
    artifact.save(model, path)
    described = json.loads(path.with_suffix(".json").read_text())
    for name in ("vit", "resnet", ["dianet"], None):
        path.with_suffix(".json").write_text(json.dumps(described | {"architecture": name}))
        with pytest.raises(ModelError):
            artifact.load(path)
    vit = ViTConfig(n_leads=1, n_samples=10, patch=5, width=8, depth=1, heads=1, head_dim=8)
    artifact.save(create(vit, stream(0, "")), path)
    path.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(ModelError, match="unknown or missing"):
        artifact.load(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda held: held.update({"ecg.median": torch.zeros(5)}), "5"),
        (lambda held: held["crf.scale"].fill_(torch.inf), "finite"),
        (
            lambda held: held.update({"ecg.layers.1.num_batches_tracked": torch.tensor(0.0)}),
            "wants I64",
        ),
    ],
    ids=["other shape", "not finite", "other numbers"],
)
def test_tensors_that_do_not_fit_the_configuration_are_refused(model, tmp_path, change, said):
    path = tmp_path / "model.safetensors"
    artifact.save(model, path)
    held = load_file(path)
    change(held)
    save_file(held, path)
    with pytest.raises(ModelError, match=said):
        artifact.load(path)
