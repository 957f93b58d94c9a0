"""CardioNets' encoders against the authors' own numbers, and what its objectives must obey."""

from __future__ import annotations

import json
from math import prod

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from auditor.core.errors import ModelError, SignalError
from auditor.core.record import STANDARD_LEADS
from auditor.core.streams import stream
from auditor.learning.device import fork_rng
from auditor.systems.cardionets.network import (
    BlockFusion,
    CardioNetsConfig,
    CmrEncoder,
    EcgEncoder,
    GatedFusion,
    MaskedEcg,
    PhenotypeHead,
    alignment_loss,
    info_nce,
    load_published,
    masked_loss,
    phenotype_loss,
    preprocess,
    preprocess_cine,
    repulsion,
    soft_positives,
)
from tests.systems.parity import assert_same

SMALL = CardioNetsConfig(width=48, depth=2, heads=4, mlp_ratio=2, out=24, n_classes=3)
#: The order of the parity recordings, which is that of MIMIC-IV-ECG.
STORED = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="module")
def folder(parity):
    return parity / "cardionets"


@pytest.fixture(scope="module")
def io(folder):
    return load_file(folder / "io.safetensors")


@pytest.fixture(scope="module")
def published(folder):
    return json.loads((folder / "names.json").read_text())


@pytest.fixture(scope="module")
def losses(folder):
    return json.loads((folder / "losses.json").read_text())["alignment"]


@pytest.fixture(scope="module")
def ecg(folder):
    return load_published(folder / "weights.safetensors", SMALL, EcgEncoder)


@pytest.fixture(scope="module")
def cmr(folder):
    return load_published(folder / "weights.safetensors", SMALL, CmrEncoder)


@pytest.fixture
def seeded():
    with fork_rng(stream(0, "weights")):
        yield


def test_every_stage_of_the_ecg_encoder_is_that_of_the_authors(ecg, io):
    x = io["ecg/x"]
    with torch.no_grad():
        assert_same(ecg.patches(x.reshape(2, 12, 30, 75)), io["ecg/patch_embedding"])
        assert_same(ecg.sentences(x), io["ecg/block0_input"])
        assert_same(ecg.blocks[0](io["ecg/block0_input"]), io["ecg/block0_output"])
        assert_same(ecg.tokens(x), io["ecg/tokens"])
        assert_same(ecg.pooled(x), io["ecg/pooled"])
        assert_same(ecg(x), io["ecg/embedding"])


def test_a_recording_is_the_mean_of_its_three_crops(ecg, io):
    crops = preprocess(io["preprocess/input_500hz_mV"].numpy(), 500, STANDARD_LEADS)
    assert_same(crops, io["preprocess/crops_standardised"])
    with torch.no_grad():
        assert_same(
            ecg.of_crops(torch.from_numpy(crops)[None]), io["ecg/three_crop_mean_embedding"]
        )


def test_leads_are_picked_by_name_in_the_standard_order(parity):
    raw = load_file(parity / "transforms" / "io.safetensors")
    back = [STANDARD_LEADS.index(lead) for lead in STORED]
    found = preprocess(raw["raw_500hz_mV"].numpy(), 500, STORED)[:, back]
    assert_same(found, raw["cardionets/three_crops"])
    found = preprocess(raw["raw_500hz_mV"].numpy(), 500, STORED, starts=(60,))[0, back]
    assert_same(found, raw["cardionets/crop_at_60"])


def test_a_recording_without_a_lead_or_too_short_is_refused():
    with pytest.raises(SignalError, match="no lead V6"):
        preprocess(np.zeros((11, 5000)), 500, STANDARD_LEADS[:-1])
    with pytest.raises(SignalError, match=r"9\.8 s long, wanted 10 s"):
        preprocess(np.zeros((12, 4900)), 500, STANDARD_LEADS)


def test_a_flat_or_missing_recording_is_all_zeros():
    assert not preprocess(np.full((12, 5000), np.nan), 500, STANDARD_LEADS).any()


def test_every_stage_of_the_cmr_encoder_is_that_of_the_authors(cmr, io):
    cines = torch.from_numpy(preprocess_cine(io["cmr/x_uint8"].numpy()))
    with torch.no_grad():
        assert_same(cmr.tokens(cines), io["cmr/tokens_with_class"])
        assert_same(cmr(cines), io["cmr/embedding"])


