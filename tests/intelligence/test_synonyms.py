"""What has several names is found by any of them, by words alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from intelligence import memory, search, synonyms
from intelligence.models import Embedding
from tests.intelligence.things import decide

pytestmark = pytest.mark.django_db


def test_a_question_and_a_text_that_name_the_same_thing_hold_the_same_word() -> None:
    assert synonyms.groups_in(["IV was rich", "nothing of it", "sold on the FOMC headline"]) == [
        ["same:volatility"],
        [],
        ["same:fed", "same:news"],
    ]
    # What is named is looked for by its group, the rest by itself, the longest first; "was" says nothing.
    assert synonyms.words_of("vol was elevated, so I kept calm") == ["same:volatility", "calm", "elev", "kept"]


def test_a_name_of_several_words_is_one_only_where_they_follow_one_another() -> None:
    both, apart = synonyms.groups_in(["above the moving average", "an average day of moving house"])

    assert both == ["same:moving-average"]
    assert apart == []


def test_words_alone_find_what_says_it_by_another_name(alice: User) -> None:
    decide(alice, "Waited all day")
    wanted = decide(alice, "Faded the gap after the FOMC")
    decide(alice, "Took half off")

    found = search.find(alice, "the central bank", mode="text")

    assert found.hits[0].key == wanted.pk
    assert [hit.text_rank for hit in found.hits] == [1, None, None]


def test_in_a_language_without_names_every_word_stands_for_itself(settings: Any) -> None:
    settings.MEMORY_LANGUAGE = "french"

    assert synonyms.groups_in(["la volatilité, vol"]) == [[]]
    assert "same:volatility" not in synonyms.words_of("vol")


def test_words_that_were_stored_before_are_written_anew_and_vectors_stay(alice: User) -> None:
    decide(alice, "IV was rich")
    memory.fill()
    vector = Embedding.objects.get().vector
    assert vector is not None
    # As the migration leaves what was stored before there were groups.
    Embedding.objects.update(words="'iv' 'rich'", source_at=datetime(1970, 1, 1, tzinfo=UTC))

    assert memory.gather() == 1

    row = Embedding.objects.get()
    assert "'same:volatility'" in row.words
    assert (row.state, row.vector) == ("ready", vector)
