"""What each method says of networks whose formula stands on paper."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import xgboost
from onnx import TensorProto, helper

from auditor.attackers.embedding import Embedder, shipped
from auditor.attackers.transformer import ViTConfig, create
from auditor.checks.attribution.network import ByLead, OfWindows, watched
from auditor.checks.attribution.relevance import METHODS, Question
from auditor.checks.attribution.segments import SEGMENTS, Atom, Reads
from tests.checks.attribution.test_segments import ORIGIN, _laid_out

RNG = np.random.default_rng(0)
LABEL = _laid_out([20, 10, 20, 20, 50, 0])


def beats(n: int = 5, n_leads: int = 2, seed: int = 0) -> Reads:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n, n_leads, 200)).cumsum(axis=2).astype(np.float32) / 10
    return Reads(signal, np.tile(LABEL, (n, 1)), np.arange(n), ORIGIN)


class Linear(torch.nn.Module):
    """Answers with the weighted sum of all samples."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, beats):
        return (beats * self.weight).sum(dim=(1, 2))[:, None]

    def normalise(self, beats):
        return (beats,)

    def forward_normalised(self, z):
        return self(z)


def question(network, reads: Reads, towards: torch.Tensor | None = None) -> Question:
    mean = np.repeat(reads.signal.mean(axis=0, keepdims=True), len(reads), axis=0)
    return Question(network, reads, mean, torch.ones(len(reads), 1) if towards is None else towards)


def linear(reads: Reads) -> tuple[Question, np.ndarray]:
    """A question, and what every sample has to do with its answer."""
    weight = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 200)).astype(np.float32))
    asked = question(Linear(weight), reads)
    return asked, weight.numpy() * (reads.signal - asked.mean)


def summed(values: np.ndarray, reads: Reads) -> np.ndarray:
    """(n, n_leads, n_segments)"""
    return np.stack(
        [(values * reads.within(a)[:, None]).sum(axis=2) for a in SEGMENTS.values()], axis=2
    )


def test_integrated_gradients_of_a_weighted_sum_are_weight_times_difference():
    reads = beats()
    asked, truth = linear(reads)
    found = METHODS["integrated gradients"](asked, RNG)
    assert found.values == pytest.approx(truth, abs=1e-4)
    assert found.error < 1e-4


def test_ablation_of_a_weighted_sum_is_what_each_segment_of_each_lead_adds():
    reads = beats()
    asked, truth = linear(reads)
    found = METHODS["ablation"](asked, RNG)
    assert summed(found.values, reads) == pytest.approx(summed(truth, reads), abs=1e-3)


def test_occlusion_of_a_weighted_sum_is_the_mean_over_the_windows_that_hold_a_sample():
    reads = beats()
    asked, truth = linear(reads)
    found = METHODS["occlusion"](asked, RNG)
    starts = np.arange(0, 191, 5)  # 40 ms wide, 20 ms apart, all leads at once
    windows = np.stack([truth[:, :, at : at + 10].sum(axis=(1, 2)) for at in starts])
    expected = np.stack(
        [windows[(starts <= place) & (place < starts + 10)].mean(axis=0) for place in range(200)]
    )
    assert found.values == pytest.approx(np.repeat(expected.T[:, None], 2, axis=1), abs=1e-3)


