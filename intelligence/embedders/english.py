"""English words as the lexical embedder compares them: without those that say nothing, and without their endings."""

#: What PostgreSQL's `english` leaves out of full-text search, too.
STOP_WORDS = frozenset(
    """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it
    its itself they them their theirs themselves what which who whom this that these those am is are was were be been
    being have has had having do does did doing a an the and but if or because as until while of at by for with about
    against between into through during before after above below to from up down in out on off over under again further
    then once here there when where why how all any both each few more most other some such no nor not only own same so
    than too very s t can will just don should now
    """.split()
)
_ENDINGS = ("ing", "ed", "ies", "es", "s", "ly")
_VOWELS = frozenset("aeiouy")


def stem(word: str) -> str:
    """The word without its ending, so that exits, exited and exiting are one; short words are left alone."""
    word = word.removesuffix("'s")
    if len(word) <= 3 or not word.isalpha():
        return word
    for ending in _ENDINGS:
        rest = word.removesuffix(ending)
        # Neither "loss" nor "bonus" is a plural, and "thing" is no form of a word.
        if rest != word and len(rest) >= 3 and _VOWELS & set(rest) and not (ending == "s" and rest[-1] in "su"):
            word = rest
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] in "eyi" else word
