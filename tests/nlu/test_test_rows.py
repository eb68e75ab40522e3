"""The messages that judge the understanding are none that it was trained on."""

from __future__ import annotations

import re
from pathlib import Path

from nlu.examples import read_examples, read_rows
from nlu.normalisation import clean, strip_accents

DATA = Path(__file__).resolve().parents[2] / "data"


def folded(text: str) -> str:
    return re.sub(r"\W+", " ", strip_accents(clean(text)).lower()).strip() or text


def test_no_test_message_stands_in_the_training_sentences() -> None:
    known = {folded(text) for text in read_examples(DATA / "nlu").texts}
    files = sorted((DATA / "nlu_test").glob("messages*.jsonl"))
    assert files
    for file in files:
        assert [text for text in read_rows(file).texts if folded(text) in known] == [], file.name
