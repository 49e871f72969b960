"""What imports say is kept in English, and read in the person's language."""

import ast
import re

import pytest
from django.utils import translation

from tests.catalogue import ROOT
from trading.imports import reasons


@pytest.mark.parametrize(
    ("kept", "french"),
    [
        ("A canceled order.", "Un ordre annulé."),
        ("The order is working.", "État de l’ordre : working."),
        (
            "Line 7, column Price: This is not a number. (2 more errors) Nothing of the file was imported.",
            "Ligne 7, colonne Price : Ce n’est pas un nombre. (et 2 autres erreurs) Rien du fichier n’a été importé.",
        ),
        (
            "Line 7: This is not a number. (1 more error) Nothing of the file was imported.",
            "Ligne 7 : Ce n’est pas un nombre. (et 1 autre erreur) Rien du fichier n’a été importé.",
        ),
        (
            "This is not a symbol: the symbol contains '<', which no symbol has.",
            "Ce n’est pas un symbole : il contient '<', qu’aucun symbole n’a.",
        ),
        (
            "Line 7: This is not a number. (1 more errors) Nothing of the file was imported.",
            "Ligne 7 : Ce n’est pas un nombre. (et 1 autre erreur) Rien du fichier n’a été importé.",
        ),
        (
            "Line 7: A value is required in Qty. Nothing of the file was imported.",
            "Ligne 7 : Une valeur est attendue dans Qty. Rien du fichier n’a été importé.",
        ),
        ("Something that nobody foresaw: 100% of it.", "Something that nobody foresaw: 100% of it."),
        ("", ""),
    ],
)
def test_a_message_is_told_in_the_language_of_the_moment(kept: str, french: str) -> None:
    assert reasons.told(kept) == kept
    with translation.override("fr"):
        assert reasons.told(kept) == french


def test_every_known_message_is_one_that_imports_say() -> None:
    paths = [path for path in (ROOT / "trading" / "imports").rglob("*.py") if path.name != "reasons.py"]
    paths.append(ROOT / "trading" / "contracts.py")
    said = {words for path in paths for words in _texts(path.read_text())}
    # The one message that is put together of two.
    said |= {f"The file does not look {each}{_OF_REGISTRY}" for each in _LOOKS}

    assert [words for words in reasons._KNOWN if re.sub(r"%\(\w+\)s", "{}", words) not in said] == []


_LOOKS = ("like any format that is read", "like {}, nor like any other format that is read")
_OF_REGISTRY = (
    ". Choose the broker's export again, or map the columns of this file to symbol, side, quantity, price and time."
)


def _texts(source: str) -> list[str]:
    """The texts of a module, with {} for what is filled in; those of the list of known messages itself left out."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "%(" not in node.value:
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.append("".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values))
    return found
