from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nlu.examples import read_examples
from nlu.intent_model import IntentModel, ModelConfig, train
from nlu.normalisation import default_normaliser, strip_accents

_DATA = read_examples(Path(__file__).with_name("project") / "data" / "nlu")
EXAMPLES = _DATA.texts, _DATA.labels


@pytest.fixture(scope="module")
def model() -> IntentModel:
    return train(*EXAMPLES, ModelConfig())


def test_probabilities_are_a_distribution(model: IntentModel) -> None:
    rows = model.probabilities(["bảo hành bao lâu", "", "👍", "zzz qqq"])
    assert rows.shape == (4, 4)
    assert np.allclose(rows.sum(axis=1), 1.0)
    assert np.allclose(rows[1:3], 0.25), "nothing known, nothing guessed"


def test_unseen_messages_with_and_without_accents(model: IntentModel) -> None:
    for text, intent in (("đơn của mình đâu rồi em", "order_status"), ("máy lạnh bảo hành mấy tháng", "warranty")):
        for typed in (text, strip_accents(text), text.upper()):
            row = model.probabilities([default_normaliser()(typed)])[0]
            assert model.intents[int(row.argmax())] == intent, typed


def test_saved_and_loaded_says_the_same(model: IntentModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = IntentModel.load(tmp_path)
    texts = [default_normaliser()(text) for text in EXAMPLES[0]]
    assert np.allclose(again.probabilities(texts), model.probabilities(texts), atol=1e-6)
    assert again.config == model.config


def test_one_message_gets_the_features_that_training_gives_it(model: IntentModel) -> None:
    texts = [default_normaliser()(text) for text in EXAMPLES[0]]
    scores = model.features(texts) @ model.coef + model.intercept
    guesses = model.probabilities(texts)
    ratios = np.log(guesses) * model.temperature - scores
    assert np.allclose(ratios, ratios[:, :1], atol=1e-4), "equal up to what softmax takes away from a whole row"


def test_training_twice_gives_the_same_weights(model: IntentModel) -> None:
    again = train(*EXAMPLES, ModelConfig())
    assert np.array_equal(again.coef, model.coef)
    assert again.temperature == model.temperature


def test_weights_that_do_not_fit_are_refused(model: IntentModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    (tmp_path / "model.json").write_text(json.dumps({**facts, "intents": facts["intents"][:-1]}), encoding="utf-8")
    with pytest.raises(ValueError, match="do not fit"):
        IntentModel.load(tmp_path)


def test_two_intents_are_enough_and_one_is_not() -> None:
    texts, labels = ["chào em", "chào shop", "cảm ơn em", "cảm ơn shop"], ["greet", "greet", "thank", "thank"]
    row = train(texts, labels, ModelConfig()).probabilities(["cảm ơn nhé", "chào nhé"])
    assert row[0, 1] > 0.5 > row[1, 1]
    with pytest.raises(ValueError, match="two intents"):
        train(["a b"], ["greet"], ModelConfig())
