"""GEM against the authors' numbers, and what its parts are for."""

from __future__ import annotations

import json
import sys
from math import prod

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from auditor.core.errors import ModelError, SignalError
from auditor.core.record import STANDARD_LEADS
from auditor.core.streams import stream
from auditor.learning.device import fork_rng
from auditor.systems.gem.network import (
    FS,
    GEM,
    IGNORED,
    LEADS,
    PLACEHOLDER,
    Batch,
    ECGEncoder,
    GEMConfig,
    MultimodalEncoder,
    assemble,
    collate,
    dialogue,
    image_encoder,
    language_model,
    load_published,
    load_published_encoder,
    objective,
    own_name,
    prepare,
    prepare_image,
)
from tests.systems.parity import assert_same

SMALL = GEMConfig.small()
N_IMAGE = 9


@pytest.fixture(scope="module")
def folder(parity):
    return parity / "gem"


@pytest.fixture(scope="module")
def io(folder):
    return load_file(folder / "io.safetensors")


@pytest.fixture(scope="module")
def published(folder):
    return load_published(folder / "weights.safetensors", SMALL)


@pytest.fixture(scope="module")
def embed(folder):
    table = load_file(folder / "weights.safetensors")["embed_tokens.weight"]
    return lambda ids: F.embedding(ids, table)


# --- parity -------------------------------------------------------------------------------


@torch.inference_mode()
def test_the_ecg_is_read_as_the_authors_read_it(published, io):
    ecg, x = published.ecg, io["ecg/x_mV"]
    assert_same(ecg.patches(x).transpose(1, 2), io["ecg/patches"])
    assert_same(ecg.placed(x), io["ecg/after_ln_pre"])
    assert_same(ecg.blocks[0](ecg.placed(x)), io["ecg/block0"])
    tokens = ecg(x)
    assert_same(tokens, io["ecg/tokens_used_by_gem"])
    assert_same(ecg.norm(tokens)[:, 1:], io["ecg/caption_tokens"])
    assert_same(ecg.norm(tokens[:, 0]) @ ecg.projection, io["ecg/contrastive_embedding"])
    assert_same(ecg.embedding(x), io["ecg/contrastive_embedding_l2"])
    assert_same(published.align(tokens), io["ecg/projected_to_image_width"])


@torch.inference_mode()
def test_ecg_and_image_reach_the_language_model_through_one_projector(published, io):
    both = published(io["ecg/x_mV"], io["image/tower_features"])
    assert_same(both[:, : SMALL.n_tokens], io["ecg/llm_tokens"])
    assert_same(both[:, SMALL.n_tokens :], io["image/llm_tokens"])


@pytest.mark.parametrize(
    ("name", "max_length", "left"),
    [
        ("assembled_right", 4096, False),
        ("assembled_left", 4096, True),
        ("assembled_right_max30", 30, False),
    ],
)
def test_dialogues_are_assembled_as_the_authors_do(io, embed, name, max_length, left):
    tokens = torch.cat([io["ecg/llm_tokens"], io["image/llm_tokens"]], dim=1)
    text = (io[f"text/{name}"].long() for name in ("input_ids", "attention_mask", "labels"))
    found = assemble(embed, *text, tokens, max_length=max_length, left=left)
    assert_same(found.embeddings, io[f"{name}/embeddings"])
    assert (found.labels == io[f"{name}/labels"]).all()
    if f"{name}/attention_mask" in io:
        assert (found.attention_mask == io[f"{name}/attention_mask"].bool()).all()


def test_recordings_are_padded_and_cut_as_the_authors_do(parity):
    io = load_file(parity / "transforms" / "io.safetensors")
    raw = io["raw_500hz_mV"].numpy()
    assert_same(
        torch.from_numpy(prepare(raw[:, :4000], 500, LEADS)),
        io["gem/short_4000_samples_padded"],
    )
    long = prepare(np.concatenate([raw, raw[:, :600]], axis=1), 500, LEADS)
    assert_same(torch.from_numpy(long[:, -8:]), io["gem/long_5600_samples_cropped_last_8"])


