"""Takes quotes from JSON, so that paper orders meet the market as it is."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import decimals
from accounts.encryption import KeysMissing
from trading import bars, feeds, paper_prices, price_sources
from trading.feeds import BadFeed, Offer
from trading.management.commands.stream_trades import connected
from trading.models import Instrument, InstrumentStatus, Quote
from trading.venues import paper


class Command(BaseCommand):
    help = (
        "Take the latest quotes from a JSON file or an https address in the shapes of Alpaca (latest quotes, "
        "snapshots): each becomes the quote of its instrument unless that is newer, and paper orders meet it. "
        "Instruments that are not known here are left out and counted. Exit code 0 when it was taken, 1 when it was "
        "refused, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", metavar="FILE|URL", required=True, help="a file, or an address that answers JSON")
        parser.add_argument("--source", default="feed", help="who made them (default: %(default)s)")
        parser.add_argument("--account", metavar="UUID", help="whose keys are shown to Alpaca's market data")

    def handle(self, *args: Any, **options: Any) -> None:
        source = options["json"]
        try:
            keys = price_sources.keys_for(connected(options["account"]), source)
            offers = feeds.quotes(price_sources.text_of(source, keys=keys))
            known = {
                each.symbol: each
                for each in Instrument.objects.filter(
                    symbol__in={offer.symbol for offer in offers}, status=InstrumentStatus.ACTIVE
                )
            }
            quotes = [
                _quote(offer, known[offer.symbol], options["source"]) for offer in offers if offer.symbol in known
            ]
        except (BadFeed, KeysMissing, ValueError, OSError) as error:
            raise CommandError(f"{source}: {error}", returncode=1) from error
        taken = sum(paper.take_quote(quote) for quote in quotes)
        left = len(offers) - len(quotes)
        self.stdout.write(f"{taken} quotes taken, {len(quotes) - taken} were older, {left} of unknown instruments")


def _quote(offer: Offer, instrument: Instrument, source: str) -> Quote:
    numbers = {
        name: decimals.strict(text) if (text := getattr(offer, name)) else None
        for name in ("bid", "ask", "last", "bid_size", "ask_size", "last_size")
    }
    traded_at = bars.moment(offer.traded_at) if offer.traded_at else None
    if numbers["last"] is None:
        numbers["last_size"] = traded_at = None
    if not any(numbers[name] for name in ("bid", "ask", "last")):
        raise BadFeed(f"The quote of {offer.symbol} has no price.")
    if (wrong := paper_prices.wrong_with(numbers)) is not None:
        raise BadFeed(f"The quote of {offer.symbol}: {wrong}.")
    told = {
        "conditions": None if offer.conditions is None else list(offer.conditions),
        "tape": offer.tape[:10],
        "traded_at": traded_at,
    }
    quote = Quote(instrument=instrument, quoted_at=bars.moment(offer.time), source=source[:30], **numbers, **told)
    if paper.is_ahead(quote, now=timezone.now()):
        raise BadFeed(f"The quote of {offer.symbol} is of a time to come: {quote.quoted_at.isoformat()}.")
    return quote
