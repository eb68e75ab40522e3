"""Values of the CRM and its refusals as the person at the screen reads them."""

from datetime import datetime, timedelta
from enum import StrEnum

from babel.numbers import format_decimal

from console.language import _, current, plural
from crm import clock
from crm.campaign_approval import SecondPersonNeeded
from crm.campaign_deliveries import Unsent
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput, NotFound, PermissionDenied, TrianError
from crm.models.campaigns import CampaignState, PauseReason
from crm.models.care import ComplaintCategory, ComplaintState, Severity
from crm.models.catalogue import PurchaseStatus
from crm.models.conversations import EscalationReason
from crm.models.messaging import OutboxState
from crm.models.people import Purpose, Tier
from crm.models.staff import Role
from crm.personal_fields import MissingField
from crm.settings import settings

DAY = timedelta(days=1)


def word(value: StrEnum) -> str:
    """The value in a word or two."""
    return _words()[type(value)][value]


def _words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    # By type first: members of different enums with the same value are equal.
    return {**_care_words(), **_message_words(), **_people_words()}


def _care_words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        EscalationReason: {
            EscalationReason.ASKED: _("Asked for a person"),
            EscalationReason.LOW_RATING: _("Low rating"),
            EscalationReason.NOT_UNDERSTOOD: _("Not understood"),
            EscalationReason.NOT_HELPFUL: _("Guide did not help"),
            EscalationReason.TECHNICAL: _("Technical problem"),
        },
        ComplaintState: {
            ComplaintState.NEW: _("New"),
            ComplaintState.IN_PROGRESS: _("In progress"),
            ComplaintState.RESOLVED: _("Resolved"),
            ComplaintState.CLOSED: _("Closed"),
        },
        ComplaintCategory: {
            ComplaintCategory.PRODUCT_FAULT: _("Product fault"),
            ComplaintCategory.DELIVERY: _("Delivery"),
            ComplaintCategory.STAFF_ATTITUDE: _("Staff attitude"),
            ComplaintCategory.WARRANTY: _("Warranty"),
            ComplaintCategory.PRICE_PAYMENT: _("Price and payment"),
            ComplaintCategory.OTHER: _("Other"),
        },
        Severity: {
            Severity.LOW: _("Minor"),
            Severity.NORMAL: _("Normal"),
            Severity.HIGH: _("Serious"),
        },
    }


def _message_words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        OutboxState: {
            OutboxState.QUEUED: _("Waiting to be sent"),
            OutboxState.SENDING: _("Sending"),
            OutboxState.SENT: _("Sent"),
            OutboxState.FAILED: _("Not delivered"),
            OutboxState.UNKNOWN: _("Unclear whether it arrived"),
            OutboxState.SKIPPED: _("Not sent"),
            OutboxState.EXPIRED: _("Too late, not sent"),
        },
        CampaignState: {
            CampaignState.DRAFT: _("Draft"),
            CampaignState.APPROVED: _("Approved"),
            CampaignState.SCHEDULED: _("Scheduled"),
            CampaignState.RUNNING: _("Being sent"),
            CampaignState.PAUSED: _("Paused"),
            CampaignState.FINISHED: _("Finished"),
            CampaignState.CANCELLED: _("Stopped"),
        },
        PauseReason: {
            PauseReason.ERRORS: _("Too many messages went wrong"),
            PauseReason.APPROVAL: _("More people than were approved"),
        },
        Unsent: {
            Unsent.WAITING: _("Not their turn yet"),
            Unsent.LEFT_OUT: _("Left out"),
        },
        Purpose: {
            Purpose.SERVICE: _("Service"),
            Purpose.GREETINGS: _("Greetings"),
            Purpose.MARKETING: _("Advertising"),
        },
    }


def _people_words() -> dict[type[StrEnum], dict[StrEnum, str]]:
    return {
        Tier: {
            Tier.NONE: _("No tier"),
            Tier.SILVER: _("Silver"),
            Tier.GOLD: _("Gold"),
            Tier.PLATINUM: _("Platinum"),
        },
        Role: {
            Role.AGENT: _("Support staff"),
            Role.MARKETING: _("Marketing"),
            Role.ADMIN: _("Administrator"),
        },
        PurchaseStatus: {
            PurchaseStatus.PROCESSING: _("Being prepared"),
            PurchaseStatus.SHIPPING: _("On its way"),
            PurchaseStatus.DELIVERED: _("Delivered"),
            PurchaseStatus.CANCELLED: _("Cancelled"),
        },
    }


def reason(code: str | None) -> str:
    """Why a message was not sent, from the code on its row; an unknown code is shown as it is."""
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
        "expired": _("it could not be sent in time"),
        "Forbidden: bot was blocked by the user": _("blocked the shop on Telegram"),
        "Forbidden: user is deactivated": _("closed their Telegram account"),
    }
    return known.get(code or "", code or "")


def refusal(error: TrianError) -> str:
    """What the CRM refused, as a sentence that says what to do."""
    if isinstance(error, AlreadyHeld):
        return _("A colleague is already looking after this conversation. Agree with them before you step in.")
    if isinstance(error, IllegalTransition):
        return _("This is no longer possible: the state has changed in the meantime. The page shows it as it is now.")
    if isinstance(error, SecondPersonNeeded):
        words = _("It goes to {people} people: a colleague must approve it. It is saved; ask them to open it.")
        return words.format(people=number(error.people))
    if isinstance(error, PermissionDenied):
        return _("Your account has no right to do this.")
    if isinstance(error, NotFound):
        return _("This does not exist any more. Go back to the list.")
    if isinstance(error, MissingField):
        words = _("Not everybody has: {fields}. Take it out, or write words instead: {tier|…}.")
        return words.replace("{fields}", ", ".join(field(name) for name in error.counts))
    if isinstance(error, InvalidInput):
        return _wrong(error)
    return _("That did not work. Please try again.")


def _wrong(error: InvalidInput) -> str:
    known = {
        "resolution": _("Write the answer that the customer shall read."),
        "name": _("Give it a name of at most 200 characters."),
        "text": _(
            "The text is empty, too long, or has something else in braces than {address}, {name}, {tier}, {points}, "
            "{voucher}, {shop}."
        ),
        "audience": _("Choose who shall receive it."),
        "at": _("Choose a time that lies in the future."),
    }
    return known.get(error.field, _("Please check what you entered: {field}").format(field=error.field))


def database_away() -> str:
    """The database did not answer."""
    return _("The data could not be reached just now. Nothing was changed; please try again in a moment.")


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
