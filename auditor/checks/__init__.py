"""One question to a release or to a model per folder; each returns evidence, never a verdict."""