def test_both_fusions_are_those_of_the_authors(folder, io):
    tokens = io["ecg/tokens"][:1], io["cmr/tokens_with_class"]
    for kind, name in ((BlockFusion, "blocks"), (GatedFusion, "gate")):
        fusion = load_published(folder / "weights.safetensors", SMALL, kind)
        with torch.no_grad():
            assert_same(fusion(*tokens), io[f"fusion/logits_{name}"])


def test_each_alignment_loss_is_that_of_the_authors(io, losses):
    ze, zc, phi = (io[f"align/{name}"] for name in ("ze", "zc", "phi"))
    weights = repulsion(phi)
    assert_same(weights, io["align/weights_sigma_0.5"])
    exact = {"rel": 1e-5}
    plain = (info_nce(ze, zc) + info_nce(zc, ze)) / 2
    assert float(plain) == pytest.approx(losses["plain_infonce"], **exact)
    for pair, name in (((ze, zc), "ecg_to_cmr"), ((zc, ze), "cmr_to_ecg")):
        weighted, soft = info_nce(*pair, weights=weights), soft_positives(*pair, phi)
        assert float(weighted) == pytest.approx(losses["weighted"][name], **exact)
        assert float(soft) == pytest.approx(losses["soft_positive_supcon"][name], **exact)
    for radius, expected in losses["soft_positive_supcon_by_eps"].items():
        found = float(soft_positives(ze, zc, phi, radius=float(radius)))
        assert found == pytest.approx(expected["ecg_to_cmr"], **exact)


def test_the_weighted_loss_has_the_gradient_of_the_authors(io):
    ze, zc = io["align/ze"].clone().requires_grad_(), io["align/zc"]
    weights = repulsion(io["align/phi"])
    ((info_nce(ze, zc, weights=weights) + info_nce(zc, ze, weights=weights)) / 2).backward()
    assert_same(ze.grad, io["align/grad_weighted_ze"])


class Given(torch.nn.Module):
    """An encoder that says what it was told to."""

    def __init__(self, embedding):
        super().__init__()
        self.embedding, self.head = embedding, torch.nn.Identity()

    def forward(self, x):
        return self.embedding

    def tokens(self, x):
        return self.embedding[:, None]


def test_the_whole_objective_adds_up_as_the_authors_does(io, losses):
    models = Given(io["align/ze"]), Given(io["align/zc"])
    phi, x = io["align/phi"], torch.zeros(16)
    for found, expected in (
        (alignment_loss(*models, x, x), losses["plain_infonce"]),
        (alignment_loss(*models, x, x, phi), losses["weighted"]["mean"]),
        (alignment_loss(*models, x, x, phi, soft=True), losses["weighted_plus_supcon"]),
    ):
        assert float(found) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="soft positives"):
        alignment_loss(*models, x, x, soft=True)


def test_twin_hearts_do_not_repel_one_another():
    a, b = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0))
    twins = torch.zeros(8, 3)
    assert float(info_nce(a, b, weights=repulsion(twins))) == 0
    assert float(info_nce(a, b, weights=repulsion(1e3 * torch.eye(8)))) == pytest.approx(
        float(info_nce(a, b))
    )


@pytest.mark.usefixtures("seeded")
def test_alignment_trains_the_ecg_and_the_cmrs_head_alone():
    config = CardioNetsConfig(width=16, depth=1, heads=2, mlp_ratio=1, out=8, frames=2, size=16)
    ecg, cmr = EcgEncoder(config), CmrEncoder(config)
    alignment_loss(ecg, cmr, torch.randn(3, 12, 2250), torch.randn(3, 2, 16, 16)).backward()
    assert all(one.grad is not None for one in ecg.parameters())
    learning = {name for name, one in cmr.named_parameters() if one.grad is not None}
    assert learning == {"head.weight", "head.bias"}


