"""The extractor and the anger detector as steps of a Rasa pipeline."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message

from nlu.components.anger_detector import ANGER, AngerDetector
from nlu.components.entity_extractor import VietnameseEntityExtractor

TEXT = "Em là Hoa, đơn DH000123 nồi cơm 1tr390 giao 3h chiều mai được không"


@pytest.fixture
def extractor(tmp_path: Path) -> VietnameseEntityExtractor:
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps({"products": [{"sku": "NC", "name": "Nồi cơm", "aliases": []}]}), encoding="utf-8")
    config = VietnameseEntityExtractor.get_default_config() | {"catalogue": str(path)}
    return VietnameseEntityExtractor(config, today=lambda: date(2026, 11, 22))


def test_all_kinds_in_order_with_true_offsets(extractor: VietnameseEntityExtractor) -> None:
    (message,) = extractor.process([Message.build(text=TEXT)])
    found = message.as_dict(only_output_properties=True)[ENTITIES]
    assert [(each["entity"], TEXT[each["start"] : each["end"]]) for each in found] == [
        ("person_name", "Hoa"),
        ("order_code", "DH000123"),
        ("product", "nồi cơm"),
        ("money", "1tr390"),
        ("date", "3h chiều mai"),
    ]
    assert [each["value"] for each in found[:4]] == ["Hoa", "DH000123", "NC", 1_390_000]
    assert found[4]["value"]["date"] == "2026-11-23"
    assert all(each["extractor"] == "VietnameseEntityExtractor" for each in found)
    json.dumps(found)


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    config = VietnameseEntityExtractor.get_default_config() | {"find": ["money"], "catalogue": str(tmp_path / "none")}
    assert [found.entity for found in VietnameseEntityExtractor(config).find(TEXT)] == ["money"]
    with pytest.raises(KeyError):
        VietnameseEntityExtractor(config | {"find": ["colours"]})


def test_environment_narrows_the_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAN_ENTITY_KINDS", "codes,money")
    every = VietnameseEntityExtractor(VietnameseEntityExtractor.get_default_config())
    assert [found.entity for found in every.find(TEXT)] == ["order_code", "money"]


def test_message_without_text_is_no_trouble(extractor: VietnameseEntityExtractor) -> None:
    (message,) = extractor.process([Message({})])
    assert message.get(ENTITIES) == []


def test_anger_is_part_of_the_parse_result() -> None:
    angry, calm = AngerDetector().process([Message.build(text="lừa đảo, đm!!!"), Message.build(text="dạ")])
    assert angry.as_dict(only_output_properties=True)[ANGER] > 0.6
    assert calm.as_dict(only_output_properties=True)[ANGER] == 0
