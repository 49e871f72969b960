"""Codes of money: what an account can be kept in, and what totals can be shown in."""

#: Currencies for which the European Central Bank publishes a reference rate, and the euro itself.
WITH_RATES = frozenset(
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MXN MYR NOK NZD PHP PLN RON SEK SGD THB TRY "
    "USD ZAR".split()
)
#: Every currency of ISO 4217 that people are paid in, and the coins that crypto exchanges keep balances in.
KNOWN = WITH_RATES | frozenset(
    "AED AFN ALL AMD AOA ARS AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BSD BTN BWP BYN BZD CDF CLP COP CRC CUP CVE "
    "DJF DOP DZD EGP ERN ETB FJD FKP GEL GHS GIP GMD GNF GTQ GYD HNL HTG IQD IRR JMD JOD KES KGS KHR KMF KPW KWD KYD "
    "KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MZN NAD NGN NIO NPR OMR PAB PEN PGK PKR "
    "PYG QAR RSD RUB RWF SAR SBD SCR SDG SHP SLE SOS SRD SSP STN SVC SYP SZL TJS TMT TND TOP TTD TWD TZS UAH UGX UYU "
    "UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZMW ZWG "
    "ADA BCH BNB BTC DOGE DOT ETH LINK LTC SOL TRX USDC USDT XRP".split()
)
