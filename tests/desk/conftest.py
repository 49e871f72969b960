"""Each file of these tests has servers of its own."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.desk.servers import Desk, connected_to, served


@pytest.fixture(scope="module")
def desk(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """The servers, with a journal that has nothing but a person."""
    with served(tmp_path_factory.mktemp("desk"), django_db_blocker) as desk:
        yield desk


@pytest.fixture(autouse=True)
def _at_the_desk(transactional_db: None, desk: Desk) -> Iterator[None]:
    """This process's connection goes to the desk's database, too."""
    with connected_to(desk.url):
        yield
