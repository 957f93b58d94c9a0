"""The generator against the authors' own numbers: one step of training, and whole samples."""

from __future__ import annotations

import json
from dataclasses import replace
from math import prod

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import truncnorm

from auditor.core.streams import stream
from auditor.learning.device import fork_rng
from auditor.systems.cardionets.mar import (
    Diffusion,
    Draw,
    Generator,
    _generate,
    generate,
    generator_loss,
    guided,
    mask_of,
    mask_ratio,
    orders,
    sinusoid,
    token_losses,
    unmasking,
)
from auditor.systems.cardionets.network import load_published
from auditor.systems.cardionets.vae import VAE, GeneratorConfig
from tests.systems.parity import assert_same

SMALL = GeneratorConfig(
    frames=20, size=48, channels=32, widen="1112", vae_blocks=1, latent=4, condition=24, width=48,
    depth=2, heads=4, buffer=8, mlp_width=64,
)  # fmt: skip
TINY = GeneratorConfig(
    frames=4, size=16, latent=2, patch_time=1, patch=1, condition=4, width=16, depth=1, heads=2,
    buffer=2, mlp_width=16, mlp_depth=1, dropout=0.0,
)  # fmt: skip


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def folder(parity):
    return parity / "cardionets"


@pytest.fixture(scope="module")
def io(folder):
    return load_file(folder / "io.safetensors")


@pytest.fixture(scope="module")
def schedules(folder):
    return json.loads((folder / "schedules.json").read_text())


@pytest.fixture(scope="module")
def generator(folder):
    return load_published(folder / "weights.safetensors", SMALL, Generator)


@pytest.fixture(scope="module")
def draw(io):
    mask = io["mar/mask"].bool()
    return Draw(mask, torch.zeros(2, dtype=torch.bool), io["mar/t"].long(), io["mar/noise"])


@pytest.fixture
def tiny():
    with fork_rng(stream(0, "weights")):
        return Generator(TINY)


def test_every_stage_of_the_transformers_is_that_of_the_authors(generator, draw, io):
    with torch.no_grad():
        tokens = generator.to_tokens(io["mar/latents"])
        assert_same(tokens, io["mar/tokens"], 1e-9)
        condition = generator.condition(io["mar/condition"])
        assert_same(condition, io["mar/condition_embedding"])
        assert_same(generator.embed_input(tokens, condition), io["mar/encoder_input_after_norm"])
        read = generator.encode(tokens, draw.mask, condition)
        assert_same(read, io["mar/encoder_output"])
        assert_same(generator.decode(read, draw.mask), io["mar/decoder_norm_output_with_buffer"])
        known = generator.known(tokens, draw.mask, condition)
        assert_same(known, io["mar/decoder_z"])
        assert_same(
            known + generator.diffusion_positions, io["mar/decoder_z_with_diffusion_position"]
        )


def test_every_stage_of_the_diffusion_model_is_that_of_the_authors(generator, io):
    denoiser, x, t, c = generator.denoiser, *(io[f"mlp/{name}"] for name in ("x", "t", "c"))
    with torch.no_grad():
        # At t = 999 the last bit of a frequency, which processors round differently, shows.
        assert_same(sinusoid(t), io["mlp/sinusoid"], 1e-4)
        assert_same(denoiser.time(sinusoid(t)), io["mlp/time_embedding"])
        assert_same(denoiser(x, t, c), io["mlp/output"])
        n = len(x) // 2
        found = guided(denoiser(x[:n], t[:n], c[:n]), denoiser(x[:n], t[n:], c[n:]), 3.0)
        assert_same(found, io["mlp/output_guidance_3"][:n])


def test_the_loss_and_each_of_its_rows_are_those_of_the_authors(generator, draw, io, folder):
    losses = json.loads((folder / "losses.json").read_text())
    with torch.no_grad():
        mse, bits = token_losses(generator, io["mar/latents"], io["mar/condition"], draw)
        assert_same(mse, io["mar/mse_per_row"])
        assert_same(bits, io["mar/vb_per_row"])
        loss = generator_loss(generator, io["mar/latents"], io["mar/condition"], draw)
        with_guess = generator_loss(
            generator, io["mar/latents"], io["mar/condition"], draw, guess_weight=1.0
        )
    assert float(loss) == pytest.approx(losses["mar_loss"], rel=1e-5)
    assert float(with_guess - loss) == pytest.approx(losses["mar_mae_loss"], rel=1e-5)


