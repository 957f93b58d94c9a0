"""What is told of something that identifies a person, or may."""

from __future__ import annotations

from typing import NamedTuple


class Sighting(NamedTuple):
    """Something that identifies a person, or may.

    Attributes
    ----------
    where : the kind of place
    at : the place itself, by which `cleared` of auditor.yaml names it; for the steward alone
    rule : how it was told
    sure : whether it identifies without doubt; else somebody has to look
    value : what stands there; for the steward alone
    """

    subject: str
    kind: str
    where: str
    at: str
    rule: str
    sure: bool
    value: str

    @property
    def place(self) -> tuple[str, str, bool]:
        """What a report tells of it."""
        return self.kind, self.where, self.sure
