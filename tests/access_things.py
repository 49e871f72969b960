"""Things that somebody owns, for the access matrix: each with a canary in whatever words it holds."""

import io
import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from accounts import ledger, tokens, undo
from accounts.models import Account, AccountGroup, AccountTag, ActivityEntry, User
from intelligence import decisions, news, performance, signals, wallets
from intelligence.helius_parsing import Seen
from intelligence.models import Signal, Token, Wallet
from intelligence.news_parsing import Article
from intelligence.sources.transactions import address, signature
from journal import attachments, notes, playbooks, saved_views
from journal.archive import jobs
from journal.models import Archive, Note, Playbook, TradePlaybook
from tests.factories import make_account
from tests.journal.factories import make_instrument, make_trade
from trading import (
    connections,
    exit_plans,
    exit_strategies,
    many_trades,
    orders,
    risk,
    sessions,
    tag_groups,
    trades,
)
from trading.exits.plans import simple_plan
from trading.imports import batches
from trading.models import Execution, ExitStrategy, ImportBatch, Instrument, ManagedPosition, Tag, Trade
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, Side, TimeInForce
from trading.risk.breakers import Target
from trading.venues import paper

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
FILE = (
    b"Date,Time,Symbol,Quantity,Price,Side,Commission,TransFee,ECNFee\n"
    b"03/06/2026,09:30:05,AAPL,100,201.10,Bought,1.00,0.00,0.30\n"
    b"03/06/2026,09:42:11,AAPL,-100,202.35,Sold,1.00,0.05,-0.20\n"
)
UNKNOWN_FILE = b"When,What,How many,At\n2026-03-06 09:30:05,AAPL,100,201.10\n2026-03-06 09:42:11,AAPL,-100,202.35\n"
_numbers = itertools.count(1)

#: Makes one thing of this owner and returns what a path holds for it.
Factory = Callable[[User, str], str]


def account(owner: User, canary: str) -> str:
    made = make_account(owner, f"Account {canary} {next(_numbers)}", broker=canary, number=canary, description=canary)
    ActivityEntry.objects.create(owner=owner, kind="account", text=canary)
    return str(made.public_id)


def archived_account(owner: User, canary: str) -> str:
    return str(make_account(owner, f"Archived {canary} {next(_numbers)}", archived_at=AT).public_id)


def funded_account(owner: User, canary: str) -> str:
    made = make_account(owner, f"Funded {canary} {next(_numbers)}")
    ledger.deposit(made, currency="USD", amount=Decimal("8613.0071"), idempotency_key="a", at=AT, note=canary)
    return str(made.public_id)


def account_group(owner: User, canary: str) -> str:
    group = AccountGroup.objects.create(owner=owner, name=f"{canary} {next(_numbers)}")
    make_account(owner, f"Grouped {canary} {next(_numbers)}", group=group)
    return str(AccountGroup.objects.get(pk=group.pk).public_id)


def account_tag(owner: User, canary: str) -> str:
    tag = AccountTag.objects.create(owner=owner, name=f"{canary} {next(_numbers)}")
    make_account(owner, f"Labelled {canary} {next(_numbers)}").tags.add(tag)
    return str(AccountTag.objects.get(pk=tag.pk).public_id)


def cash_entry(owner: User, canary: str) -> str:
    made = make_account(owner, f"Cash {canary} {next(_numbers)}")
    entry = ledger.deposit(made, currency="USD", amount=Decimal("8613.0071"), idempotency_key="a", at=AT, note=canary)
    return str(entry.public_id)


def token(owner: User, canary: str) -> str:
    return str(tokens.create(owner=owner, name=canary, at=AT)[0].public_id)


def tag(owner: User, canary: str) -> str:
    return str(Tag.objects.create(owner=owner, name=f"{canary} {next(_numbers)}").public_id)


def trade(owner: User, canary: str) -> str:
    made = _trade(owner, canary)
    trades.annotate(made, note=canary)
    return str(made.public_id)