def test_the_mask_hides_the_first_of_the_order(io):
    mask, order = io["mar/mask"].bool(), io["mar/orders"].long()
    assert torch.equal(mask_of(order, int(mask[0].sum())), mask)


@pytest.mark.parametrize("kind", ["guided", "unconditional"])
def test_the_same_noise_makes_the_same_latents_as_the_authors(generator, io, kind):
    known = {key.split("/", 2)[2]: one for key, one in io.items() if f"sample/{kind}/" in key}
    noise = []
    for step in range(4):
        start, later = known[f"step{step}/start_noise"], known[f"step{step}/noise"]
        # Theirs has a second half, of the unconditional twin, that nothing depends on.
        noise += [start, *later[:-1, : len(start)]]
    numbers = iter(noise)
    found = _generate(
        generator,
        io["mar/condition"] if kind == "guided" else None,
        known["orders"].long(),
        lambda shape: next(numbers).reshape(shape),
        steps=4,
        diffusion=Diffusion(5),
        guidance=3.0,
        temperature=1.0,
    )
    assert_same(found, known["latents"])
    assert next(numbers, None) is None


def test_no_latent_is_larger_than_the_bound_though_the_network_knows_nothing(tiny):
    condition = torch.randn(3, 4, generator=rng())
    free, bounded = (
        generate(tiny, condition, rng(1), steps=4, diffusion_steps=25, **bound)
        for bound in ({}, {"largest": 2.5})
    )
    # Untrained, it guesses no noise: all that it started from is taken for signal.
    assert free.abs().max() > 1000
    assert bounded.abs().max() == 2.5


def test_a_sampled_latent_decodes_to_the_authors_cine(folder, io):
    vae = load_published(folder / "weights_vae_float16.safetensors", SMALL, VAE)
    with torch.no_grad():
        cine = vae.decode(io["sample/guided/latents"][:1]).clamp(-1, 1)
    assert_same(cine[:, :, ::5], io["sample/guided/decoded_video_first"])


def test_the_diffusion_schedules_are_those_of_the_authors(schedules):
    full, table = Diffusion(), schedules["cosine_diffusion_1000"]
    at = table["index"]
    np.testing.assert_allclose(full.beta[at], table["beta"], rtol=1e-9)
    np.testing.assert_allclose(full.alpha_bar[at], table["alpha_bar"], rtol=1e-9)
    clipped = table["posterior_log_variance_clipped"]
    np.testing.assert_allclose(full._log_least[at], clipped, rtol=1e-9)
    few, table = Diffusion(5), schedules["respaced_5"]
    assert few.timesteps.tolist() == table["timesteps"]
    np.testing.assert_allclose(few.beta, table["beta"], rtol=1e-9)
    np.testing.assert_allclose(few.alpha_bar, table["alpha_bar"], rtol=1e-9)
    many, table = Diffusion(100), schedules["respaced_100"]
    assert many.timesteps.tolist() == table["timesteps"]
    np.testing.assert_allclose(many.beta[[0, -1]], table["beta_first_last"], rtol=1e-9)
    np.testing.assert_allclose(many.alpha_bar[::10], table["alpha_bar_every_10"], rtol=1e-9)


@pytest.mark.parametrize(("n_tokens", "steps"), [(180, 16), (18, 4)])
def test_tokens_are_unmasked_along_the_authors_cosine(schedules, n_tokens, steps):
    table = schedules[f"unmasking_{n_tokens}_tokens_{steps}_steps"]
    assert unmasking(n_tokens, steps) == [row["predicted_now"] for row in table]


def test_the_mask_ratio_follows_its_law(schedules):
    law = truncnorm(-1.2, 0, loc=1, scale=0.25)
    chance = rng()
    ratios = np.sort([mask_ratio(0.7, chance) for _ in range(2000)])
    assert 0.7 <= ratios[0] < ratios[-1] <= 1
    # Kolmogorov's distance, at a level of about one in a million.
    assert np.abs(law.cdf(ratios) - np.linspace(0, 1, 2000)).max() < 2.7 / np.sqrt(2000)
    assert law.mean() == pytest.approx(schedules["mask_ratio_truncated_normal"]["mean"])


def test_at_the_published_size_every_tensor_has_its_published_shape(folder):
    theirs = json.loads((folder / "names.json").read_text())["generator"]["parameters"]
    config = GeneratorConfig()
    with torch.device("meta"):
        own = {key: list(one.shape) for key, one in Generator(config).named_parameters()}
    assert own == {Generator.renamed(key): shape for key, shape in theirs.items()}
    assert sum(map(prod, own.values())) == 194_024_896
    assert (config.n_tokens, config.token_dim, config.grid) == (180, 320, (5, 6, 6))


