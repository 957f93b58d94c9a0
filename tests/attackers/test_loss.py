"""Labels that are missing, and the margin."""

import numpy as np
import pytest
import torch

from auditor.attackers.loss import Labels, loss
from tests.attackers.test_transformer import small, windows

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
