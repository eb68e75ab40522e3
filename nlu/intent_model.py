"""The intent model: TF-IDF of words, characters, edges and outline, a linear classifier, one temperature.

Kept free of Rasa so that the measurements (nlu.cross_validate, nlu.ablation) and the pipeline component train exactly
the same thing.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
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

from nlu.normalisation import Normaliser, default_normaliser, outline, strip_accents

Floats = NDArray[np.float32]

_WORDS = r"(?u)\w+|[^\w\s]"
_TOLERANCE = 0.01  # the guesses are those of scikit-learn's 0.0001, in two thirds of the time
# One part in this many is held out to fit the temperature on.
_HELD_OUT = 5
# Blocks of features with their weights, in the order of the columns. "bare" are the words without their accents: what
# was learnt from accented sentences serves half-accented ones. How a sentence begins and ends, and its outline, tell a
# question from an answer; they say nothing about a text of which no word is known.
_WEIGHTS = {"words": 1.0, "chars": 1.0, "bare": 1.0, "edges": 0.5, "outline": 0.5}
_CONTENT = ("words", "chars", "bare")


@dataclass(frozen=True)
class ModelConfig:
    """What may be tuned. n-gram ranges are inclusive; `regularisation` is the C of the linear classifier.

    `blocks` names the kinds of features used (keys of _WEIGHTS).
    """

    word_ngrams: tuple[int, int] = (1, 2)
    char_ngrams: tuple[int, int] = (2, 5)
    blocks: tuple[str, ...] = tuple(_WEIGHTS)
    regularisation: float = 0.5
    accent_free_copies: bool = True
    seed: int = 7

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> ModelConfig:
        """Build from config.yml's keys (lists become pairs); other keys (name, ranking_length) are ignored."""
        known: dict[str, Any] = {key: values[key] for key in cls.__dataclass_fields__ if key in values}
        tuples = ("word_ngrams", "char_ngrams", "blocks")
        pairs: dict[str, Any] = {key: tuple(known[key]) for key in tuples if key in known}
        return cls(**(known | pairs))


