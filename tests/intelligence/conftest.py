"""What most tests of copying begin with: somebody who copies a wallet, and a token that nothing speaks against."""

import pytest

from tests.intelligence.copies import Follower, safe_token


@pytest.fixture
def follower(db: None) -> Follower:
    safe_token()
    return Follower()
