"""What Presidio finds in texts, in an environment of its own; prints JSON.

`python peer_presidio.py FILE`: FILE holds a JSON list of texts. All of its recognisers that need no
language model are asked, those of every country as if the text were in their language. For each
text (entity, start, stop, score) of what was found.
"""

from __future__ import annotations

import inspect
import json
import logging
import sys
from pathlib import Path

import presidio_analyzer.predefined_recognizers as predefined
import spacy
from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

logging.disable(logging.WARNING)


class Blank(SpacyNlpEngine):
    """Splits words, and knows no more of them."""

    def __init__(self) -> None:
        super().__init__()
        self.nlp = {"en": spacy.blank("en")}

    def load(self) -> None:
        """Nothing is fetched."""


def engine() -> AnalyzerEngine:
    registry = RecognizerRegistry(supported_languages=["en"])
    for _, kind in inspect.getmembers(predefined, inspect.isclass):
        if issubclass(kind, (PatternRecognizer, predefined.PhoneRecognizer)):
            registry.add_recognizer(kind(supported_language="en"))
    return AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])


if __name__ == "__main__":
    analyzer = engine()
    found = [
        [(one.entity_type, one.start, one.end, one.score) for one in analyzer.analyze(text, "en")]
        for text in json.loads(Path(sys.argv[1]).read_text("utf-8"))
    ]
    print("FOUND " + json.dumps(found))