@dataclass(frozen=True)
class _Lookup:
    """One block's features of one text, as its TfidfVectorizer computes them.

    The vectoriser's own way builds six sparse matrices for each block: of a message's time that was two thirds.
    """

    analyse: Callable[[str], Sequence[str]]
    vocabulary: dict[str, int]
    idf: Floats
    start: int
    weight: float

    def __call__(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        """The places of the known features among all, and their weights; both of the same length, or both empty."""
        known = Counter(place for term in self.analyse(text) if (place := self.vocabulary.get(term)) is not None)
        places = np.fromiter(known, np.int64, len(known))
        weights = (1 + np.log(np.fromiter(known.values(), np.float32, len(known)))) * self.idf[places]
        if len(known):
            weights *= self.weight / np.linalg.norm(weights)
        return places + self.start, weights.astype(np.float32)


@dataclass
class IntentModel:
    """Trained weights. `coef` has the shape (features, intents), the features in the order of the blocks."""

    intents: list[str]
    blocks: dict[str, TfidfVectorizer]
    coef: Floats
    intercept: Floats
    temperature: float
    config: ModelConfig = field(default_factory=ModelConfig)

    def __post_init__(self) -> None:
        sizes = [len(block.vocabulary_) for block in self.blocks.values()]
        starts = [0, *itertools.accumulate(sizes)]
        self._lookups = {
            name: _Lookup(block.build_analyzer(), block.vocabulary_, block.idf_, start, _WEIGHTS[name])
            for (name, block), start in zip(self.blocks.items(), starts, strict=False)
        }

    def probabilities(self, normalised: Sequence[str]) -> NDArray[np.float64]:
        """Return probabilities of the shape (texts, intents); each row sums to 1. Texts must be normalised already.

        A text with nothing in it that training has seen is equally likely to mean anything.
        """
        rows = np.full((len(normalised), len(self.intents)), 1.0 / len(self.intents))
        for row, text in zip(rows, normalised, strict=True):
            found = {name: lookup(text) for name, lookup in self._lookups.items()}
            if any(len(found[name][0]) for name in _CONTENT if name in found):
                scores = sum((weights @ self.coef[places] for places, weights in found.values()), self.intercept)
                row[:] = _softmax(scores[None, :] / self.temperature)[0]
        return rows

    def features(self, normalised: Sequence[str]) -> csr_matrix:
        """The weighted features of normalised texts, of the shape (texts, features)."""
        return _joined(_parts(self.blocks, normalised))

    def save(self, folder: Path) -> None:
        """Write weights.npz and model.json into an existing folder: plain numbers and text, nothing executable."""
        idf = {name: block.idf_ for name, block in self.blocks.items()}
        np.savez_compressed(folder / "weights.npz", coef=self.coef, intercept=self.intercept, **idf)
        facts = {
            "config": asdict(self.config),
            "intents": self.intents,
            "temperature": self.temperature,
            "terms": {name: _terms(block) for name, block in self.blocks.items()},
        }
        (folder / "model.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Read what `save` wrote. Raises OSError, KeyError or ValueError: a broken model must be heard of."""
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        config = ModelConfig.from_mapping(facts["config"])
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            blocks = _vectorisers(config, facts["terms"])
            for name, block in blocks.items():
                block.idf_ = arrays[name]  # sets vocabulary_ too
            coef, intercept = arrays["coef"], arrays["intercept"]
        if coef.shape != (sum(map(len, facts["terms"].values())), len(facts["intents"])):
            raise ValueError(f"weights of the shape {coef.shape} do not fit the vocabulary beside them")
        return cls(facts["intents"], blocks, coef, intercept, facts["temperature"], config)


def train(
    texts: Sequence[str], labels: Sequence[str], config: ModelConfig, normaliser: Normaliser | None = None
) -> IntentModel:
    """Train on raw texts. The temperature is fitted on predictions for held-out parts of them, never on seen sentences.

    Raises ValueError with fewer than two intents.
    """
    normalise = normaliser or default_normaliser()
    prepared, targets, groups = with_copies(texts, labels, config, normalise)
    intents = sorted(set(labels))
    if len(intents) < 2:
        raise ValueError("an intent classifier needs examples of at least two intents")
    blocks = _vectorisers(config)
    features = _joined({name: block.fit_transform(prepared) * _WEIGHTS[name] for name, block in blocks.items()})
    classes = np.searchsorted(intents, targets)
    temperature = _temperature(features, classes, groups, len(intents), config)
    coef, intercept = _fit(features, classes, len(intents), config)
    return IntentModel(intents, blocks, coef, intercept, temperature, config)


def with_copies(
    texts: Sequence[str], labels: Sequence[str], config: ModelConfig, normalise: Normaliser
) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Normalise, and add the accent-free copy of what has accents. A copy stays in the group of its original.

    Returns the normalised texts, their labels, and the number of the sentence that each was made from.
    """
    rows: list[tuple[str, str, int]] = []
    for group, (text, label) in enumerate(zip(texts, labels, strict=True)):
        bare = strip_accents(text)
        forms = {normalise(text), normalise(bare)} if config.accent_free_copies else {normalise(text)}
        rows += [(form, label, group) for form in sorted(forms) if form]
    return [row[0] for row in rows], [row[1] for row in rows], np.array([row[2] for row in rows], dtype=np.int64)


def _vectorisers(config: ModelConfig, terms: dict[str, list[str]] | None = None) -> dict[str, TfidfVectorizer]:
    """One for each block, in the order of _WEIGHTS: untrained, or with the terms of a trained one."""
    words = {"token_pattern": _WORDS, "ngram_range": config.word_ngrams}
    settings: dict[str, dict[str, Any]] = {
        "words": words,
        "chars": {"analyzer": "char_wb", "ngram_range": config.char_ngrams},
        "bare": words | {"preprocessor": strip_accents},
        "edges": {"analyzer": _edges},
        "outline": {"analyzer": outline},
    }
    common = {"lowercase": False, "sublinear_tf": True, "dtype": np.float32}
    return {
        name: TfidfVectorizer(**common, **settings[name], vocabulary=terms[name] if terms else None)
        for name in config.blocks
    }


def _edges(text: str) -> list[str]:
    """The first and the last one and two words or signs of a normalised text."""
    words = re.findall(_WORDS, text)
    ends = [(place, part) for n in (1, 2) for place, part in (("^", words[:n]), ("$", words[-n:])) if part]
    return [f"{place}:{' '.join(part)}" for place, part in ends]


def _terms(vectoriser: TfidfVectorizer) -> list[str]:
    return [str(term) for term in vectoriser.get_feature_names_out()]


def _parts(blocks: dict[str, TfidfVectorizer], normalised: Sequence[str]) -> dict[str, csr_matrix]:
    return {name: block.transform(normalised) * _WEIGHTS[name] for name, block in blocks.items()}


def _joined(parts: dict[str, csr_matrix]) -> csr_matrix:
    return hstack(list(parts.values()), format="csr", dtype=np.float32)


def _fit(features: csr_matrix, classes: NDArray[np.int64], count: int, config: ModelConfig) -> tuple[Floats, Floats]:
    """One-against-rest weights (features, count) and intercepts (count,); a class absent from a fold never wins."""
    classifier = LinearSVC(C=config.regularisation, class_weight="balanced", tol=_TOLERANCE, random_state=config.seed)
    classifier.fit(features, classes)
    coef = np.zeros((features.shape[1], count), dtype=np.float32)
    intercept = np.full(count, -10.0, dtype=np.float32)
    present = classifier.classes_
    weights, intercepts = _both_sides(classifier) if len(present) == 2 else (classifier.coef_, classifier.intercept_)
    coef[:, present], intercept[present] = weights.T, intercepts
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
    if smallest < _HELD_OUT:
        return 0.3  # too little to measure on: a mild sharpening, as the measured values are
    folds = StratifiedGroupKFold(n_splits=_HELD_OUT, shuffle=True, random_state=config.seed)
    seen, unseen = next(iter(folds.split(features, classes, groups)))
    coef, intercept = _fit(features[seen], classes[seen], count, config)
    scores = features[unseen] @ coef + intercept
    rows, truth = np.arange(len(unseen)), classes[unseen]

    def loss(temperature: float) -> float:
        return float(-np.log(np.maximum(_softmax(scores / temperature)[rows, truth], 1e-12)).mean())

    return float(minimize_scalar(loss, bounds=(0.05, 3.0), method="bounded").x)


def _softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    exponents = np.exp(np.asarray(scores, dtype=np.float64) - scores.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))