def test_the_published_size_has_the_published_tensors(folder):
    names = json.loads((folder / "names.json").read_text())
    coca, gem = names["ecg_coca_checkpoint"], names["gem_checkpoint"]
    theirs = {coca["prefix"] + name: shape for name, shape in coca["parameters"].items()}
    for part in ("ecg_projector", "mm_projector"):
        theirs |= {f"{gem['prefix']}{part}.{name}": shape for name, shape in gem[part].items()}
    with torch.device("meta"):
        ours = MultimodalEncoder()
    assert {own_name(name): tuple(shape) for name, shape in theirs.items()} == {
        name: tuple(tensor.shape) for name, tensor in ours.state_dict().items()
    }
    n_parameters = sum(one.numel() for one in ours.parameters())
    assert n_parameters == sum(prod(shape) for shape in theirs.values())
    tokens = ours(torch.zeros(1, 12, 5000, device="meta"), torch.zeros(1, 576, 1024, device="meta"))
    assert tokens.shape == (1, 677, 4096)
    tower = gem["ecg_tower_prefix"]
    assert {own_name(tower + name) for name in coca["parameters"]} == {
        own_name(coca["prefix"] + name) for name in coca["parameters"]
    }
    assert own_name(gem["vision_tower_prefix"] + "vision_model.post_layernorm.bias") is None


def test_the_ecg_encoder_can_be_had_alone(folder, published, io):
    alone = load_published_encoder(folder / "weights.safetensors", SMALL)
    assert torch.equal(alone(io["ecg/x_mV"]), published.ecg(io["ecg/x_mV"]))


def test_tensors_that_are_missing_or_unknown_are_named(folder, tmp_path):
    tensors = load_file(folder / "weights.safetensors")
    tensors["ecg_projector.scale"] = tensors.pop("ecg_projector.bias")
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"missing align\.bias, unexpected align\.scale"):
        load_published(tmp_path / "w.safetensors", SMALL)


# --- preparation --------------------------------------------------------------------------


def test_leads_are_taken_by_name_unless_the_file_shall_decide():
    signal = np.arange(12, dtype=np.float32)[:, None] * np.ones(5000, dtype=np.float32)
    by_name = prepare(signal, 500, STANDARD_LEADS)
    assert [STANDARD_LEADS[int(value)] for value in by_name[:, 0]] == list(LEADS)
    assert (prepare(signal, 500, STANDARD_LEADS, file_order=True) == signal).all()
    with pytest.raises(SignalError, match="no lead V6"):
        prepare(signal[:11], 500, STANDARD_LEADS[:11])
    with pytest.raises(SignalError, match="11 leads, wanted twelve"):
        prepare(signal[:11], 500, STANDARD_LEADS[:11], file_order=True)


def test_what_is_missing_or_infinite_becomes_zero_and_time_stays_time():
    t = np.arange(2500) / 250
    signal = np.tile(np.sin(2 * np.pi * t), (12, 1))
    found = prepare(signal, 250, LEADS)
    wanted = np.sin(2 * np.pi * np.arange(5000) / FS)
    assert np.abs(found - wanted)[:, 100:-100].max() < 0.01
    signal[0, :5], signal[1, :5] = np.nan, -np.inf
    found = prepare(signal, 500, LEADS)
    assert (found[:2, :5] == 0).all()
    assert found[2, 1] != 0


def test_a_page_is_seen_whole_or_cropped_as_clip_does():
    page = np.full((130, 270, 3), 255, dtype=np.uint8)
    page[:, :20], page[:, -20:] = (255, 0, 0), (0, 0, 255)
    page[60:70, 100:170] = stream(0, "page").integers(0, 255, (10, 70, 3))
    whole, cropped = prepare_image(page), prepare_image(page, crop=True)
    assert whole.shape == cropped.shape == (3, 336, 336)
    assert (whole[:, :80] == 0).all()
    assert whole[0, 168, 5] > 1
    assert whole[2, 168, 5] < 0 < whole[2, 168, -5]
    assert (cropped[:, 10, 0] > 1).all(), "the red edge was cut off"
    image = Image.fromarray(page).resize((697, 336), Image.Resampling.BICUBIC)
    middle = np.asarray(image, dtype=np.float64)[:, 180:516] / 255
    middle = (middle - (0.48145466, 0.4578275, 0.40821073)) / (0.26862954, 0.26130258, 0.27577711)
    a_grey_value = 1 / 255 / 0.26
    assert np.abs(cropped - middle.transpose(2, 0, 1)).max() < 1.1 * a_grey_value