def note(owner: User, canary: str) -> str:
    words = notes.Written(text=f"Text {canary}", title=f"Title {canary}")
    return str(notes.write(owner=owner, words=words, day=date(2026, 1, 5)).public_id)


def note_template(owner: User, canary: str) -> str:
    name = f"Template {canary} {next(_numbers)}"
    return str(notes.make_template(owner=owner, name=name, kind="plan", text=canary).public_id)


def tag_group(owner: User, canary: str) -> str:
    return str(tag_groups.create(owner=owner, name=f"Group {canary[:20]} {next(_numbers)}").public_id)


def attachment(owner: User, canary: str) -> str:
    made = attachments.add(
        owner=owner,
        content=f"Content {canary}".encode(),
        name=f"{canary}.txt",
        note=Note.objects.get(public_id=note(owner, canary)),
        caption=canary,
    )
    return str(made.public_id)


def picture(owner: User, canary: str) -> str:
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(drawn, "PNG")
    made = attachments.add(owner=owner, content=drawn.getvalue(), name=f"{canary}.png", trade=_trade(owner, canary))
    return str(made.public_id)


def playbook(owner: User, canary: str) -> str:
    made = playbooks.create(
        owner=owner,
        name=f"Playbook {canary} {next(_numbers)}",
        description=canary,
        rules=[playbooks.WrittenRule(f"Rule {canary}", f"Group {canary}")],
    )
    return str(made.public_id)


def ready_import(owner: User, canary: str) -> str:
    return str(batches.look(_received(owner, canary, FILE)).public_id)


def applied_import(owner: User, canary: str) -> str:
    batch = batches.queue(batches.look(_received(owner, canary, FILE)))
    return str(batches.run(batch).public_id)


def unknown_import(owner: User, canary: str) -> str:
    return str(batches.look(_received(owner, canary, UNKNOWN_FILE)).public_id)


def _trade(owner: User, canary: str) -> Trade:
    return make_trade(make_account(owner, f"Traded {canary} {next(_numbers)}"), day=date(2026, 1, 5), pnl="8613.07")


def _received(owner: User, canary: str, content: bytes) -> ImportBatch:
    into = make_account(owner, f"Imported {canary} {next(_numbers)}")
    return batches.receive(owner=owner, chunks=[content], filename=f"{canary}.csv", account=into)


def archive(owner: User, canary: str) -> str:
    """An export that is done, with the canary in its name and in every byte of its file."""
    stored_as = f"canary{next(_numbers)}"
    (jobs.folder() / stored_as).write_text(canary)
    made = Archive.objects.create(
        owner=owner, kind="export", status="done", filename=f"{canary}.zip", stored_as=stored_as, size=5,
        remarks=[canary], finished_at=AT, expires_at=timezone.now() + jobs.KEPT,
    )  # fmt: skip
    return str(made.public_id)


def queued_archive(owner: User, canary: str) -> str:
    # One at a time: the one before is over.
    Archive.objects.filter(owner=owner, status="queued").update(status="canceled")
    return str(Archive.objects.create(owner=owner, kind="export", filename=f"{canary}.zip").public_id)


#: The trade of every `taken_playbook`. It is in the path of an address besides the playbook, as is one for all.
TAKEN = "01890000-0000-7000-8000-00000000beef"


def taken_playbook(owner: User, canary: str) -> str:
    key = playbook(owner, canary)
    found = Playbook.objects.get(public_id=key)
    TradePlaybook.objects.create(owner=owner, trade_key=TAKEN, playbook=found, version=playbooks.current_version(found))
    return key


def exit_strategy(owner: User, canary: str) -> str:
    plan = simple_plan(stop_loss=Decimal("0.2"))
    made = exit_strategies.create(
        owner=owner, name=f"Strategy {canary[:60]} {next(_numbers)}", plan=plan, description=canary[:500]
    )
    return str(made.public_id)