@pytest.mark.usefixtures("seeded")
def test_pairs_are_learned_by_heart():
    config = CardioNetsConfig(
        n_samples=75, width=32, depth=1, heads=2, mlp_ratio=1, out=16, frames=2, size=16
    )
    ecg, cmr = EcgEncoder(config), CmrEncoder(config)
    crops, cines = torch.randn(8, 12, 75), torch.randn(8, 2, 16, 16)
    optimizer = torch.optim.AdamW([*ecg.parameters(), *cmr.head.parameters()], lr=3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        loss = alignment_loss(ecg, cmr, crops, cines)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.2 < np.log(8)


@pytest.mark.usefixtures("seeded")
def test_an_unknown_phenotype_teaches_nothing():
    config = CardioNetsConfig(n_samples=150, width=16, depth=1, heads=2, mlp_ratio=1)
    ecg, head, crops = EcgEncoder(config), PhenotypeHead(config), torch.randn(2, 12, 150)
    truth = torch.full((2, 82), torch.nan)
    assert float(phenotype_loss(ecg, head, crops, truth).detach()) == 0
    truth[1, 7] = 3.0
    with torch.no_grad():
        expected = float((head(ecg.pooled(crops))[1, 7] - 3) ** 2)
        assert float(phenotype_loss(ecg, head, crops, truth)) == pytest.approx(expected)


@pytest.mark.usefixtures("seeded")
def test_hidden_patches_are_guessed_but_not_looked_at():
    config = CardioNetsConfig(n_samples=600, width=96, depth=1, heads=2, mlp_ratio=1)
    model, chance = MaskedEcg(EcgEncoder(config)), torch.Generator().manual_seed(0)
    # A sine or its mirror image per record, in every lead: a part tells of the whole.
    phase = np.pi * (torch.arange(8) % 2)[:, None, None]
    crops = torch.sin(torch.arange(600) * 2 * np.pi / 75 + phase).expand(8, 12, 600)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = masked_loss(model, crops, chance)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.2 < float(crops.var())
    seen = torch.tensor([1, 6]).expand(8, 12, 2)
    other = crops.clone()
    other[..., 300:375] = 9.0
    with torch.no_grad():
        assert torch.equal(model(crops, seen), model(other, seen))
        other[..., 75:150] = torch.randn(75)
        assert not torch.equal(model(crops, seen), model(other, seen))


def test_at_the_published_size_every_tensor_has_its_published_shape(published):
    for kind, name, n_parameters in (
        (EcgEncoder, "aligned_ecg_encoder", 85_347_478),
        (CmrEncoder, "cmr_encoder", 95_113_216),
        (PhenotypeHead, "regression_head_82", 240_338),
    ):
        theirs = published[name].get("parameters", published[name])
        with torch.device("meta"):
            own = {key: list(one.shape) for key, one in kind(CardioNetsConfig()).named_parameters()}
        assert own == {kind.renamed(key): shape for key, shape in theirs.items()}
        assert sum(map(prod, own.values())) == n_parameters
    assert CardioNetsConfig().n_patches == 30


def test_a_file_of_one_encoder_needs_no_prefix_and_the_wrong_one_is_refused(folder, io, tmp_path):
    weights = load_file(folder / "weights.safetensors")
    alone = {key[4:]: one for key, one in weights.items() if key.startswith("ecg.")}
    save_file(alone, tmp_path / "ecg.safetensors")
    ecg = load_published(tmp_path / "ecg.safetensors", SMALL, EcgEncoder)
    with torch.no_grad():
        assert_same(ecg(io["ecg/x"]), io["ecg/embedding"])
    with pytest.raises(ModelError, match="missing"):
        load_published(tmp_path / "ecg.safetensors", SMALL, CmrEncoder)


def test_a_large_cine_is_reduced_for_a_small_network_and_a_small_one_is_not():
    cine = np.zeros((2, 3, 64, 64), dtype=np.uint8)
    cine[..., :32] = 255  # the left half is white
    small = preprocess_cine(cine, 32)
    assert small.shape == (2, 3, 32, 32)
    np.testing.assert_allclose(small[..., :14], 1)
    np.testing.assert_allclose(small[..., 18:], -1)
    np.testing.assert_allclose(small.mean(), 0, atol=1e-6)
    np.testing.assert_array_equal(preprocess_cine(cine, 64), preprocess_cine(cine))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="n_samples is no multiple of patch"):
        CardioNetsConfig(n_samples=100)
    with pytest.raises(ValueError, match="wanted uint8"):
        preprocess_cine(np.zeros((50, 96, 96)))
    model = EcgEncoder(CardioNetsConfig.small())
    with pytest.raises(ValueError, match=r"wanted \(B, 12, 2250\)"):
        model(torch.zeros(1, 8, 2250))
