"""Screenshots that the invented trader kept with trades: small charts, drawn here."""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw

from accounts.models import User
from journal import attachments
from journal.sample_words.made import chance
from journal.sample_words.trades import draw
from trading.models import Trade, TradeStatus

#: Trades with a picture, the newest of those that were remarked on.
MOST = 8
_WIDTH, _HEIGHT, _BARS = 720, 405, 48
_GROUND, _LINES, _UP, _DOWN, _MARK = "#12151c", "#252a35", "#2fa37c", "#d1605e", "#e8b339"
_CAPTIONS = ("Entry on the retest", "Five minutes, with the level of yesterday", "What it looked like at the exit")


def write(owner: User, trades: Sequence[Trade]) -> None:
    """Some of the newest closed trades have a picture."""
    closed = [trade for trade in trades if trade.status == TradeStatus.CLOSED and draw(6, trade, "picture?") == 0]
    for trade in closed[-MOST:]:
        name, caption = (
            f"{trade.instrument.symbol} {trade.opened_on}.png",
            _CAPTIONS[draw(len(_CAPTIONS), trade, "caption")],
        )
        attachments.add(owner=owner, content=_chart(trade), name=name, trade=trade, caption=caption)


def _chart(trade: Trade) -> bytes:
    """A chart of candles as a platform would show it, with entry and exit marked. Nothing in it is a price."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _GROUND)
    pen = ImageDraw.Draw(image)
    for place in range(1, 6):
        pen.line((0, _HEIGHT * place // 6, _WIDTH, _HEIGHT * place // 6), fill=_LINES)
        pen.line((_WIDTH * place // 6, 0, _WIDTH * place // 6, _HEIGHT), fill=_LINES)
    step, level = _WIDTH // (_BARS + 2), _HEIGHT // 2
    drift = 2 if (trade.side == "long") == (trade.net_pnl > 0) else -2
    closes = []
    for place in range(_BARS):
        opened = level
        level = min(_HEIGHT - 40, max(40, level + _move(trade, place) - (drift if 14 <= place <= 36 else 0)))
        closes.append(level)
        left, color = step * (place + 1), _UP if level <= opened else _DOWN
        wick = 4 + chance(14, trade.opened_on, place, "wick")
        pen.line((left + 4, min(opened, level) - wick, left + 4, max(opened, level) + wick // 2), fill=color)
        pen.rectangle((left, min(opened, level), left + 8, max(opened, level) + 1), fill=color)
    for place in (14, 36):
        pen.ellipse(
            (step * (place + 1) - 3, closes[place] - 7, step * (place + 1) + 11, closes[place] + 7),
            outline=_MARK,
            width=2,
        )
    pen.text((16, 12), f"{trade.instrument.symbol}  5m", fill="#c9d1de")
    kept = BytesIO()
    image.quantize(32).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def _move(trade: Trade, place: int) -> int:
    """How far the invented price moves in one bar."""
    return chance(33, trade.instrument.symbol, trade.opened_on, place) - 16