def archived_strategy(owner: User, canary: str) -> str:
    key = exit_strategy(owner, canary)
    exit_strategies.archive(ExitStrategy.objects.get(public_id=key))
    return key


def held(owner: User, canary: str) -> tuple[Account, Instrument]:
    """An account that holds ten units of something."""
    into = make_account(owner, f"Held {canary} {next(_numbers)}")
    instrument = make_instrument()
    trades.enter(into, instrument=instrument, fills=[trades.EnteredFill("buy", Decimal(10), Decimal("8613.07"), AT)])
    return into, instrument


def exit_plan(owner: User, canary: str) -> str:
    into, instrument = held(owner, canary)
    return str(exit_plans.open_plan(into, instrument, plan=simple_plan(stop_loss=Decimal("0.2"))).public_id)


def failed_plan(owner: User, canary: str) -> str:
    key = exit_plan(owner, canary)
    ManagedPosition.objects.filter(public_id=key).update(status="error", problem=canary[:500])
    return key


def saved_view(owner: User, canary: str) -> str:
    made = saved_views.save(owner=owner, name=f"{canary} {next(_numbers)}", query="symbol=AAPL")
    return str(made.public_id)


def risk_limit(owner: User, canary: str) -> str:
    into = make_account(owner, f"Limited {canary} {next(_numbers)}")
    return str(risk.set_limit(owner, account=into, max_quantity=Decimal("8613.0071")).public_id)


def breaker(owner: User, canary: str) -> str:
    """One that is on, with the canary in its account and in why."""
    into = make_account(owner, f"Stopped {canary} {next(_numbers)}")
    return str(risk.activate(owner, Target(owner, "live", into), note=canary, at=AT).public_id)


def breaker_body(owner: User) -> dict[str, Any]:
    return {"breaker": breaker(owner, "mine"), "note": "By API"}


def order(owner: User, canary: str) -> str:
    """A live order to buy, with the canary in its account, its client id and its strategy."""
    into = make_account(owner, f"Ordering {canary} {next(_numbers)}")
    ledger.deposit(into, currency="USD", amount=Decimal(1000), idempotency_key="a", at=AT, note=canary)
    asked = Ticket(Side.BUY, OrderType.LIMIT, TimeInForce.GTC, quantity=Decimal(1), limit_price=Decimal(200))
    intent = orders.Intent(client_order_id=f"{canary} {next(_numbers)}", strategy=canary[:60])
    made = orders.place(into, instrument=_shares(), ticket=asked, intent=intent).order
    # It has met the market: the orders of others change nothing of it any more.
    paper.match(made.instrument_id)
    return str(made.public_id)


def broker_connection(owner: User, canary: str) -> str:
    """The canary is the account's number at the broker."""
    into = make_account(owner, f"Connected {canary} {next(_numbers)}")
    keys = connections.Keys("PKTEST", "tell-nobody")
    row = connections.connect(into, environment="paper", keys=keys, broker_account=canary)
    return str(row.public_id)


def connection_body(owner: User) -> dict[str, Any]:
    into = make_account(owner, f"By API {next(_numbers)}")
    return {"account": str(into.public_id), "environment": "paper", "key_id": "PKTEST", "secret": "tell-nobody"}


def session(owner: User, canary: str) -> str:
    """An open session, with the canary in its account and its words."""
    into = make_account(owner, f"Session {canary} {next(_numbers)}")
    return str(sessions.start(into, at=AT, name=canary, strategy=canary[:60], note=canary).public_id)


def session_form(owner: User) -> dict[str, Any]:
    return {"account": make_account(owner, f"By form {next(_numbers)}").name, "name": "By form"}


def session_body(owner: User) -> dict[str, Any]:
    return {"account": str(make_account(owner, f"By API {next(_numbers)}").public_id), "name": "By API"}


