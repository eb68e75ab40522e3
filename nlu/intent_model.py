"""The intent model: TF-IDF of words and of characters within words, a linear classifier, one temperature.

Kept free of Rasa so that cross-validation (nlu.evaluate) and the pipeline component train exactly the same thing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from nlu.normalisation import Normaliser, default_normaliser, strip_accents

Floats = NDArray[np.float32]

_WORDS = r"(?u)\w+|[^\w\s]"
_SPARE_FOLDS = 4


@dataclass(frozen=True)
class ModelConfig:
    """What may be tuned. n-gram ranges are inclusive; `regularisation` is the C of the linear classifier."""

    word_ngrams: tuple[int, int] = (1, 2)
    char_ngrams: tuple[int, int] = (2, 5)
    regularisation: float = 0.5
    accent_free_copies: bool = True
    seed: int = 7

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> ModelConfig:
        """Build from config.yml's keys (lists become pairs); other keys (name, ranking_length) are ignored."""
        known: dict[str, Any] = {key: values[key] for key in cls.__dataclass_fields__ if key in values}
        pairs: dict[str, Any] = {key: tuple(known[key]) for key in ("word_ngrams", "char_ngrams") if key in known}
        return cls(**(known | pairs))


@dataclass
class IntentModel:
    """Trained weights. `coef` has the shape (intents, features), words' features first, then the characters'."""

    intents: list[str]
    words: TfidfVectorizer
    chars: TfidfVectorizer
    coef: Floats
    intercept: Floats
    temperature: float
    config: ModelConfig = field(default_factory=ModelConfig)

    def probabilities(self, normalised: Sequence[str]) -> NDArray[np.float64]:
        """Return probabilities of the shape (texts, intents); each row sums to 1. Texts must be normalised already.

        A text with nothing in it that training has seen is equally likely to mean anything.
        """
        features = _features(self.words, self.chars, normalised)
        rows = _softmax((features @ self.coef.T + self.intercept) / self.temperature)
        rows[features.getnnz(axis=1) == 0] = 1.0 / len(self.intents)
        return rows

    def save(self, folder: Path) -> None:
        """Write weights.npz and model.json into an existing folder: plain numbers and text, nothing executable."""
        np.savez_compressed(
            folder / "weights.npz",
            coef=self.coef,
            intercept=self.intercept,
            words_idf=self.words.idf_,
            chars_idf=self.chars.idf_,
        )
        facts = {
            "config": asdict(self.config),
            "intents": self.intents,
            "temperature": self.temperature,
            "words": _terms(self.words),
            "chars": _terms(self.chars),
        }
        (folder / "model.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Read what `save` wrote. Raises OSError, KeyError or ValueError: a broken model must be heard of."""
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        config = ModelConfig.from_mapping(facts["config"])
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            words, chars = _vectorisers(config, facts["words"], facts["chars"])
            words.idf_, chars.idf_ = arrays["words_idf"], arrays["chars_idf"]
            coef, intercept = arrays["coef"], arrays["intercept"]
        if coef.shape != (len(facts["intents"]), len(facts["words"]) + len(facts["chars"])):
            raise ValueError(f"weights of the shape {coef.shape} do not fit the vocabulary beside them")
        return cls(facts["intents"], words, chars, coef, intercept, facts["temperature"], config)


def train(
    texts: Sequence[str], labels: Sequence[str], config: ModelConfig, normaliser: Normaliser | None = None
) -> IntentModel:
    """Train on raw texts. The temperature is fitted on predictions for held-out parts of them, never on seen sentences.

    Raises ValueError with fewer than two intents.
    """
    normalise = normaliser or default_normaliser()
    prepared, targets, groups = _with_copies(texts, labels, config, normalise)
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise ValueError("an intent classifier needs examples of at least two intents")
    words, chars = _vectorisers(config)
    words.fit(prepared)
    chars.fit(prepared)
    features = _features(words, chars, prepared)
    classes = np.searchsorted(intents, targets)
    coef, intercept = _fit(features, classes, len(intents), config)
    temperature = _temperature(features, classes, groups, len(intents), config)
    return IntentModel(intents, words, chars, coef, intercept, temperature, config)


def _with_copies(
    texts: Sequence[str], labels: Sequence[str], config: ModelConfig, normalise: Normaliser
) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Normalise, and add the accent-free copy of what has accents. A copy stays in the group of its original."""
    rows: list[tuple[str, str, int]] = []
    for group, (text, label) in enumerate(zip(texts, labels, strict=True)):
        bare = strip_accents(text)
        forms = {normalise(text), normalise(bare)} if config.accent_free_copies else {normalise(text)}
        rows += [(form, label, group) for form in sorted(forms) if form]
    return [row[0] for row in rows], [row[1] for row in rows], np.array([row[2] for row in rows], dtype=np.int64)


def _vectorisers(
    config: ModelConfig, words: list[str] | None = None, chars: list[str] | None = None
) -> tuple[TfidfVectorizer, TfidfVectorizer]:
    common = {"lowercase": False, "sublinear_tf": True, "dtype": np.float32}
    return (
        TfidfVectorizer(token_pattern=_WORDS, ngram_range=config.word_ngrams, vocabulary=words, **common),
        TfidfVectorizer(analyzer="char_wb", ngram_range=config.char_ngrams, vocabulary=chars, **common),
    )


def _terms(vectoriser: TfidfVectorizer) -> list[str]:
    return [str(term) for term in vectoriser.get_feature_names_out()]


def _features(words: TfidfVectorizer, chars: TfidfVectorizer, normalised: Sequence[str]) -> csr_matrix:
    return hstack([words.transform(normalised), chars.transform(normalised)], format="csr", dtype=np.float32)


def _fit(features: csr_matrix, classes: NDArray[np.int64], count: int, config: ModelConfig) -> tuple[Floats, Floats]:
    """One-against-rest weights (count, features) and intercepts (count,); a class absent from a fold never wins."""
    classifier = LinearSVC(C=config.regularisation, class_weight="balanced", random_state=config.seed)
    classifier.fit(features, classes)
    coef = np.zeros((count, features.shape[1]), dtype=np.float32)
    intercept = np.full(count, -10.0, dtype=np.float32)
    present = classifier.classes_
    if len(present) == 2:
        coef[present], intercept[present] = _both_sides(classifier)
    else:
        coef[present], intercept[present] = classifier.coef_, classifier.intercept_
    return coef, intercept


def _both_sides(classifier: LinearSVC) -> tuple[Floats, Floats]:
    """scikit-learn keeps one row of weights for two classes: give each its own."""
    coef, intercept = classifier.coef_[0], classifier.intercept_[0]
    return np.stack([-coef, coef]), np.array([-intercept, intercept])


def _temperature(
    features: csr_matrix, classes: NDArray[np.int64], groups: NDArray[np.int64], count: int, config: ModelConfig
) -> float:
    """The divisor of the scores under which held-out sentences are least surprising (minimal log loss)."""
    smallest = int(np.bincount(classes).min())
    if smallest < _SPARE_FOLDS:
        return 0.3  # too little to measure on: a mild sharpening, as the measured values are
    scores = np.zeros((len(classes), count))
    folds = StratifiedGroupKFold(n_splits=_SPARE_FOLDS, shuffle=True, random_state=config.seed)
    for seen, unseen in folds.split(features, classes, groups):
        coef, intercept = _fit(features[seen], classes[seen], count, config)
        scores[unseen] = features[unseen] @ coef.T + intercept
    rows = np.arange(len(classes))

    def loss(temperature: float) -> float:
        return float(-np.log(np.maximum(_softmax(scores / temperature)[rows, classes], 1e-12)).mean())

    return float(minimize_scalar(loss, bounds=(0.05, 3.0), method="bounded").x)


def _softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    exponents = np.exp(np.asarray(scores, dtype=np.float64) - scores.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))
