"""The contract of every registered model."""

import numpy as np
import pytest
import torch

from auditor.attackers.transformer import (
    EMBEDDING,
    MODELS,
    Labels,
    ViT,
    ViTConfig,
    create,
    embed,
    loss,
    predict,
)
from auditor.core.errors import ConfigError
from auditor.core.streams import stream
from auditor.learning.normalise import normalise

SMALL = {"n_leads": 2, "n_samples": 40, "patch": 5, "width": 24, "depth": 2}
SMALL |= {"heads": 3, "head_dim": 16}


def small(seed: int = 0, **changes: object) -> ViT:
    return create(
        ViTConfig(**{**SMALL, "n_ids": 4, "sex": True, "age": True, **changes}), rng(seed)
    )


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, "tests/models")


def windows(n: int, leads: int = 2, samples: int = 40) -> torch.Tensor:
    return torch.from_numpy(rng(9).normal(size=(n, leads, samples)).astype(np.float32))


@pytest.mark.parametrize("n_leads", [1, 8])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_answers_every_question_about_every_window(name, n_leads):
    config = MODELS[name](n_leads=n_leads, n_ids=7, sex=True, age=True)
    model = create(config, rng()).eval()
    output = model(windows(2, n_leads, config.n_samples))
    assert output.embedding.shape == (2, EMBEDDING)
    assert output.identity.shape == (2, 7)
    assert output.sex.shape == output.age.shape == (2,)


@pytest.mark.parametrize("name", MODELS)
def test_a_head_that_was_not_asked_for_does_not_answer(name):
    config = MODELS[name](n_leads=1)
    output = create(config, rng()).eval()(windows(1, 1, config.n_samples))
    assert output.identity is None
    assert output.sex is None
    assert output.age is None


@pytest.mark.parametrize(("name", "patches"), [("strip", 100), ("beat", 40)])
def test_attention_is_paid_to_every_patch_and_to_cls(name, patches):
    config = MODELS[name](n_leads=1)
    model = create(config, rng()).eval()
    seen = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda _, __, paid: seen.append(paid))
    model(windows(1, 1, config.n_samples))
    assert config.n_patches == patches
    shape = (1, config.heads, patches + 1, patches + 1)
    assert [paid.shape for paid in seen] == [shape] * config.depth
    torch.testing.assert_close(seen[0].sum(-1), torch.ones(shape[:3]))


def test_inner_width_of_attention_is_independent_of_the_width():
    model = create(MODELS["strip"](n_leads=1), rng())
    assert model.blocks[0].attn.qkv.weight.shape == (3 * 6 * 64, 256)


def test_the_beat_model_is_small_enough_for_a_laptop():
    model = create(MODELS["beat"](n_leads=1, n_ids=90), rng())
    assert sum(parameter.numel() for parameter in model.parameters()) < 1_000_000


def test_an_unknown_model_is_answered_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'beat'"):
        MODELS["beats"]


@pytest.mark.parametrize(
    "wrong", [{"patch": 7}, {"depth": 0}, {"dropout": 1.0}, {"n_ids": -1}, {"scale": 0.0}]
)
def test_a_shape_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError):
        ViTConfig(**{**SMALL, **wrong})


def test_windows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="wanted"):
        small()(windows(1, leads=3))


def test_missing_samples_give_finite_answers():
    x = windows(4)
    x[0, 0] = torch.nan
    x[1, :, 5:9] = torch.nan
    x[2] = torch.nan
    x[3, 1, 0] = torch.inf
    for answer in small().eval()(x):
        assert answer.isfinite().all()


def test_a_missing_sample_is_read_as_the_middle_of_its_lead():
    x = windows(1)
    x[0, 0, 7] = torch.nan
    assert normalise(x)[0, 0, 7] == 0


def test_gain_and_offset_of_a_recorder_do_not_matter():
    x = windows(3)
    torch.testing.assert_close(normalise(3 * x + 2), normalise(x), rtol=1e-4, atol=1e-4)


def test_one_spike_hardly_changes_how_the_rest_is_seen():
    x = windows(1, leads=1, samples=200)
    spiked = x.clone()
    spiked[0, 0, 50] = 1000.0
    others = torch.arange(200) != 50
    gap = (normalise(spiked) - normalise(x))[0, 0, others].abs().max()
    assert gap < 0.15