def decision(owner: User, canary: str) -> str:
    """One that was revised and has ended, with the canary in its words, its account and its name of a bot."""
    into = make_account(owner, f"Decided {canary} {next(_numbers)}", currency="USD")
    links = decisions.Links(account=into, instruments=[_shares()])
    said = decisions.Said("BUY", f"Before {canary}", strategy=canary[:60], actor_kind="bot", actor=canary)
    ended = decisions.StatedOutcome(result_amount=Decimal("8613.0071"), currency="USD")
    made = decisions.record(owner=owner, said=said, at=AT, links=links, stated=ended)
    after = decisions.Said("BUY", f"After {canary}", market_context=canary, actor_kind="bot", actor=canary)
    return str(decisions.revise(made, said=after, links=links, revision=1, at=AT).public_id)


#: Outside id of the share that everybody's things are about.
SHARES = "01890000-0000-7000-8000-0000000057c4"


def article(owner: User, canary: str) -> str:
    read = Article(f"Title {canary}", f"https://example.com/{canary.replace(' ', '-')}/{next(_numbers)}", AT, canary,
                   summary=canary, content=canary)  # fmt: skip
    return str(news.write(owner, read, instruments=[_shares()], decisions=[]).public_id)


def analysis(owner: User, canary: str) -> str:
    parts = {"technical_analysis": {"summary": canary}, "ai_recommendation": {"action": "BUY", "reasoning": canary}}
    return str(news.analyse(owner, _shares(), price=Decimal("8613.07"), parts=parts, at=AT).public_id)


def position(owner: User, canary: str) -> str:
    """Something open, by the id of its trade."""
    into = make_account(owner, f"Holding {canary} {next(_numbers)}")
    fill = trades.EnteredFill("buy", Decimal(1), Decimal(1000), AT)
    return str(trades.enter(into, instrument=_shares(), fills=[fill])[0].public_id)


def _shares() -> Instrument:
    found = Instrument.objects.filter(symbol="AAPL", status="active").first()
    made = found or Instrument.objects.create(symbol="AAPL", kind="stock", currency="USD")
    Instrument.objects.filter(pk=made.pk).update(public_id=SHARES)
    return made


def copied_wallet(owner: User, canary: str) -> str:
    """A wallet that is followed, with figures and the canary in its label."""
    where = address(f"{owner.pk} {canary} {next(_numbers)}")
    followed = wallets.register(owner=owner, address=where, at=AT, label=f"Copied {canary}"[:100])
    performance.refresh(followed.pk, at=AT)
    return str(followed.public_id)


def wallet(owner: User, canary: str) -> str:
    return str(_wallet(owner, canary).public_id)


def paused_wallet(owner: User, canary: str) -> str:
    return str(wallets.pause(_wallet(owner, canary)).public_id)


def archived_wallet(owner: User, canary: str) -> str:
    return str(wallets.archive(_wallet(owner, canary), at=AT).public_id)


def signal(owner: User, canary: str) -> str:
    return str(_signal(owner, canary).public_id)


def mint(owner: User, canary: str) -> str:
    """A token that only this person's wallets traded."""
    made = Token.objects.create(address=_signal(owner, canary).token_address, symbol=canary[:40], name=canary[:120])
    made.refresh_from_db()
    return str(made.public_id)


def _wallet(owner: User, canary: str) -> Wallet:
    return wallets.register(
        owner=owner,
        address=address(f"{canary} {next(_numbers)}"),
        at=AT,
        label=canary[:100],
        notes=canary,
        discovery_notes=canary,
        exit_strategy=ExitStrategy.objects.get(public_id=exit_strategy(owner, canary)),
    )


def _signal(owner: User, canary: str) -> Signal:
    watched = _wallet(owner, canary)
    number = next(_numbers)
    seen = Seen(
        watched.address,
        address(f"token {number}"),
        "swap_detected",
        "buy",
        signature(f"{number}"),
        number,
        AT,
        Decimal("8613.0071"),
        {"note": canary},
    )
    [made] = signals.record([seen], source="helius", at=AT).made
    signals.ignored(made, "ignored_sell", canary, at=AT)
    made.refresh_from_db()
    return made