# --- dialogues and the objective ----------------------------------------------------------


class Letters:
    """A tokenizer of bytes."""

    bos_token_id, eos_token_id = 256, 257

    def encode(self, text, *, add_special_tokens):
        return list(text.encode())


class Bigrams(nn.Module):
    """A language model whose next token depends on the last one alone."""

    def __init__(self, vocabulary=258, width=SMALL.language_width):
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(width, vocabulary)

    def get_input_embeddings(self):
        return self.table

    def forward(self, inputs_embeds, attention_mask):
        class Output:
            logits = self.head(inputs_embeds)

        return Output


def batch_of(answers=("QRS is 96 ms.", "PR is 160 ms, and more."), question="What?"):
    rng = stream(0, "gem batch")
    n = len(answers)
    return collate(
        torch.from_numpy(rng.normal(size=(n, 12, SMALL.n_samples)).astype(np.float32)),
        torch.from_numpy(rng.normal(size=(n, N_IMAGE, SMALL.image_width)).astype(np.float32)),
        [dialogue(Letters(), question, answer) for answer in answers],
    )


def model_of(language):
    with fork_rng(stream(0, "gem")):
        return GEM(MultimodalEncoder(SMALL), language())


def test_only_the_answer_is_to_be_predicted():
    found = dialogue(Letters(), "Is it wide?", "No.")
    ids, labels = found.input_ids.tolist(), found.labels.tolist()
    assert ids[0] == 256
    assert ids.count(PLACEHOLDER) == 1
    text = bytes(one for one in ids if 0 <= one < 256).decode()
    assert text.endswith("USER: \nIs it wide? ASSISTANT: No.")
    assert bytes(one for one in labels[:-1] if one != IGNORED).decode() == " No."
    assert labels[-1] == 257
    asked = dialogue(Letters(), "Is it wide?")
    assert asked.input_ids.tolist() == ids[: len(asked.input_ids)]
    assert (asked.labels == IGNORED).all()


def test_the_objective_is_the_mean_over_the_answers_tokens():
    model, batch = model_of(Bigrams), batch_of()
    losses = model(batch)
    lengths = [len(" QRS is 96 ms.") + 1, len(" PR is 160 ms, and more.") + 1]
    assert (~losses.isnan()).sum(dim=1).tolist() == lengths
    by_hand = []
    for answer in (" QRS is 96 ms.", " PR is 160 ms, and more."):
        ids = torch.tensor([*b":", *answer.encode(), 257])
        log_p = model.language.head(model.language.table(ids)).log_softmax(dim=-1)
        by_hand += [-log_p[i, ids[i + 1]] for i in range(len(ids) - 1)]
    assert objective(model, batch).item() == pytest.approx(torch.stack(by_hand).mean().item())


def test_an_answer_that_was_cut_off_teaches_nothing():
    config = GEMConfig(**{**SMALL.__dict__, "max_length": 40})
    model = GEM(MultimodalEncoder(config), Bigrams())
    assert objective(model, batch_of()).item() == 0


def test_projectors_and_language_model_learn_and_the_ecg_encoder_does_not():
    model, batch = model_of(Bigrams), batch_of()
    objective(model, batch).backward()
    taught = {name for name, one in model.named_parameters() if one.requires_grad}
    assert all(name.startswith(("encoder.align", "encoder.project", "language")) for name in taught)
    assert any(name.startswith("encoder.align") for name in taught)
    assert all(one.grad is None for one in model.encoder.ecg.parameters())
    assert model.language.head.weight.grad.abs().sum() > 0


