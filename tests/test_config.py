"""What a settings file says of training is what is trained."""

from __future__ import annotations

import pytest
import yaml

from auditor.config import load_attacker, load_preset
from auditor.core.errors import ConfigError
from auditor.learning.augmentation import Augmentation
from auditor.targets.context import Training, ViTTraining
from auditor.training.attacker import BeatAugmentation, EmbedderTraining

PRESET = {
    "title": "one",
    "max_seconds": 60,
    "linkage_views": ["template"],
    "protocols": ["random-segment"],
    "attribute_views": [],
}


def test_the_presets_that_ship_train_what_they_say():
    assert load_preset("quick").training is None
    standard = Training("beat", 12, ViTTraining(epochs=20, patience=4))
    assert load_preset("standard").training == standard
    assert load_preset("full").training == Training("strip")


def test_every_setting_of_a_preset_s_training_is_one_of_the_transformer(tmp_path):
    recipe = {
        "epochs": 3,
        "batch": 5,
        "learning_rate": 0.1,
        "weight_decay": 0.2,
        "warm_up": 0.3,
        "smoothing": 0.4,
        "margin": 0.5,
        "clip": 0.6,
        "patience": 7,
        "mix": 0.8,
        "augment": {"gain": 0.9},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(PRESET | {"training": {"per_person": 4, "recipe": recipe}}))
    told = ViTTraining(3, 5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 7, 0.8, Augmentation(gain=0.9))
    assert load_preset(str(path)).training == Training("beat", 4, told)
    path.write_text(yaml.safe_dump(PRESET | {"training": {"recipe": {"epoch": 3}}}))
    with pytest.raises(ConfigError, match=r"training\.recipe\.epoch"):
        load_preset(str(path))


def test_every_setting_of_the_attacker_s_file_is_one_of_its_training(tmp_path):
    path = tmp_path / "attacker.yaml"
    days = dict.fromkeys(vars(BeatAugmentation()), 0.5)
    others = {"steps": 7, "people": 9, "rate": 0.1, "decay": 0.2, "warm_up": 0.3, "dropout": 0.4}
    path.write_text(yaml.safe_dump(others | days))
    assert load_attacker(path) == EmbedderTraining(
        7, 9, 0.1, 0.2, 0.3, 0.4, BeatAugmentation(**days)
    )
    path.write_text("turn: 0.5")
    assert load_attacker(path) == EmbedderTraining(augmentation=BeatAugmentation(turn=0.5))
    assert load_attacker(None) == EmbedderTraining()


@pytest.mark.parametrize("wrong", ["learning_rate: 0.1", "augmentation: {turn: 1}", "turn: much"])
def test_a_setting_that_the_attacker_s_file_cannot_hold_is_named(tmp_path, wrong):
    path = tmp_path / "attacker.yaml"
    path.write_text(wrong)
    with pytest.raises(ConfigError, match=wrong.split(":")[0]):
        load_attacker(path)