def wallet_form(owner: User) -> dict[str, Any]:
    strategy = exit_strategy(owner, "mine")
    return {
        "address": address(f"by form {next(_numbers)}"),
        "mode": "simulation",
        "exit_strategy": strategy,
        "discovery_source": "manual",
    }


def wallet_body(owner: User) -> dict[str, Any]:
    return {"address": address(f"by API {next(_numbers)}"), "exit_strategy": exit_strategy(owner, "mine")}


FACTORIES: dict[str, Factory] = {
    "copied_wallet": copied_wallet,
    "risk_limit": risk_limit,
    "breaker": breaker,
    "order": order,
    "decision": decision,
    "article": article,
    "analysis": analysis,
    "position": position,
    "session": session,
    "broker_connection": broker_connection,
    "wallet": wallet,
    "paused_wallet": paused_wallet,
    "archived_wallet": archived_wallet,
    "signal": signal,
    "mint": mint,
    "saved_view": saved_view,
    "exit_strategy": exit_strategy,
    "archived_strategy": archived_strategy,
    "exit_plan": exit_plan,
    "failed_plan": failed_plan,
    "account": account,
    "archived_account": archived_account,
    "funded_account": funded_account,
    "account_group": account_group,
    "account_tag": account_tag,
    "cash_entry": cash_entry,
    "token": token,
    "tag": tag,
    "trade": trade,
    "attachment": attachment,
    "note": note,
    "note_template": note_template,
    "picture": picture,
    "playbook": playbook,
    "tag_group": tag_group,
    "taken_playbook": taken_playbook,
    "ready_import": ready_import,
    "applied_import": applied_import,
    "unknown_import": unknown_import,
    "archive": archive,
    "queued_archive": queued_archive,
}


# ---------------------------------------------------------------- what is sent, where it depends on the sender
def trade_form(owner: User) -> dict[str, Any]:
    return {
        "account": make_account(owner, f"Form {next(_numbers)}").name,
        "symbol": "AAPL",
        "kind": "stock",
        "currency": "USD",
        "fills-TOTAL_FORMS": "1",
        "fills-INITIAL_FORMS": "0",
        "fills-0-side": "buy",
        "fills-0-quantity": "1",
        "fills-0-price": "200",
        "fills-0-executed_at": "2026-01-05T12:00:00",
    }


def trade_body(owner: User) -> dict[str, Any]:
    into = make_account(owner, f"API {next(_numbers)}")
    fill = {"side": "buy", "quantity": "1", "price": "200", "executed_at": "2026-01-05T12:00:00Z"}
    return {
        "account": str(into.public_id), "symbol": "AAPL", "kind": "stock", "currency": "USD", "fills": [fill]
    }  # fmt: skip


def order_body(owner: User) -> dict[str, Any]:
    # Made once: another would move the person's version on, and with it the tags of answers that are compared.
    into = Account.objects.for_user(owner).filter(name="Orders by API").first() or make_account(owner, "Orders by API")
    ledger.deposit(into, currency="USD", amount=Decimal(1000), idempotency_key="a", at=AT)
    return {
        "account": str(into.public_id), "symbol": _shares().symbol, "side": "buy", "type": "limit",
        "time_in_force": "gtc", "quantity": "1", "limit_price": "2",
    }  # fmt: skip


def ticket_form(owner: User) -> dict[str, Any]:
    """What the ticket sends; a new account each time, so that no order is in another's way."""
    into = make_account(owner, f"Ticket {next(_numbers)}")
    ledger.deposit(into, currency="USD", amount=Decimal(1000), idempotency_key="a", at=AT)
    return {
        "account": into.name, "symbol": _shares().symbol, "side": "buy", "type": "limit", "time_in_force": "gtc",
        "quantity": "1", "limit_price": "2", "order_class": "simple", "client_order_id": f"By form {into.pk}",
    }  # fmt: skip


def orders_form(owner: User) -> dict[str, Any]:
    return {"order": f"{order(owner, 'sent')}:1"}