def test_gradient_shap_is_drawn_from_the_stream_it_is_given():
    asked, _ = linear(beats())
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, same, other = (
        METHODS["gradient shap"](asked, np.random.default_rng(seed)).values for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert (one != other).any()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def heartbeats(n: int = 6) -> Reads:
    """Beats of people whose waves differ in height and width."""
    rng = np.random.default_rng(5)
    at = (np.arange(200) - ORIGIN) / 250
    waves = ((-0.16, 0.025, 0.12), (-0.03, 0.008, -0.1), (0, 0.011, 1.0), (0.25, 0.05, 0.3))
    signal = rng.normal(0, 0.004, (n, 1, 200))
    for where, width, height in waves:
        own = rng.normal(1, 0.15, (n, 2, 1))
        signal[:, 0] += (
            height * own[:, 0] * np.exp(-(((at - where) / (width * own[:, 1])) ** 2) / 2)
        )
    return Reads(signal.astype(np.float32), np.tile(LABEL, (n, 1)), np.arange(n), ORIGIN)


@pytest.mark.parametrize("method", ["integrated gradients", "integrated gradients from rest"])
def test_what_integrated_gradients_deal_out_adds_up_for_the_shipped_network(method):
    reads = heartbeats()
    network = ByLead(shipped()[0].model()).eval()
    with torch.no_grad():
        rows = network(torch.from_numpy(reads.signal))
    found = METHODS[method](question(network, reads, rows - rows.roll(1, dims=0)), RNG)
    assert found.error < 0.05


def test_rollout_of_one_layer_is_half_of_what_the_class_token_attends_to():
    config = ViTConfig(2, 200, 10, width=16, depth=1, heads=2, head_dim=8, dropout=0)
    network = OfWindows(create(config, np.random.default_rng(0))).eval()
    reads = beats()
    found = METHODS["rollout"](question(network, reads, torch.ones(len(reads), 128)), RNG)
    with torch.no_grad(), watched(network) as layers:
        network(torch.from_numpy(reads.signal))
    attention = layers[0].mean(dim=1)[:, 0, 1:].numpy() / 2  # (n, n_tokens)
    tokens = found.values.sum(axis=1).reshape(len(reads), -1, 10).sum(axis=2)
    assert tokens == pytest.approx(attention, abs=1e-6)


def test_a_network_is_left_as_it_was_after_it_was_watched():
    network = ByLead(Embedder()).eval()
    before = [block.attn.fused_attn for block in network.model.blocks]
    with watched(network) as layers:
        network(torch.zeros(1, 1, 200))
    assert len(layers) == len(network.model.blocks)
    assert [block.attn.fused_attn for block in network.model.blocks] == before
    network(torch.zeros(1, 1, 200))
    assert len(layers) == len(network.model.blocks)


def test_patches_that_overlap_deal_out_what_they_carry():
    network = ByLead(Embedder())
    conv = network.model.beat
    n_tokens = conv(torch.zeros(1, 1, 200)).shape[2]
    middle = torch.zeros(1, 1, n_tokens)
    middle[0, 0, n_tokens // 2] = 1
    places = network.spread(middle)
    assert places.shape == (1, 1, 200)
    assert places.sum().item() == pytest.approx(1)
    assert (places > 0).sum().item() == conv.kernel_size[0]


def as_onnx(weight: np.ndarray) -> onnxruntime.InferenceSession:
    """A weighted sum as an ONNX model."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["beats", "weight"], ["each"]),
            helper.make_node("ReduceSum", ["each", "axes"], ["sum"], keepdims=0),
        ],
        "sum",
        [helper.make_tensor_value_info("beats", TensorProto.FLOAT, ["n", 2, 200])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n"])],
        [
            helper.make_tensor("weight", TensorProto.FLOAT, weight.shape, weight.ravel()),
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def test_ablation_asks_a_model_that_is_no_torch_module_at_all():
    reads = beats()
    asked, truth = linear(reads)
    session = as_onnx(asked.network.weight.numpy())

    def network(beats):
        (found,) = session.run(None, {"beats": beats.numpy()})
        return torch.from_numpy(found)[:, None]

    found = METHODS["ablation"](question(network, reads), RNG)
    assert summed(found.values, reads) == pytest.approx(summed(truth, reads), abs=1e-3)


def test_ablation_tells_which_wave_trees_on_a_fiducial_table_read():
    rng = np.random.default_rng(3)
    heights = rng.normal(1, 0.3, (300, 3))  # of P, R and T
    places = [np.flatnonzero(np.equal(LABEL, atom)) for atom in (Atom.P_RISE, Atom.CORE, Atom.T)]
    signal = np.zeros((300, 1, 200), dtype=np.float32)
    for column, at in enumerate(places):
        signal[:, 0, at] = heights[:, column, None] * np.hanning(len(at))
    reads = Reads(signal, np.tile(LABEL, (300, 1)), np.arange(300), ORIGIN)

    def table(beats: np.ndarray) -> np.ndarray:
        return np.stack([beats[:, 0, at].max(axis=1) for at in places], axis=1)

    trees = xgboost.train(
        {"max_depth": 2, "nthread": 1}, xgboost.DMatrix(table(signal), heights[:, 2]), 30
    )

    def network(beats):
        return torch.from_numpy(trees.predict(xgboost.DMatrix(table(beats.numpy()))))[:, None]

    found = METHODS["ablation"](question(network, reads), RNG)
    share = np.abs(summed(found.values, reads)).mean(axis=(0, 1))
    assert list(SEGMENTS)[share.argmax()] == "T"
    assert share[list(SEGMENTS).index("T")] > 10 * np.delete(share, 4).max()
