"""Invented rates of exchange in the layout of the European Central Bank's eurofxref-hist.csv."""

from datetime import date, timedelta
from decimal import Decimal

from journal.sample_files.cells import table
from journal.sample_files.markets import seeded, swing

#: What one euro costs at first, in units of the last decimal, and how much that moves in a day.
_WALKS = {
    "USD": ("1.0550", 45),
    "JPY": ("163.20", 90),
    "CZK": ("25.290", 30),
    "DKK": ("7.4590", 4),
    "GBP": ("0.83350", 25),
    "PLN": ("4.3400", 95),
    "SEK": ("11.5800", 330),
    "CHF": ("0.9330", 20),
    "CAD": ("1.4750", 50),
    "AUD": ("1.6250", 70),
}
#: Rates begin this long before the first trade, so that a first day without one finds an earlier one.
BEFORE = timedelta(days=10)


def rates(*, seed: int, start: date, end: date) -> dict[date, dict[str, Decimal]]:
    """The euro's price in each currency on each working day, by random walk."""
    first = start - BEFORE
    days = [first + timedelta(days=number) for number in range((end - first).days + 1)]
    working = [day for day in days if day.weekday() < 5]
    found: dict[date, dict[str, Decimal]] = {day: {} for day in working}
    for currency, (text, step) in _WALKS.items():
        rng = seeded(seed, currency)
        scale = Decimal(1).scaleb(Decimal(text).as_tuple().exponent)  # type: ignore[arg-type]
        middle = units = int(Decimal(text) / scale)
        for day in working:
            # Pulled back to where it began: over two years, rates of exchange stay within sight of it.
            units += swing(rng, step) + (middle - units) // 120
            found[day][currency] = units * scale
    return found


def hist_csv(found: dict[date, dict[str, Decimal]]) -> bytes:
    """The file, newest day first, with the comma that the bank leaves at the end of each line."""
    header = ["Date", *_WALKS, ""]
    rows = [[day.isoformat(), *(f"{found[day][currency]:f}" for currency in _WALKS), ""] for day in sorted(found)]
    return table([header, *reversed(rows)]).replace(b"\r\n", b"\n")
