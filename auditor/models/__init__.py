"""Architectures, one per file, and the one training loop that serves them."""

from auditor.models.vit import MODELS, ViT, ViTConfig, create

__all__ = ["MODELS", "ViT", "ViTConfig", "create"]
