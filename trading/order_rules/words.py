"""Marks sentences for translation without a framework; whoever shows one translates it, as `Violation.said` has it."""


def _(words: str) -> str:
    """The same sentence: the mark is for the programs that gather what has to be translated."""
    return words
