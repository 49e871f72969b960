"""Limits of orders: what people and operators set, and what of it counts for one account and instrument."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit
from accounts.decimals import plain
from accounts.errors import Conflict, InvalidValue
from accounts.fields import LARGEST_MONEY, LARGEST_PRICE
from accounts.models import Account, User
from trading.models import Instrument, RiskConfig, RiskLimit
from trading.order_rules.amounts import product, total
from trading.order_rules.pretrade import Limits
from trading.order_rules.validity import Violation
from trading.risk import capital, configuration, rates, system_settings
from trading.risk.counting import Book
from trading.risk.rates import Rates

#: The operators' settings that are about all that is open.
COUNTED = ("max_positions", "max_trades_per_day")
VALUES = ("max_quantity", "max_notional", "price_band", "max_open_positions", "max_trades_per_day")
_MOST: dict[str, Decimal] = {
    "max_quantity": LARGEST_PRICE,
    "max_notional": LARGEST_MONEY,
    "max_open_positions": Decimal(1_000_000),
    "max_trades_per_day": Decimal(1_000_000),
}


#: Whether anything at all limits the orders of a person, as SQL: as long as it does not, no limit is read.
ARE_LIMITED = """
(EXISTS (SELECT FROM trading_risklimit l WHERE l.owner_id = {owner}) OR EXISTS (SELECT FROM trading_systemsetting)
    OR EXISTS (
        SELECT FROM trading_riskconfig c
        WHERE c.id = 1 AND (c.max_capital_per_trade IS NOT NULL OR c.max_total_capital IS NOT NULL)
    ))
"""


@transaction.atomic
def set_limit(
    owner: User, *, account: Account | None = None, instrument: Instrument | None = None, **values: Any
) -> RiskLimit:
    """These limits hold for this account and instrument, None for any.

    Raises InvalidValue, or Conflict where there are limits for just that already.
    """
    if account is not None and account.owner_id != owner.pk:
        raise InvalidValue(_("You have no account of this name."), pointer="/account")
    limit = RiskLimit(owner=owner, account=account, instrument=instrument)
    _apply(limit, values)
    try:
        with transaction.atomic():
            limit.save()
    except IntegrityError as error:
        raise Conflict(_("There are limits for this already."), code="limit_exists") from error
    limit.refresh_from_db()
    _tell("risk_limit.create", limit, before=None, after=_written(limit))
    return limit


@transaction.atomic
def change_limit(limit: RiskLimit, **values: Any) -> RiskLimit:
    """The limits are these; what is not named stays, None takes a limit away. Raises InvalidValue."""
    row = RiskLimit.objects.select_for_update(of=("self",)).select_related("account", "instrument").get(pk=limit.pk)
    before = _written(row)
    _apply(row, values)
    after = _written(row)
    if after != before:
        row.save()
        _tell("risk_limit.update", row, before=before, after=after)
    return row


@transaction.atomic
def remove_limit(limit: RiskLimit) -> None:
    """The limits are gone."""
    _tell("risk_limit.delete", limit, before=_written(limit), after=None)
    limit.delete()


@dataclass(frozen=True, slots=True)
class Rules:
    """All limits of one person, the configuration and the operators' settings, read once for many orders."""

    rows: list[RiskLimit]
    config: RiskConfig
    settings: dict[str, Any]

    @classmethod
    def of(cls, owner_id: int) -> "Rules":
        """The rules of this person as they are now."""
        rows = list(RiskLimit.objects.filter(owner=owner_id).order_by("id"))
        return cls(rows, configuration.current(), system_settings.all_of_them())

    @classmethod
    def none(cls) -> "Rules":
        """Those of a person whose orders nothing limits."""
        return cls([], RiskConfig(), {})

    @property
    def count_all(self) -> bool:
        """Whether any of them is on all that is open, so that it has to be counted."""
        counted = any(row.max_open_positions is not None or row.max_trades_per_day is not None for row in self.rows)
        is_set = not self.settings.keys().isdisjoint(COUNTED)
        return counted or is_set or self.config.max_total_capital is not None

    def applying(self, account: Account, instrument: Instrument) -> list[RiskLimit]:
        """Those that are about this account and instrument."""
        return [
            row
            for row in self.rows
            if row.account_id in (None, account.pk) and row.instrument_id in (None, instrument.pk)
        ]


def limits_for(account: Account, instrument: Instrument, *, rules: Rules | None = None) -> Limits:
    """What one order in this account and instrument may not exceed: of all limits that apply, the tightest of each.

    Values are in the instrument's currency. Shares of the capital count as limits of the value.
    """
    rules = rules or Rules.of(account.owner_id)
    rows, config = rules.applying(account, instrument), rules.config
    shares = _shares(rules)
    worth = [row.max_notional for row in rows]
    if shares:
        known = _rates(config, account, instrument)
        found = capital.of([account], capital.paid([account.pk]), currency=account.currency, config=config, rates=known)
        most = product(min(shares), found.amount)
        converted = known.convert(most, account.currency, instrument.currency)
        worth.append(most if converted is None else converted)
    return Limits(
        quantity=_least(row.max_quantity for row in rows),
        notional=_least(worth),
        band=_least(row.price_band for row in rows),
    )


