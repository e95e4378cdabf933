"""The currencies of ISO 4217, with how many decimals each has. It knows no rate and no amount."""

from __future__ import annotations

# Minor units by currency (ISO 4217). What is not listed here is not a currency we know.
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON "
    "RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD "
    "TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}


def is_known(code: str) -> bool:
    return code in MINOR_UNITS


def unknown(code: str) -> str:
    """What to say of a code that is no currency, with those that it could have been meant for."""
    shown = code[:10]
    alike = [known for known in sorted(MINOR_UNITS) if known[:1] == shown[:1]]
    listed = f"With {shown[:1]} there are {', '.join(alike)}" if alike else f"None begins with {shown[:1]!r}"
    return (
        f"{shown!r} is no currency that is known here. {listed}; in all {len(MINOR_UNITS)} codes of ISO 4217, such as "
        "CHF, EUR, GBP and USD."
    )
