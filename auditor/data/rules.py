"""What the parts of a descriptor have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from auditor.resources import one_or_more

#: Names, or patterns; one alone needs no list.
Names = Annotated[tuple[str, ...], BeforeValidator(one_or_more)]


class Part(BaseModel):
    """A part of a descriptor: its keys are known, and it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
