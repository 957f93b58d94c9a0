"""CroMoTEX makes of the same numbers what its authors' code makes, and learns what it should."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from auditor.core.errors import ModelError, SignalError
from auditor.core.streams import stream
from auditor.learning.device import fork_rng
from auditor.systems.cromotex.network import (
    LEADS,
    STAGES,
    Contrast,
    CroMoTEX,
    CroMoTEXConfig,
    ImageClassifier,
    ImageConfig,
    View,
    align_loss,
    auroc,
    baseline,
    fine_tune_loss,
    image_loss,
    learning_rate,
    load_published,
    oversampled,
    own_name,
    prepare,
    prepare_image,
    pretrain_loss,
    view_loss,
)
from tests.systems.parity import assert_same

#: The size of the fixtures.
SMALL = replace(CroMoTEXConfig.small(), head=True, heads=4, layers=4)
PTB_XL = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="module")
def folder(parity) -> Path:
    return parity / "cromotex"


@pytest.fixture(scope="module")
def io(folder) -> dict[str, torch.Tensor]:
    return load_file(folder / "io.safetensors")


@pytest.fixture(scope="module")
def losses(folder) -> dict:
    return json.loads((folder / "losses.json").read_text())


@pytest.fixture(scope="module")
def published(folder) -> CroMoTEX:
    return load_published(folder / "weights.safetensors", replace(SMALL, feed_forward=2048))


def created(config: CroMoTEXConfig = SMALL, seed: int = 0) -> CroMoTEX:
    with fork_rng(stream(seed, "create")):
        return CroMoTEX(config)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_ecg(n: int = 6) -> torch.Tensor:
    return torch.rand(n, 12, 1000, generator=generator(7)) * 2 - 1


def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.randn(2, 20, 8, generator=generator(3), dtype=torch.float64)
    one, other = F.normalize(drawn, dim=-1)
    return one, other


# --- inputs -------------------------------------------------------------------------------


def test_a_recording_is_prepared_as_theirs(io):
    raw = io["preprocess/input_500hz_mV"].numpy()
    assert_same(prepare(raw, 500.0, LEADS), io["preprocess/normalised"])
    at_100 = io["preprocess/resampled_100hz"].numpy().astype(float)
    assert_same(at_100 - baseline(at_100), io["preprocess/baseline_removed"])


def test_leads_are_found_by_name(parity):
    shared = load_file(parity / "transforms" / "io.safetensors")
    raw = shared["raw_500hz_mV"].numpy()  # aVF stands before aVL
    assert_same(prepare(raw, 500.0, LEADS), shared["cromotex/input"])
    other = [LEADS.index(lead) for lead in PTB_XL]
    assert_same(prepare(raw[other], 500.0, PTB_XL), shared["cromotex/input"])


def test_a_lead_fills_its_range_and_a_flat_one_lies_at_the_bottom():
    raw = stream(0, "raw").standard_normal((12, 4096)).astype(np.float32).cumsum(axis=1)
    raw[3] = 0
    raw[5, :40] = np.nan
    z = prepare(raw, 400.0, PTB_XL)
    assert z.shape == (12, 1000)
    assert z.dtype == np.float32
    assert (z[3] == -1).all()
    moving = np.delete(z, 3, axis=0)
    assert moving.min(axis=1) == pytest.approx(-1)
    assert moving.max(axis=1) == pytest.approx(1)


def test_a_missing_lead_and_a_short_recording_are_refused():
    raw = np.zeros((12, 5000), dtype=np.float32)
    with pytest.raises(SignalError, match=r"no lead V6, wanted all twelve"):
        prepare(raw[:11], 500.0, PTB_XL[:11])
    with pytest.raises(SignalError, match=r"lasts 8 s, wanted at least 10 s"):
        prepare(raw[:, :4000], 500.0, PTB_XL)


def test_a_radiograph_is_prepared_as_theirs(io):
    found = [prepare_image(one[0].numpy(), side=64) for one in io["image/grey_0_1"]]
    assert_same(np.stack(found), io["image/grey_pm1024"])


def test_of_a_wide_radiograph_the_middle_is_seen():
    grey = np.zeros((60, 100), dtype=np.float32)
    grey[:, 20:80] = 1
    assert prepare_image(grey, side=32) == pytest.approx(1024)


# --- views --------------------------------------------------------------------------------


def drawn(folder: Path) -> View:
    one = json.loads((folder / "augmentation.json").read_text())["draw"]
    return View(
        torch.tensor([one["angles_deg_z_y_x"]], dtype=torch.float64),
        torch.tensor([one["scales_x_y_z"]], dtype=torch.float64),
        torch.tensor([one["mask_start"]]),
    )


def test_a_view_is_theirs_with_their_fault(folder, io):
    view, ecg = drawn(folder), io["aug/input"][None]
    assert_same(view.turned(ecg, limbs_swapped=True)[0], io["aug/before_mask"])
    assert_same(view(ecg, limbs_swapped=True)[0], io["aug/output"])
    lost = (view(torch.ones_like(ecg), limbs_swapped=True) == 0).sum(dim=-1)
    assert (lost == 250).all()


def test_without_their_fault_limb_leads_stay_what_they_are(folder, io):
    view, ecg = drawn(folder), io["aug/input"][None].double()
    lead = dict(zip(LEADS, view.turned(ecg)[0], strict=True))
    torch.testing.assert_close(lead["aVF"], lead["II"] - lead["I"] / 2)
    torch.testing.assert_close(lead["aVL"], lead["I"] - lead["II"] / 2)
    torch.testing.assert_close(lead["aVR"] + lead["aVL"] + lead["aVF"], torch.zeros_like(ecg[0, 0]))
    faulty = dict(zip(LEADS, view.turned(ecg, limbs_swapped=True)[0], strict=True))
    assert torch.equal(faulty["aVF"], lead["aVL"])
    assert torch.equal(faulty["aVL"], lead["aVF"])
    assert all(torch.equal(faulty[one], lead[one]) for one in LEADS if one not in ("aVL", "aVF"))


def test_views_are_drawn_within_their_bounds_and_from_the_generator_alone():
    state = torch.random.get_rng_state()
    view = View.draw(2000, generator())
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(view.angles, View.draw(2000, generator()).angles)
    assert -45 <= view.angles.min() < -44
    assert 44 < view.angles.max() <= 45
    assert 1 <= view.scales.min() < 1.01
    assert 1.49 < view.scales.max() <= 1.5
    assert (view.starts.min(), view.starts.max()) == (0, 999)


# --- the model ----------------------------------------------------------------------------


@pytest.mark.parametrize("with_gradients", [True, False])
def test_every_stage_of_the_encoders_is_theirs(published, io, with_gradients):
    with torch.set_grad_enabled(with_gradients):
        encoder, ecg = published.ecg, io["ecg"]
        found = {
            "encoder/conv1_first8": encoder.patches[:3](ecg)[..., :8],
            "encoder/patches": encoder.patches(ecg).transpose(1, 2),
            "encoder/transformer_input": encoder.placed(ecg),
            "encoder/layer0": encoder.layers[0](encoder.placed(ecg)),
            "encoder/tokens": encoder.tokens(ecg),
            "encoder/pooled": encoder(ecg),
        }
        output = published(ecg)
        found["encoder/embedding_l2"] = output.embedding
        found["encoder/projection_l2"] = output.projection
        found["encoder/linear_logit"] = published.probe(encoder(ecg))
        found["finetune/logit"] = output.logit[:, None]
        found["image/feature_map"] = published.image.features(io["image/grey_pm1024"])
        found["image/projection_l2"] = published.project(io["image/grey_pm1024"])
    assert found["encoder/tokens"].shape[1] == 197
    for name, value in found.items():
        assert_same(value.detach(), io[name])


def test_the_published_size_has_the_published_tensors(folder):
    names = json.loads((folder / "names.json").read_text())
    both = names["multimodal_model"] | names["finetune_head_prefix_classif_head"]
    configs = {
        "multimodal_model": CroMoTEXConfig(),
        "ecg_pretrain_model": CroMoTEXConfig(image=None),
        "both": CroMoTEXConfig(head=True),
    }
    for which, config in configs.items():
        wanted = {own_name(name): shape for name, shape in (names | {"both": both})[which].items()}
        wanted.pop(None)
        with torch.device("meta"):
            model = CroMoTEX(config)
        assert {name: list(one.shape) for name, one in model.state_dict().items()} == wanted
    assert model.image.n_features == 1024
    # DenseNet-121 has 7,978,856, of which its head 1,025,000 and two more colours 6,272.
    assert sum(one.numel() for one in model.image.parameters()) == 6_947_584


def test_weights_of_another_size_are_refused(folder, tmp_path):
    path = folder / "weights.safetensors"
    with pytest.raises(ModelError, match=r"ecg\.layers\.4"):
        load_published(path, replace(SMALL, feed_forward=2048, layers=5))
    with pytest.raises(ModelError, match=r"unexpected head\.0\.bias"):
        load_published(path, replace(SMALL, feed_forward=2048, head=False))
    tensors = load_file(path)
    tensors["more"] = torch.zeros(1)
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="unexpected more"):
        load_published(tmp_path / "w.safetensors", replace(SMALL, feed_forward=2048))


def test_a_model_draws_nothing_when_it_does_not_learn():
    model, state = created().eval(), torch.random.get_rng_state()
    ecg = some_ecg()
    assert torch.equal(model(ecg).embedding, model(ecg).embedding)
    assert torch.equal(state, torch.random.get_rng_state())


def test_ecgs_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"wanted \(B, 12, 1000\)"):
        created()(torch.zeros(2, 12, 999))


def test_what_a_stage_learned_is_handed_on():
    config = SMALL.image or ImageConfig()
    with fork_rng(stream(5, "image")):
        first = ImageClassifier(config)
    second = created(replace(SMALL, image=None, head=False), seed=6)
    third = created(replace(SMALL, head=False))
    head_before = third.project_image.weight.clone()
    third.start_from(first)
    third.start_from(second)
    for own, theirs in ((third.image, first.image), (third.ecg, second.ecg)):
        for name, one in own.state_dict().items():
            assert torch.equal(one, theirs.state_dict()[name])
    assert torch.equal(third.project_image.weight, head_before)


@pytest.mark.parametrize("fault", [False, True])
def test_a_frozen_image_encoder_keeps_its_statistics_unless_asked_for_the_fault(fault):
    model = created(replace(SMALL, batch_statistics=fault))
    model.only(*STAGES["align"])
    model.train()
    images = torch.randn(4, 1, 64, 64, generator=generator())
    before = {name: one.clone() for name, one in model.image.state_dict().items()}
    align_loss(model, some_ecg(4), images, torch.tensor([0, 1, 0, 1])).backward()
    after = model.image.state_dict()
    kept = all(torch.equal(one, after[name]) for name, one in before.items())
    assert kept is not fault
    assert all(one.grad is None for one in model.image.parameters())


# --- losses -------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", ["0.01", "0.1", "0.5"])
def test_the_loss_of_views_is_theirs_with_their_fault_and_right_without(io, losses, temperature):
    found = [
        float(view_loss(io["loss/img"], io["loss/ts"], float(temperature), two_maxima=fault))
        for fault in (False, True)
    ]
    assert found[0] == pytest.approx(losses["simclr_one_shared_maximum"][temperature], rel=1e-6)
    assert found[1] == pytest.approx(losses["simclr_released_code"][temperature], rel=1e-6)


KINDS = ["none_0.1", "none_0.01", "topk_0.01", "topk_0.1", "linear_0.01", "linear_0.1"]


@pytest.mark.parametrize("kind", [*KINDS, "exp_0.01", "exp_0.1", "exp_1_alpha_0.5"])
def test_the_contrast_is_theirs_by_either_rule(io, losses, kind):
    of = losses["supervised"][kind]
    for columns in ("all_columns", "negatives_only"):
        for floors in ("with_eps", "exact"):
            wanted = of.get(f"independent_{columns}", {}).get(floors)
            if wanted is None:
                assert of["mode"] == "none"
                continue
            contrast = Contrast(
                of["mode"],
                of["temperature"],
                of["alpha"],
                of["fraction"],
                all_columns=columns == "all_columns",
                floors=floors == "with_eps",
            )
            image, ecg, labels = io["loss/img"], io["loss/ts"], io["loss/labels"]
            found = {
                "total": contrast(image, ecg, labels),
                "img_to_ts": contrast.one_way(image, ecg, labels),
                "ts_to_img": contrast.one_way(ecg, image, labels),
            }
            for name, value in found.items():
                assert float(value) == pytest.approx(wanted[name], rel=1e-6)
                released = of["released_code"][name]
                if columns == "all_columns" and floors == "with_eps" and released is not None:
                    assert float(value) == pytest.approx(released, rel=1e-5)


@pytest.mark.parametrize("columns", ["all_columns", "negatives_only"])
@pytest.mark.parametrize("mode", ["topk", "linear", "exp"])
def test_the_factors_are_theirs(io, mode, columns):
    contrast = Contrast(mode, 0.1, all_columns=columns == "all_columns")
    labels = io["loss/labels"]
    similarity = io["loss/img"].double() @ io["loss/ts"].double().T / 0.1
    found = contrast.factors(similarity, labels[:, None] != labels)
    wanted = io[f"loss/factors/{mode}_0.1/{columns}"]
    assert_same(found, wanted)
    assert float(((found - wanted) / wanted).abs().max()) < 1e-5  # the small ones too


@pytest.mark.parametrize("temperature", [0.01, 0.1])
def test_the_gradient_is_theirs(io, temperature):
    image, ecg = (io[f"loss/{one}"].clone().requires_grad_() for one in ("img", "ts"))
    released = Contrast("topk", temperature, all_columns=True, floors=True)
    released(image, ecg, io["loss/labels"]).backward()
    assert_same(image.grad, io[f"loss/grad_topk_{temperature}/img"])
    assert_same(ecg.grad, io[f"loss/grad_topk_{temperature}/ts"])


def test_floors_silence_most_pairs_and_the_paper_s_loss_does_not():
    one, other = vectors()
    labels = torch.arange(20) % 2

    def silent(floors: bool) -> int:
        far = one.clone().requires_grad_()
        Contrast(floors=floors).one_way(far, other, labels).backward()
        return int((far.grad.norm(dim=1) < 1).sum())

    assert silent(floors=False) == 0
    assert silent(floors=True) > 5


def test_positives_count_once_in_the_denominator_whatever_the_weighting():
    one, other = vectors()
    labels = torch.arange(20) % 3
    same = labels[:, None] == labels
    similarity = one @ other.T / 0.1
    for mode in ("topk", "linear", "exp"):
        factors = Contrast(mode, 0.1).factors(similarity, ~same)
        assert (factors[same] == 1).all()
        assert (factors >= 1).all()
        assert (factors[~same] > 1).any()


@pytest.mark.parametrize("mode", ["none", "topk", "linear", "exp"])
@pytest.mark.parametrize("labels", [torch.zeros(20), torch.arange(20)])
def test_a_batch_without_negatives_or_positives_still_has_a_loss(mode, labels):
    one, other = vectors()
    one.requires_grad_()
    for pair_weight in (0.0, 3.0):
        loss = Contrast(mode, pair_weight=pair_weight)(one, other, labels)
        loss.backward()
        assert loss.isfinite()
        assert one.grad.isfinite().all()


def test_the_pair_s_weight_rewards_the_pair():
    one, other = vectors()
    labels = torch.zeros(20)
    paired, muddled = (
        float(Contrast("none", 0.1, pair_weight=10)(one, two, labels)) for two in (one, other)
    )
    assert paired < muddled
    # Without it, all of one label are alike, so that their order says nothing.
    shuffled = one[torch.randperm(20, generator=generator())]
    weightless = Contrast("none", 0.1, pair_weight=1.0)
    assert float(weightless(one, one, labels)) == pytest.approx(
        float(weightless(one, shuffled, labels))
    )


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="past float64"):
        Contrast("exp", 0.001)
    with pytest.raises(ValueError, match="wanted a temperature"):
        Contrast(temperature=0)


# --- training -----------------------------------------------------------------------------


def test_objectives_hang_on_their_generator_and_reach_what_their_stage_trains():
    ecg, labels = some_ecg(), torch.tensor([0, 1, 0, 1, 1, 0])
    images = torch.randn(6, 1, 64, 64, generator=generator())
    objectives = {
        "pretrain": lambda model: pretrain_loss(model, ecg, generator(), 0.1),
        "align": lambda model: align_loss(model, ecg, images, labels),
        "fine_tune": lambda model: fine_tune_loss(model, ecg, labels),
    }
    for stage, objective in objectives.items():
        model = created()
        model.only(*STAGES[stage])
        objective(model).backward()
        for name, part in model.named_children():
            reached = [one.grad is not None for one in part.parameters()]
            assert all(reached) if name in STAGES[stage] else not any(reached)
    model = created().eval()
    with torch.no_grad():
        first, again, other = (pretrain_loss(model, ecg, generator(s), 0.1) for s in (0, 0, 1))
    assert first == again != other


def test_radiographs_are_told_apart_after_the_first_stage():
    with fork_rng(stream(0, "image")):
        model = ImageClassifier(SMALL.image or ImageConfig())
    labels = torch.arange(16) % 2
    images = 100 * torch.randn(16, 1, 64, 64, generator=generator())
    images[labels == 1, :, 20:40, 20:40] += 500
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = float(image_loss(model, images, labels).detach())
    for _ in range(8):
        optimizer.zero_grad()
        loss = image_loss(model, images, labels)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < first / 2


def findings(n: int, seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """ECGs of noise; with the finding, one lead has a wave."""
    labels = np.arange(n) % 2
    ecg = 0.3 * torch.randn(n, 12, 1000, generator=generator(seed))
    wave = torch.sin(torch.arange(1000) / 5)
    ecg[torch.from_numpy(labels) == 1, 7] += 0.6 * wave
    return ecg, labels


def test_a_planted_finding_is_learned_as_people_held_back_see_it():
    model = created(replace(SMALL, image=None, layers=1))
    model.only(*STAGES["fine_tune"])
    ecg, labels = findings(32, seed=1)
    held_back = findings(32, seed=2)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=3e-3)
    seen = []
    with fork_rng(stream(0, "train")):
        model.train()
        for _ in range(7):
            optimizer.zero_grad()
            fine_tune_loss(model, ecg, torch.from_numpy(labels)).backward()
            optimizer.step()
            seen.append(auroc(model.eval(), *held_back))
            model.train()
    assert max(seen) > 0.9
    with torch.no_grad():
        model.head[-1].weight.zero_()
    assert auroc(model.eval(), *held_back) == 0.5


def test_the_pace_is_theirs(folder):
    wanted = json.loads((folder / "config.json").read_text())["lr_by_epoch_peak_1e-4"]
    for epoch, rate in wanted.items():
        assert learning_rate(int(epoch)) == pytest.approx(rate, rel=1e-9)


def test_those_with_the_finding_are_drawn_as_many_times():
    rows = oversampled(np.array([0, 1, 0, 1]), 3)
    assert np.bincount(rows).tolist() == [1, 3, 1, 3]
