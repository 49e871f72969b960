"""Tokens are read through a cache of an hour, each value with who said it; a failure keeps the last good ones."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError

from accounts.errors import Conflict, InvalidValue
from accounts.models import AuditEvent, User
from intelligence import fetching, outbound, tokens
from intelligence.fetching import FetchFailed, Limits
from intelligence.helius_parsing import SOL
from intelligence.models import Token, TokenListing
from intelligence.sources import configured, dexscreener, rugcheck
from intelligence.sources.protocol import SourceFailed
from intelligence.sources.stand_ins import KEY, Fault, StandIns, made_token
from intelligence.sources.transactions import address
from tests.intelligence.following import AT
from tests.waiting import PATIENCE, until

MINT = address("token")
HOUR = timedelta(hours=1)


@pytest.fixture
def there(settings: Any) -> Iterator[StandIns]:
    with StandIns() as stand_ins:
        for name, value in stand_ins.settings.items():
            setattr(settings, name, value)
        stand_ins.tokens[MINT] = made_token(MINT, born_at=AT - 30 * HOUR)
        yield stand_ins


def test_a_miss_is_looked_up_and_a_look_of_an_hour_ago_is_stale(there: StandIns, db: None) -> None:
    token = tokens.read(MINT, at=AT)
    assert (token.symbol, token.decimals, token.price, token.price_at) == ("TOKEN", 6, D("0.25"), AT)
    assert (token.liquidity, token.liquidity_source, token.liquidity_at) == (D(60000), "dexscreener", AT)
    assert (token.top_holders, token.top_holders_source) == (D("0.2"), "rugcheck")
    assert (token.contract_score, token.contract_source) == (D("0.9"), "rugcheck")
    assert (token.born_at, token.age(at=AT), token.born_source) == (AT - 30 * HOUR, 30 * HOUR, "dexscreener")
    assert (token.analysis_source, token.analysis_error) == ("rugcheck, helius, dexscreener", "")

    asked = len(there.requests)
    there.tokens[MINT] = made_token(MINT, liquidity="10", born_at=AT - 30 * HOUR)
    assert tokens.read(MINT, at=AT + HOUR - timedelta(microseconds=1)).liquidity == D(60000)
    assert len(there.requests) == asked
    assert tokens.read(MINT, at=AT + HOUR).liquidity == D(10)
    assert [Token.objects.stale(at=AT + hours * HOUR).count() for hours in (1.9, 2)] == [0, 1]


def test_a_failed_look_keeps_the_last_good_values_and_says_what_went_wrong(there: StandIns, db: None) -> None:
    tokens.read(MINT, at=AT)
    there.faults = {"/v1/tokens": Fault.ERROR, "/tokens": Fault.GARBAGE, "/": Fault.ODD}
    token = tokens.read(MINT, at=AT + HOUR)
    assert (token.liquidity, token.top_holders, token.contract_score) == (D(60000), D("0.2"), D("0.9"))
    assert (token.analyzed_at, token.attempted_at, token.analysis_source) == (AT, AT + HOUR, "none")
    assert "rugcheck: the answer was 500; " in token.analysis_error
    assert "dexscreener: the answer is not JSON" in token.analysis_error
    assert KEY not in token.analysis_error
    # It is not asked again at once, and then it is.
    asked = len(there.requests)
    tokens.read(MINT, at=AT + HOUR + timedelta(seconds=59))
    assert len(there.requests) == asked
    there.faults.clear()
    assert tokens.read(MINT, at=AT + HOUR + timedelta(seconds=60)).analysis_error == ""


def test_each_value_is_of_the_first_who_knows_it_and_unknown_where_nobody_does(there: StandIns, db: None) -> None:
    there.tokens[MINT].rugcheck = None
    token = tokens.read(MINT, at=AT)
    assert (token.contract_score, token.contract_source, token.top_holders) == (D(1), "helius", D("0.2"))
    assert token.analyzed_at == AT

    bare = address("bare")
    there.tokens[bare] = made_token(bare)
    there.tokens[bare].rugcheck = there.tokens[bare].asset = None
    token = tokens.read(bare, at=AT)
    assert (token.contract_score, token.top_holders, token.born_at, token.liquidity) == (None, None, None, D(60000))
    assert token.analyzed_at is None


def test_a_look_that_everybody_answered_is_whole_though_nobody_knows_a_value(there: StandIns, db: None) -> None:
    sources = [each for each in configured.token_sources() if each.name == "rugcheck"]
    for minutes in (0, 2, 59):
        token = tokens.read(MINT, at=AT + timedelta(minutes=minutes), sources=sources)
    assert (token.born_at, token.analyzed_at, token.analysis_source, token.analysis_error) == (None, AT, "rugcheck", "")
    assert there.asked("/v1/tokens") == 1
    assert tokens.read(MINT, at=AT + HOUR, sources=sources).analyzed_at == AT + HOUR


def test_nobody_is_asked_whose_address_is_not_written_down(db: None, settings: Any) -> None:
    assert (configured.token_sources(), settings.RUGCHECK_URL, settings.DEXSCREENER_URL) == ([], "", "")
    token = tokens.read(MINT, at=AT)
    assert (token.analysis_source, token.analysis_error) == ("none", "No source is configured.")


def test_prices_are_asked_for_apart_and_an_old_one_is_none(there: StandIns, db: None) -> None:
    minute = timedelta(minutes=1)
    assert tokens.price(MINT, at=AT, newer_than=minute) == (D("0.25"), AT)
    there.tokens[MINT] = made_token(MINT, price="0.30")
    assert tokens.price(MINT, at=AT + minute / 2, newer_than=minute) == (D("0.25"), AT)
    assert tokens.price(MINT, at=AT + minute, newer_than=minute) == (D("0.3"), AT + minute)
    there.faults["/tokens"] = Fault.BUSY
    assert tokens.price(MINT, at=AT + 3 * minute, newer_than=minute) is None

    assert tokens.sol_price(at=AT) is None
    Token.objects.create(address=SOL, price=D(150), price_at=AT)
    assert [tokens.sol_price(at=AT + n * minute) for n in (-11, -10, 10, 11)] == [None, D(150), D(150), None]


def test_a_ban_stays_until_somebody_says_why_it_was_a_mistake(there: StandIns, alice: User) -> None:
    banned = tokens.blacklist(MINT, reason="Honeypot", at=AT, by=alice)
    with pytest.raises(Conflict):
        tokens.blacklist(MINT, reason="Again", at=AT)
    # What is banned is not looked up any more.
    assert tokens.read(MINT, at=AT + 5 * HOUR).analyzed_at is None
    assert there.requests == []
    with pytest.raises(IntegrityError):
        Token.objects.filter(pk=banned.pk).update(is_blacklisted=False)


def test_a_lifting_is_audited_and_lifts_one_ban(db: None, alice: User) -> None:
    banned = tokens.blacklist(MINT, reason="Honeypot", at=AT)
    for reason in ("", " ", "x" * 501):
        with pytest.raises(InvalidValue):
            tokens.lift(banned, reason=reason, at=AT, by=alice)
    assert Token.objects.get().is_blacklisted
    lifted = tokens.lift(banned, reason="It was another one", at=AT + HOUR, by=alice)
    assert (lifted.is_blacklisted, lifted.blacklist_reason, lifted.blacklisted_at) == (False, "", None)
    assert list(TokenListing.objects.order_by("id").values_list("kind", "reason", "lifts", "actor_email")) == [
        ("blacklisted", "Honeypot", None, ""),
        ("lifted", "It was another one", AT, alice.email),
    ]
    assert AuditEvent.objects.filter(event="token.lifted", subject_id=str(banned.public_id)).count() == 1
    with pytest.raises(Conflict):
        tokens.lift(banned, reason="Once more", at=AT, by=alice)


# ---------------------------------------------------------------- what the sources say


def test_rugcheck_counts_the_other_way_and_a_danger_is_one() -> None:
    def score(**fields: Any) -> D | None:
        return rugcheck.facts({"mint": MINT, **fields}, address=MINT).contract_score

    danger = [{"name": "Mint authority still enabled", "level": "danger"}]
    assert [score(score_normalised=n) for n in (0, 25, 100)] == [D(1), D("0.75"), D(0)]
    assert score(score_normalised=5, risks=danger) == D("0.3")
    assert score(score_normalised=1, rugged=True) == D(0)
    assert [score(score_normalised=n) for n in (101, -1, "x", None, True)] == [None] * 5
    report = {"mint": MINT, "score_normalised": 90, "risks": [*danger, {"level": "good"}, 7]}
    found = rugcheck.facts(report, address=MINT)
    assert found.findings == ("Mint authority still enabled",)


def test_what_pools_and_lockers_hold_is_nobodys() -> None:
    holders = [{"address": f"a{n}", "owner": f"o{n}", "pct": D(4)} for n in range(12)]
    holders.append({"address": "pool", "owner": "amm", "pct": D(50)})
    report = {"mint": MINT, "topHolders": holders, "knownAccounts": {"amm": {"name": "Raydium", "type": "AMM"}}}
    # The ten largest of those that are left: 10 x 4 %.
    assert rugcheck.facts(report, address=MINT).top_holders == D("0.4")
    assert rugcheck.facts({"mint": MINT}, address=MINT).top_holders is None


def test_dexscreener_is_read_at_the_deepest_pool_and_the_oldest() -> None:
    def pair(usd: int, price: str, at: int) -> dict[str, Any]:
        return {
            "baseToken": {"address": MINT, "symbol": "T"},
            "liquidity": {"usd": usd},
            "priceUsd": price,
            "pairCreatedAt": at,
        }

    other = {"baseToken": {"address": SOL}, "liquidity": {"usd": 10**9}, "priceUsd": "150"}
    found = dexscreener.facts([pair(5, "1", 2000), other, pair(9, "2", 9000), pair(1, "3", 1000)], address=MINT)
    assert (found.liquidity, found.price) == (D(9), D(2))
    assert found.born_at is not None
    assert found.born_at.timestamp() == 1
    for nothing in ([], {"pairs": None}, None, [7]):
        with pytest.raises(SourceFailed):
            dexscreener.facts(nothing, address=MINT)


@pytest.mark.parametrize("fault", Fault)
def test_a_source_that_misbehaves_costs_seconds_and_nothing_else(
    there: StandIns, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only silence is to be waited out; a machine that is busy is none.
    monkeypatch.setattr(fetching, "TIMEOUT", 0.2 if fault is Fault.HANG else PATIENCE)
    monkeypatch.setattr(fetching, "FIRST_PAUSE", 0.01)
    there.faults = {"/": fault}
    for source in configured.token_sources():
        with pytest.raises(SourceFailed) as refused:
            source.token(MINT)
        assert KEY not in str(refused.value)
        assert KEY not in repr(source)
    retries = {Fault.ERROR: 3, Fault.BUSY: 3, Fault.HANG: 3, Fault.CUT: 3}.get(fault, 1)
    # Whoever waits no longer is gone before the server has read what he asked.
    until(lambda: there.asked("/v1/tokens") >= retries)
    assert there.asked("/v1/tokens") == retries


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "http://example.com/",
        "file:///etc/passwd",
        "https://127.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://[fe80::1]/",
        "https://user:secret@example.com/",
        "https://localhost/",
        "https:///nothing",
        "https://a b/",
    ],
)
def test_w20_addresses_of_inner_networks_are_not_fetched(url: str) -> None:
    with pytest.raises(FetchFailed):
        fetching.fetch(url, limits=Limits(timeout=0.5, retries=0))


def test_w20_the_address_that_was_checked_is_the_one_that_is_asked(
    there: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(2, 1, 6, "", (address, port))]

    reached: list[Any] = []

    def connect(address: Any, timeout: float) -> Any:
        reached.append(address)
        raise OSError

    monkeypatch.setattr(outbound.socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(outbound.socket, "create_connection", connect)
    with pytest.raises(FetchFailed):
        fetching.fetch("https://rebinding.example.com/", limits=Limits(retries=0))
    assert (asked, reached) == (["rebinding.example.com"], [("93.184.215.14", 443)])
