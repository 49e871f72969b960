"""What the containers of production are told."""

import json
import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def test_what_is_said_of_the_memory_and_of_wallets_in_the_environment_reaches_the_containers() -> None:
    asked = re.findall(r'env_(?:str|int|bool|list)\(\s*"([A-Z_]+)"', (ROOT / "config" / "settings.py").read_text())
    ours = {name for name in asked if re.match("EMBEDD(ER|ING)|MEMORY_|NEWS_|HELIUS_WEBHOOK|WEBHOOK_|TOKEN_", name)}
    told = set(re.findall(r'^    ([A-Z_]+): "\$\{', (ROOT / "docker-compose.yml").read_text(), re.MULTILINE))

    assert len(ours) > 15
    assert ours - told == set()


def test_the_log_of_requests_holds_no_query() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    command = json.loads(next(line for line in text.splitlines() if line.startswith("CMD"))[4:])
    (form,) = (word for word in command if word.startswith("--access-logformat="))

    assert "%(U)s" in form
    # The whole line, the query and where somebody came from.
    assert not set(re.findall(r"%\((\w+)\)s", form)) & {"r", "q", "f"}
