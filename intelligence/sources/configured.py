"""The sources that this installation may ask: those whose address its operator wrote down, and no others."""

from django.conf import settings

from intelligence.sources.dexscreener import DexScreener
from intelligence.sources.helius import Helius
from intelligence.sources.protocol import TokenSource
from intelligence.sources.rugcheck import RugCheck


def token_sources() -> list[TokenSource]:
    """Who is asked about tokens, in the order in which they are believed."""
    found: list[TokenSource] = []
    if settings.RUGCHECK_URL:
        found.append(RugCheck(settings.RUGCHECK_URL))
    if chain := helius():
        found.append(chain)
    if pools := dexscreener():
        found.append(pools)
    return found


def dexscreener() -> DexScreener | None:
    """Who says prices; None where nobody is asked."""
    return DexScreener(settings.DEXSCREENER_URL) if settings.DEXSCREENER_URL else None


def helius() -> Helius | None:
    """Helius with this installation's key; None without one."""
    if not settings.HELIUS_API_KEY:
        return None
    return Helius(api_url=settings.HELIUS_URL, rpc_url=settings.HELIUS_RPC_URL, key=settings.HELIUS_API_KEY)