def orders_body(owner: User) -> dict[str, Any]:
    return {"orders": [order_body(owner)]}


def deleted_fills(owner: User) -> list[Execution]:
    return list(Execution.objects.filter(pk__in=trades.delete(_trade(owner, "gone"))))


def undo_body(owner: User) -> dict[str, Any]:
    return {"fills": [str(fill.public_id) for fill in deleted_fills(owner)]}


def undo_form(owner: User) -> dict[str, Any]:
    ids = [fill.public_id.hex for fill in deleted_fills(owner)]
    return {"fills": undo.token(owner, "trade.delete", {"fills": ids})}


def undo_token(owner: User) -> dict[str, Any]:
    return {"token": undo_form(owner)["fills"]}


def bulk_body(owner: User) -> dict[str, Any]:
    return {"ids": [account(owner, "bulk")], "changes": {"status": "suspended"}}


def taken_body(owner: User) -> dict[str, Any]:
    return {"trade": trade(owner, "taken")}


def file_form(owner: User) -> dict[str, Any]:
    # Made once: another would move the person's version on, and with it the tags of answers that are compared.
    kept = Note.objects.for_user(owner).order_by("id").first()
    into = str(kept.public_id) if kept else note(owner, "sent to")
    return {"file": SimpleUploadedFile("words.txt", b"By form"), "note": into}


def tag_choice(owner: User) -> dict[str, Any]:
    return {"into": tag(owner, "other")}


def playbook_choice(owner: User) -> dict[str, Any]:
    return {"playbook": playbook(owner, "chosen")}


def bulk_form(owner: User) -> dict[str, Any]:
    return {"id": account(owner, "bulk"), "act": "apply", "status": "suspended"}


def trades_bulk_form(owner: User) -> dict[str, Any]:
    return {"id": [str(_trade(owner, "many").public_id)], "act": "rate", "value_rate": "4"}


def trades_bulk_body(owner: User) -> dict[str, Any]:
    return {"ids": [str(_trade(owner, "many").public_id)], "act": "rate", "value": "4"}


def bulk_undo_body(owner: User) -> dict[str, Any]:
    done = many_trades.rate(owner.pk, trade_ids=[_trade(owner, "many").pk], rating=4)
    return {"undo": undo.token(owner, "trade.many", {"event": done.event})}


def upload_body(owner: User) -> dict[str, Any]:
    into = make_account(owner, f"Upload {next(_numbers)}")
    return {"file": SimpleUploadedFile("fills.csv", FILE), "account": str(into.public_id)}


def upload_form(owner: User) -> dict[str, Any]:
    into = make_account(owner, f"Upload {next(_numbers)}")
    return {"file": SimpleUploadedFile("fills.csv", FILE), "account": into.name}


def archive_form(owner: User) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("journal.zip", b"PK")}


# ---------------------------------------------------------------- exit plans
def plan_form(owner: User) -> dict[str, Any]:
    # Always the same words: the page that shows them again is compared between two calls.
    into = Account.objects.filter(owner=owner, name="Planned").first() or make_account(owner, "Planned")
    fills = [trades.EnteredFill("buy", Decimal(10), Decimal("8613.07"), AT)]
    trades.enter(into, instrument=make_instrument(), fills=fills)
    strategy = ExitStrategy.objects.get(owner=None, name="Default")
    return {"account": "Planned", "symbol": "AAPL", "strategy": str(strategy.public_id)}


def plan_body(owner: User) -> dict[str, Any]:
    into, instrument = held(owner, "body")
    return {
        "account": str(into.public_id), "symbol": instrument.symbol, "strategy": exit_strategy(owner, "body")
    }  # fmt: skip


def strategy_form(owner: User) -> dict[str, Any]:
    return {"name": f"By form {next(_numbers)}", "stop_loss": "20"}


def strategy_body(owner: User) -> dict[str, Any]:
    return {"name": f"By API {next(_numbers)}", "plan": {"stop_loss": "0.2"}}
