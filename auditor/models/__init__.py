"""Architectures, one per file, and the one training loop that serves them."""

import os

# OpenMP's threads spin while they wait: beside any other busy process that makes training many
# times slower, and asleep they cost nothing. It counts only when it is set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from auditor.models.vit import MODELS, ViT, ViTConfig, create

__all__ = ["MODELS", "ViT", "ViTConfig", "create"]