def exceeded(
    account: Account,
    instrument: Instrument,
    *,
    at: datetime,
    value: Decimal | None = None,
    rules: Rules | None = None,
    book: Book | None = None,
) -> tuple[Violation, ...]:
    """Every limit on all of what is open that an order which opens would exceed: positions, trades of the day, capital.

    Orders that wait to open something count as what they would become; with a `book`, so do those that were added to
    it. `value` is what the order is worth in the instrument's currency, None where that is not known. An exit is not
    asked.
    """
    rules = rules or Rules.of(account.owner_id)
    if not rules.count_all:
        return ()
    book = book or Book.of(account.owner_id, at=at)
    adds, today = book.is_new(account, instrument), account.trading_day(at)
    reasons: list[Violation] = []
    for row in [*rules.applying(account, instrument), *_of_operators(account, rules.settings)]:
        most = row.max_open_positions
        if adds and most is not None and book.positions(row) >= most:
            words = gettext_noop("%(most)s positions are open or waited for, which is the limit: close one first.")
            reasons.append(Violation("limit_positions", "", words, {"most": str(most)}))
        most = row.max_trades_per_day
        if most is not None and book.trades(row, today) >= most:
            words = gettext_noop("%(most)s trades were opened today or wait, which is the limit: go on tomorrow.")
            reasons.append(Violation("limit_trades", "", words, {"most": str(most)}))
    if (too_much := _too_much_capital(rules.config, account, instrument, value, book)) is not None:
        reasons.append(too_much)
    return tuple({each.code: each for each in reasons}.values())


def _too_much_capital(
    config: RiskConfig, account: Account, instrument: Instrument, value: Decimal | None, book: Book
) -> Violation | None:
    if config.max_total_capital is None:
        return None
    worths = [(each.amount, each.currency) for each in book.worths(account)]
    worths.append((value, instrument.currency))
    known = _rates(config, account, instrument, *(currency for _amount, currency in worths))
    used = [known.convert(amount, currency, account.currency) for amount, currency in worths if amount is not None]
    found = capital.of([account], capital.paid([account.pk]), currency=account.currency, config=config, rates=known)
    most = product(config.max_total_capital, found.amount)
    if total(each for each in used if each is not None) <= most:
        return None
    words = gettext_noop("All that is open would be worth more than %(most)s: close something first.")
    return Violation("limit_total_capital", "/quantity", words, {"most": plain(most.normalize())})


def _of_operators(account: Account, settings: dict[str, Any]) -> list[RiskLimit]:
    """The operators' limits of each account as if the person had set them; never saved."""
    positions = system_settings.count_of(settings, "max_positions")
    trades = system_settings.count_of(settings, "max_trades_per_day")
    if positions is None and trades is None:
        return []
    own = RiskLimit(owner_id=account.owner_id, account=account, max_open_positions=positions, max_trades_per_day=trades)
    return [own]


def _shares(rules: Rules) -> list[Decimal]:
    setting = system_settings.share_of(rules.settings, "max_position_size")
    return [each for each in (rules.config.max_capital_per_trade, setting) if each is not None]


def _rates(config: RiskConfig, account: Account, instrument: Instrument, *others: str) -> Rates:
    currencies = {account.currency, instrument.currency, config.currency, *others}
    return rates.latest(currencies, timezone.now().date())


def _least(values: Iterable[Decimal | None]) -> Decimal | None:
    return min((value for value in values if value is not None), default=None)


def _apply(limit: RiskLimit, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in VALUES:
            raise InvalidValue(_("There is no such field."), pointer=f"/{name}")
        field = RiskLimit._meta.get_field(name)
        try:
            cleaned = None if value is None else field.clean(value, limit)  # type: ignore[union-attr]
        except ValidationError as error:
            raise InvalidValue(" ".join(error.messages), pointer=f"/{name}") from error
        if cleaned is not None:
            _refuse_unusable(name, Decimal(cleaned))
        setattr(limit, name, cleaned)
    if all(getattr(limit, name) is None for name in VALUES):
        raise InvalidValue(_("Give at least one limit."), pointer=f"/{VALUES[0]}")


def _refuse_unusable(name: str, number: Decimal) -> None:
    if name == "price_band":
        if not 0 < number < 1:
            raise InvalidValue(_("This is a fraction above 0 and below 1."), pointer="/price_band")
        return
    least = 0 if name in ("max_open_positions", "max_trades_per_day") else None
    if number > _MOST[name] or (number < least if least is not None else number <= 0):
        raise InvalidValue(_("Enter a number larger than zero."), pointer=f"/{name}")


def _written(limit: RiskLimit) -> dict[str, Any]:
    values: Sequence[Any] = [getattr(limit, name) for name in VALUES]
    return {
        "account": str(limit.account.public_id) if limit.account else None,
        "instrument": limit.instrument.symbol if limit.instrument else None,
        **dict(zip(VALUES, values, strict=True)),
    }


def _tell(event: str, limit: RiskLimit, *, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    audit.written(
        event, subject="risk_limit", subject_id=limit.public_id, owner_id=limit.owner_id, before=before, after=after
    )