def test_a_flat_lead_stays_flat():
    assert (normalise(torch.full((1, 1, 20), 0.3)) == 0).all()


def test_the_same_seed_gives_the_same_initial_weights_and_another_does_not():
    one, same, other = (small(seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["patches.weight"], other["patches.weight"])


def test_creating_a_model_leaves_the_random_stream_of_others_alone():
    before = torch.get_rng_state()
    small()
    assert torch.equal(torch.get_rng_state(), before)


# --- labels that are missing, and the margin ----------------------------------------------

ZERO, ONE = torch.zeros(()), torch.ones(())


def labelled(**known: object) -> Labels:
    return Labels.of(np.arange(4), **known)


def gradients(labels: Labels) -> dict[str, float]:
    model = small().eval()
    targets = labels.batch(np.arange(4), torch.device("cpu"))
    loss(model(windows(4)), targets, ZERO, ONE).backward()
    return {
        name: 0.0 if one.grad is None else float(one.grad.abs().sum())
        for name, one in model.named_parameters()
    }


def test_where_nothing_is_known_nothing_is_learnt():
    assert sum(gradients(labelled()).values()) == 0


@pytest.mark.parametrize(
    ("known", "head"),
    [
        ({"identity": np.arange(4)}, "people"),
        ({"sex": np.array([0, 1, 0, 1])}, "sex.weight"),
        ({"age": np.array([20, 30, 40, 50])}, "age.weight"),
    ],
)
def test_only_the_head_whose_label_is_known_learns(known, head):
    learnt = gradients(labelled(**known))
    heads = {"people", "sex.weight", "age.weight"}
    assert {name for name in heads if learnt[name] > 0} == {head}
    assert learnt["patches.weight"] > 0


def test_an_item_without_a_label_has_no_influence():
    x = windows(4).requires_grad_()
    labels = labelled(identity=np.array([0, -1, 2, -1]), sex=np.array([1, np.nan, 0, np.nan]))
    targets = labels.batch(np.arange(4), torch.device("cpu"))
    loss(small().eval()(x), targets, ZERO, ONE).backward()
    influence = x.grad.abs().sum(dim=(1, 2))
    assert (influence[[1, 3]] == 0).all()
    assert (influence[[0, 2]] > 0).all()


def test_a_margin_makes_the_same_answer_worth_less():
    output = small().eval()(windows(4))
    targets = labelled(identity=np.arange(4)).batch(np.arange(4), torch.device("cpu"))
    plain = loss(output, targets, ZERO, ONE)
    assert loss(output, targets, ZERO, ONE, margin=2.0) > plain


def test_labels_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="age"):
        labelled(age=np.zeros(3))


def test_age_is_read_in_spreads_of_the_training_people_each_counted_once():
    person = np.array([0, 0, 0, 1, 2, 3])
    age = np.array([20, 20, 20, 40, np.nan, 90], dtype=np.float32)
    model = small()
    model.standardise_age(Labels.of(person, age=age), np.arange(5))
    assert float(model.age_mean) == 30
    assert float(model.age_std) == 10
    model.standardise_age(Labels.of(person), np.arange(5))
    assert float(model.age_mean) == 30


# --- what it says -------------------------------------------------------------------------


def test_rows_come_back_in_order_whatever_the_batch():
    model, x = small(), windows(120).numpy()
    whole = embed(model, lambda i: x[i], len(x), batch=500)
    parts = embed(model, lambda i: x[i], len(x), batch=7)
    assert parts == pytest.approx(whole, abs=1e-5)
    turned = embed(model, lambda i: x[::-1][i], len(x), batch=50)
    assert turned[::-1] == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("name", ["strip", "beat"])
def test_each_named_variant_answers_every_question(name):
    config = MODELS[name](n_leads=2, n_ids=4, sex=True, age=True)
    model = create(config, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(3, 2, config.n_samples)).astype(np.float32)
    said = predict(model, lambda i: x[i], 3)
    assert said.identity.shape == (3, 4)
    assert said.sex.shape == said.age.shape == (3,)
    assert said.embedding.shape == (3, 128)
    assert config.n_patches == {"strip": 100, "beat": 40}[name]