def test_tokens_become_the_latents_that_they_were(generator):
    latents = torch.arange(2 * 4 * 10 * 6 * 6.0).reshape(2, 4, 10, 6, 6)
    assert torch.equal(generator.to_latents(generator.to_tokens(latents)), latents)


def test_a_hidden_token_is_not_looked_at(generator, draw, io):
    tokens, condition = io["mar/tokens"], io["mar/condition_embedding"]
    with torch.no_grad():
        known = generator.known(tokens, draw.mask, condition)
        other = torch.where(draw.mask[..., None], 7.0, tokens)
        assert torch.equal(generator.known(other, draw.mask, condition), known)
        other = torch.where(draw.mask[..., None], tokens, 7.0)
        assert not torch.equal(generator.known(other, draw.mask, condition), known)


def test_whose_ecg_is_withheld_does_not_matter(generator, draw, io):
    withheld = Draw(draw.mask, torch.tensor([True, False]), draw.t, draw.noise)
    condition = io["mar/condition"].clone()
    with torch.no_grad():
        before, _ = token_losses(generator, io["mar/latents"], condition, withheld)
        condition[0] += 5
        after, _ = token_losses(generator, io["mar/latents"], condition, withheld)
        assert torch.equal(before, after)
        condition[1] += 5
        changed, _ = token_losses(generator, io["mar/latents"], condition, withheld)
    assert not torch.equal(before, changed)


def test_a_new_diffusion_model_says_nothing_yet(tiny):
    with torch.no_grad():
        said = tiny.denoiser(torch.randn(3, 2), torch.tensor([0, 5, 999]), torch.randn(3, 16))
    assert not said.any()


def test_a_draw_is_that_of_its_seed_and_hides_as_many_in_every_record():
    one, again, other = (Draw.of(TINY, 50, rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.mask, again.mask)
    assert torch.equal(one.noise, again.noise)
    assert not torch.equal(one.noise, other.noise)
    assert len(set(one.mask.sum(dim=1).tolist())) == 1
    assert one.t.shape == (4 * 50 * 8,)
    assert sorted(orders(3, 8, rng())[2].tolist()) == list(range(8))


class Oracle(torch.nn.Module):
    """A diffusion model that knows what every token is, and is as sure as it may be."""

    def __init__(self, token):
        super().__init__()
        self.token = token

    def forward(self, x, t, condition):
        share = torch.from_numpy(Diffusion().alpha_bar)[t, None]
        noise = (x - share.sqrt() * self.token) / (1 - share).sqrt()
        return torch.cat([noise, -torch.ones_like(noise)], dim=1).float()


def test_a_perfect_diffusion_model_draws_the_truth(tiny):
    token = torch.tensor([0.3, -1.2])
    tiny.denoiser = Oracle(token)
    latents = generate(tiny, None, rng(), n=2, steps=3, diffusion_steps=25)
    assert torch.allclose(tiny.to_tokens(latents), token.expand(2, 8, 2), atol=1e-2)


def test_the_generator_learns_whose_heart_is_whose(tiny):
    # Two people, each with latents of their own.
    people, who = torch.eye(2, 4), torch.arange(8) % 2
    latents = torch.tensor([1.5, -1.5])[:, None, None, None, None].expand(2, 2, 2, 2, 2)
    chance, before = rng(), torch.random.get_rng_state()
    learning = [one for one in tiny.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=5e-3)
    for _ in range(80):
        optimizer.zero_grad()
        draw = Draw.of(TINY, 8, chance)
        generator_loss(tiny, latents[who], people[who], draw).backward()
        optimizer.step()
    tiny.eval()
    draw = Draw.of(replace(TINY, condition_drop=0.0, repeat=20), 8, chance)
    draw = replace(draw, mask=torch.ones_like(draw.mask))
    with torch.no_grad():
        own, other = (
            float(generator_loss(tiny, latents[who], people[whose], draw))
            for whose in (who, 1 - who)
        )
    assert own < 0.8 * other
    assert torch.equal(before, torch.random.get_rng_state())


def test_what_is_drawn_depends_on_the_seed_alone(tiny):
    one, again, other = (
        generate(tiny, torch.eye(2, 4), rng(seed), steps=2, diffusion_steps=3) for seed in (1, 1, 2)
    )
    assert one.shape == (2, 2, 2, 2, 2)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
