"""Times, sums and reasons as the person at the screen reads them."""

from datetime import datetime, timedelta

from babel.numbers import format_decimal

from console import telegram_words
from console.language import _, current, plural
from console.vocabulary import word
from crm import clock
from crm.settings import settings

__all__ = ["word"]  # named here because pages say `phrases.word`

DAY = timedelta(days=1)


def reason(code: str | None) -> str:
    """Why a message was not sent, from the code or from Telegram's own words on its row; empty where there is none."""
    known = {
        "unreachable": _("cannot be reached on Telegram"),
        "no_consent": _("has not agreed to this kind of message"),
        "open_complaint": _("has an open complaint"),
        "no_account": _("has no chat with the shop"),
        "consent_withdrawn": _("withdrew consent"),
        "campaign_stopped": _("the broadcast was stopped"),
        "campaign_edited": _("the text was changed before it was sent"),
        "missing_field": _("lacks something that the text says of its reader"),
        "restored": _("a backup was put back, and it may have been sent since"),
        "bot_gone": _("it was for a bot that the shop does not use any more"),
        "merged": _("is the same person as another reader, who has the message"),
        "taken_up_again": _("the complaint was taken up again before"),
        "expired": _("it could not be sent in time"),
        "erased": _("asked for their data to be erased"),
        "": "",
    }
    return known[code or ""] if (code or "") in known else telegram_words.told(code or "")


def span(length: timedelta) -> str:
    """How long, in the two largest units."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 1:
        return _("under a minute")
    if minutes < 60:
        return plural("{n} minute", "{n} minutes", minutes)
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return _("{hours} h {minutes} min").format(hours=hours, minutes=rest)
    return plural("{n} day", "{n} days", hours // 24)


def when(at: datetime) -> str:
    """The time of today, `yesterday 09:15`, else the date with the time."""
    here, today = clock.local(at, settings().zone), clock.local(clock.now(), settings().zone).date()
    time = here.strftime("%H:%M")
    if here.date() == today:
        return time
    if here.date() == today - DAY:
        return _("yesterday {time}").format(time=time)
    if here.date() == today + DAY:
        return _("tomorrow {time}").format(time=time)
    return here.strftime("%d/%m %H:%M" if here.year == today.year else "%d/%m/%Y %H:%M")


def full_time(at: datetime) -> str:
    """Date and time without a doubt."""
    return clock.local(at, settings().zone).strftime("%d/%m/%Y %H:%M:%S")


def day(at: datetime) -> str:
    """The date alone."""
    return clock.local(at, settings().zone).strftime("%d/%m/%Y")


def field(name: str) -> str:
    """What a field of an advertisement holds."""
    known = {"tier": _("membership tier"), "points": _("loyalty points"), "voucher": _("voucher code")}
    return known.get(name, name)


def variable(name: str) -> str:
    """What a variable of a ready answer holds."""
    known = {
        "address": _("form of address"),
        "Address": _("form of address, with a capital"),
        "self": _("how we call ourselves"),
        "Self": _("how we call ourselves, with a capital"),
        "name": _("the customer's given name"),
        "agent": _("your given name"),
        "case": _("code of the open complaint"),
        "order": _("code of the last order"),
        "tier": _("membership tier"),
        "shop": _("name of the shop"),
        "hotline": _("hotline number"),
        "hours": _("opening hours"),
    }
    return known.get(name, name)


def number(value: int) -> str:
    """1.234.567 as the reader's language groups it."""
    return format_decimal(value, locale=current())


def money(dong: int) -> str:
    """Đồng with dots between thousands."""
    return f"{dong:,}".replace(",", ".") + " ₫"


def decimal(value: float) -> str:
    """One digit after the reader's own decimal mark."""
    return format_decimal(value, "0.0", locale=current())


def phone(number: str | None) -> str:
    """0912 345 678, as people read it out."""
    return f"{number[:4]} {number[4:7]} {number[7:]}" if number and len(number) == 10 else (number or "")
