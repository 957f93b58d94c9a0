"""Architectures, one per file, and the one way to train, ask and keep them."""

import os

# OpenMP's threads spin while they wait. Beside any other busy process that makes training many
# times slower; asleep they cost nothing. It counts only before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