def test_a_dialogue_without_placeholder_gets_no_ecg_and_one_with_two_is_refused():
    model, batch = model_of(Bigrams), batch_of()
    plain = batch.input_ids.masked_fill(batch.input_ids == PLACEHOLDER, 0)
    found = model.assembled(batch._replace(input_ids=plain))
    assert found.labels.shape == plain.shape
    twice = batch.input_ids.clone()
    twice[:, 0] = PLACEHOLDER
    with pytest.raises(ValueError, match="2 placeholders"):
        model.assembled(batch._replace(input_ids=twice))


def test_a_language_model_of_another_width_is_refused():
    with pytest.raises(ModelError, match="64 wide, the projector's 56"):
        GEM(MultimodalEncoder(SMALL), Bigrams(width=64))


@pytest.mark.parametrize("wrong", [{"n_samples": 1001}, {"width": 100}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match=r"not whole patches|does not divide"):
        GEMConfig(**wrong)


def test_an_ecg_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 12, 900\), wanted \(B, 12, 1000\)"):
        ECGEncoder(SMALL)(torch.zeros(1, 12, 900))


def test_without_transformers_the_cure_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'ecg-auditor\[gem\]'"):
        language_model(tmp_path)


# --- with a language model of transformers ------------------------------------------------


@pytest.fixture(scope="module")
def transformers():
    reason = "the extra `gem` is not installed"
    return pytest.importorskip("transformers", reason=reason, exc_type=ImportError)


@pytest.fixture(scope="module")
def llama(transformers, tmp_path_factory):
    config = transformers.LlamaConfig(
        vocab_size=258,
        hidden_size=SMALL.language_width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        bos_token_id=256,
        eos_token_id=257,
        pad_token_id=257,
    )
    with fork_rng(stream(0, "llama")):
        model = transformers.LlamaForCausalLM(config)
    path = tmp_path_factory.mktemp("llama")
    model.save_pretrained(path)
    return path


@pytest.fixture
def gem(llama):
    return model_of(lambda: language_model(llama)).eval()


def test_the_loss_is_that_of_transformers(gem):
    batch = batch_of()
    given = gem.assembled(batch)
    theirs = gem.language(
        inputs_embeds=given.embeddings,
        attention_mask=given.attention_mask.long(),
        labels=given.labels,
    ).loss
    assert objective(gem, batch).item() == pytest.approx(theirs.item(), rel=1e-5)


def test_a_small_model_learns_by_heart_and_says_what_it_learned(gem):
    batch = batch_of(("96.", "110."), question="?")
    taught = [one for one in gem.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(taught, lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = objective(gem, batch)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    asked = collate(batch.ecg, batch.image, [dialogue(Letters(), "?")] * 2)
    told = gem.answer(asked, max_tokens=6)
    words = [bytes(one for one in row if one < 256).decode() for row in told.tolist()]
    assert words == [" 96.", " 110."], "the ECG alone tells the two apart"


def test_padding_changes_nothing(gem):
    both = batch_of()
    with torch.inference_mode():
        together = gem(both)[0]
        alone = gem(Batch(*(one[:1] for one in both)))[0]
    kept = ~alone.isnan()
    assert torch.allclose(together[: len(alone)][kept], alone[kept], atol=1e-5)


def test_images_are_read_before_clips_last_layer(transformers, tmp_path):
    config = transformers.CLIPVisionConfig(
        hidden_size=SMALL.image_width,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=42,
        patch_size=14,
    )
    with fork_rng(stream(0, "clip")):
        transformers.CLIPVisionModel(config).save_pretrained(tmp_path)
    encoder = image_encoder(tmp_path)
    pixels = torch.from_numpy(prepare_image(np.zeros((30, 60, 3), np.uint8), side=42))[None]
    tokens = encoder(pixels)
    assert tokens.shape == (1, N_IMAGE, SMALL.image_width)
    last = encoder.clip(pixel_values=pixels).last_hidden_state[:, 1:]
    assert not torch.allclose(tokens, last)


def test_a_folder_without_a_model_is_named(transformers, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ModelError, match="nothing: holds nothing for AutoModelForCausalLM"):
        language_model(tmp_path / "nothing")
