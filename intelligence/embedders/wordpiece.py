"""Texts as the numbers of their pieces, as BERT's uncased vocabulary has them.

Source: Devlin et al. (2018); tokenizer.json of all-MiniLM-L6-v2 (BertNormalizer, BertPreTokenizer, WordPiece).
"""

from collections.abc import Iterator, Mapping
from unicodedata import category, normalize

CLS, SEP, UNKNOWN = 101, 102, 100
_LONGEST_WORD = 100
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def pieces(text: str, vocabulary: Mapping[str, int], *, most: int) -> list[int]:
    """The numbers of the text's pieces between the marks of its start and its end, `most` of them in all."""
    found = [CLS]
    for word in _words(text):
        found += _of_word(word, vocabulary)
        if len(found) >= most:
            break
    return [*found[: most - 1], SEP]


def _words(text: str) -> Iterator[str]:
    word: list[str] = []
    for each in _normal(text):
        is_mark = _is_punctuation(each)
        if each.isspace() or is_mark:
            if word:
                yield "".join(word)
                word = []
            if is_mark:
                yield each
        else:
            word.append(each)
    if word:
        yield "".join(word)


def _normal(text: str) -> str:
    cleaned = "".join(_clean(text))
    return "".join(each for each in normalize("NFD", cleaned) if category(each) != "Mn").lower()


def _clean(text: str) -> Iterator[str]:
    for each in text:
        code = ord(each)
        if each in "\t\n\r":
            yield " "
        elif code in (0, 0xFFFD) or category(each) in ("Cc", "Cf", "Co"):
            continue
        elif each.isspace():
            yield " "
        elif any(first <= code <= last for first, last in _IDEOGRAPHS):
            yield f" {each} "
        else:
            yield each


def _is_punctuation(each: str) -> bool:
    code = ord(each)
    is_ascii = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return is_ascii or category(each).startswith("P")


def _of_word(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    """The longest piece that is known, then the longest of the rest; one unknown where a rest is in no piece."""
    if len(word) > _LONGEST_WORD:
        return [UNKNOWN]
    found, start = [], 0
    while start < len(word):
        end = len(word)
        while end > start:
            piece = word[start:end] if start == 0 else f"##{word[start:end]}"
            if piece in vocabulary:
                break
            end -= 1
        else:
            return [UNKNOWN]
        found.append(vocabulary[piece])
        start = end
    return found
