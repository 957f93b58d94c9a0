"""The cine's autoencoder against the authors' own numbers; likeness against a second opinion."""

from __future__ import annotations

import json
from math import prod

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.ndimage import correlate

from auditor.core.streams import stream
from auditor.learning.device import fork_rng
from auditor.systems.cardionets.network import load_published
from auditor.systems.cardionets.vae import VAE, GeneratorConfig, drawn, kl, psnr, ssim, vae_loss
from tests.systems.parity import assert_same

SMALL = GeneratorConfig(
    frames=20, size=48, channels=32, widen="1112", vae_blocks=1, latent=4, condition=24, width=48,
    depth=2, heads=4, buffer=8, mlp_width=64,
)  # fmt: skip
TINY = GeneratorConfig(
    frames=4, size=16, channels=32, widen="1111", vae_blocks=1, latent=2, patch_time=1, patch=1
)


@pytest.fixture(scope="module")
def io(parity):
    return load_file(parity / "cardionets" / "io.safetensors")


@pytest.fixture(scope="module")
def vae(parity):
    weights = parity / "cardionets" / "weights_vae_float16.safetensors"
    return load_published(weights, SMALL, VAE)


def test_every_stage_is_that_of_the_authors(vae, io, parity):
    with torch.no_grad():
        assert_same(vae.encoder(io["vae/x"]), io["vae/encoder_features"])
        mean, log_variance = vae.encode(io["vae/x"])
        assert_same(mean, io["vae/mean"])
        assert_same(log_variance, io["vae/logvar_clamped"])
        latents = drawn(mean, log_variance, io["vae/noise"])
        assert_same(latents, io["vae/latent_normalised"])
        assert_same(vae.decode(latents), io["vae/reconstruction"])
    losses = json.loads((parity / "cardionets" / "losses.json").read_text())
    assert kl(mean, log_variance).tolist() == pytest.approx(losses["vae_kl"], rel=1e-5)


def test_at_the_published_size_every_tensor_has_its_published_shape(parity):
    theirs = json.loads((parity / "cardionets" / "names.json").read_text())["vae"]["parameters"]
    with torch.device("meta"):
        own = {key: list(one.shape) for key, one in VAE(GeneratorConfig()).named_parameters()}
    assert own == {VAE.renamed(key): shape for key, shape in theirs.items()}
    assert sum(map(prod, own.values())) == 277_734_097


def test_a_cine_is_learned_and_the_latent_depends_on_the_seed_alone():
    generator = torch.Generator().manual_seed(0)
    cine = torch.linspace(-1, 1, 1024).reshape(1, 1, 4, 16, 16)
    with fork_rng(stream(0, "weights")):
        vae = VAE(TINY)
    before = torch.random.get_rng_state()
    optimizer = torch.optim.Adam(vae.parameters(), lr=3e-3)
    seen = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = vae_loss(vae, cine, generator)
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    assert seen[-1] < 0.7 * seen[0]
    one, again, other = (
        vae.latents(cine, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_ssim_is_that_of_its_formula():
    rng = stream(0, "cines")
    a = rng.uniform(-1, 1, (2, 16, 14))
    b = np.clip(a + 0.3 * rng.standard_normal(a.shape), -1, 1)
    at = np.arange(-5, 6)
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    window = (window / window.sum())[None]

    def mean(x):
        return correlate(x, window)[:, 5:-5, 5:-5]

    ma, mb = mean(a), mean(b)
    va, vb, c = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.02**2, 0.06**2
    local = (2 * ma * mb + c1) * (2 * c + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim(a, b) == pytest.approx(local.mean(), rel=1e-9)
    assert ssim(a, a) == pytest.approx(1)


def test_psnr_is_that_of_its_formula():
    a = np.zeros((1, 4, 4), dtype=np.float32)
    assert psnr(a, a + 0.2) == pytest.approx(20, abs=1e-4)
    assert psnr(a, a) == np.inf


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="no whole tokens"):
        GeneratorConfig(size=100)
    with pytest.raises(ValueError, match="multiple of groups"):
        GeneratorConfig(groups=48)
    with pytest.raises(ValueError, match="multiple of 8"):
        GeneratorConfig(channels=4, groups=4, widen="1111")
    with pytest.raises(ValueError, match="widen"):
        GeneratorConfig(widen="124")
    with pytest.raises(ValueError, match="dropout"):
        GeneratorConfig(dropout=1.0)
