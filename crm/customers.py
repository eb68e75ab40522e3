"""The customer record and the chat accounts a customer writes from."""

from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, text
from crm.errors import InvalidInput, NotFound
from crm.models.conversations import Conversation
from crm.models.people import Address, CalendarKind, ChannelAccount, Customer, Occasion, OccasionKind
from crm.words import label

TELEGRAM = "telegram"
HOME = "VN"


@dataclass(frozen=True)
class Caller:
    """What Telegram tells of the person who writes."""

    bot_id: int
    chat_id: int
    name: str
    username: str | None = None


def get(session: Session, customer_id: int) -> Customer:
    """The customer; raises NotFound."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotFound(f"customer {customer_id}")
    return customer


def current(session: Session, customer_id: int) -> Customer:
    """The customer, or the record they were merged into since; of somebody erased the empty one. Raises NotFound."""
    customer = get(session, customer_id)
    while customer.merged_into_id is not None:
        customer = get(session, customer.merged_into_id)
    return customer


def kept_of(session: Session, ids: Collection[int]) -> dict[int, int]:
    """The record that each of `ids` was merged into in the end; those that were not are left out."""
    step = select(Customer.id, Customer.merged_into_id).where(Customer.merged_into_id.is_not(None))
    found: dict[int, int] = {}
    ends = {number: number for number in ids}
    while ends:
        further = {row.id: row.merged_into_id for row in session.execute(step.where(Customer.id.in_(ends.values())))}
        ends = {number: further[end] for number, end in ends.items() if end in further}
        found |= ends
    return found


def shells_of(session: Session, customer_id: int) -> list[Customer]:
    """What was merged into the record, and into those before that."""
    found: list[Customer] = []
    newer = {customer_id}
    while newer:
        step = list(session.scalars(select(Customer).where(Customer.merged_into_id.in_(newer)).order_by(Customer.id)))
        newer = {each.id for each in step}
        found += step
    return found


def merged_keys(session: Session, keys: Collection[str]) -> dict[str, int]:
    """By key (external_id) of a record that was merged away: the record it was merged into in the end."""
    shells = select(Customer.external_id, Customer.id).where(Customer.merged_into_id.is_not(None))
    mine = {row.external_id: row.id for row in session.execute(shells.where(Customer.external_id.in_(keys)))}
    kept = kept_of(session, mine.values())
    return {key: kept[number] for key, number in mine.items()}


def meet(session: Session, caller: Caller) -> Conversation:
    """The caller's conversation; customer, account and conversation are made at the first message."""
    account = account_by_chat(session, caller.bot_id, caller.chat_id)
    if account is None:
        account = _new_account(session, caller)
    account.reachable, account.unreachable_reason = True, None
    account.username = caller.username
    conversation = session.scalar(select(Conversation).where(Conversation.account_id == account.id))
    if conversation is None:
        conversation = Conversation(account=account, customer_id=account.customer_id, created_at=clock.now())
        session.add(conversation)
        session.flush()
    return conversation


def account_by_chat(session: Session, bot_id: int, chat_id: int) -> ChannelAccount | None:
    """The account of a chat under a bot, if it ever wrote."""
    here = (ChannelAccount.channel == TELEGRAM, ChannelAccount.bot_id == bot_id, ChannelAccount.chat_id == chat_id)
    return session.scalar(select(ChannelAccount).where(*here))


def _new_account(session: Session, caller: Caller) -> ChannelAccount:
    customer = Customer(created_at=clock.now())
    rename(customer, caller.name)
    account = ChannelAccount(
        customer=customer,
        channel=TELEGRAM,
        bot_id=caller.bot_id,
        chat_id=caller.chat_id,
        username=caller.username,
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    return account


def rename(customer: Customer, name: str) -> None:
    """Sets the name and its folded copy. Raises InvalidInput over 100 characters."""
    name = " ".join(text.clean(name).split())
    if len(name) > 100:
        raise InvalidInput("name", "at most 100 characters")
    customer.name, customer.name_folded = name, text.fold(name)


def national_phone(phone: str) -> str:
    """A Vietnamese number as it is dialled at home (0912345678), another country's as +…; however it was typed.

    Raises InvalidInput.
    """
    try:
        number = phonenumbers.parse(phone, HOME)
    except phonenumbers.NumberParseException as error:
        raise InvalidInput("phone", "no telephone number") from error
    if not phonenumbers.is_valid_number(number):
        raise InvalidInput("phone", "a Vietnamese number has ten digits and begins with 0")
    if phonenumbers.region_code_for_number(number) != HOME:
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(sign for sign in written if sign.isdigit())


def set_phone(customer: Customer, phone: str) -> None:
    """Stores the number in one spelling (`national_phone`). Raises InvalidInput."""
    customer.phone = national_phone(phone)


def set_email(customer: Customer, email: str) -> None:
    """Stores the address in small letters. Raises InvalidInput for what cannot be one."""
    email = email.strip().lower()
    name, _at, host = email.rpartition("@")
    wrong = not name or "." not in host.strip(".") or any(sign.isspace() for sign in email) or len(email) > 200
    if wrong or "@" in name:
        raise InvalidInput("email", "an address reads like ten@vidu.vn")
    customer.email = email


def birthday_of(session: Session, customer_id: int) -> Occasion | None:
    """The customer's birthday, where it is known."""
    mine = select(Occasion).where(Occasion.customer_id == customer_id, Occasion.kind == OccasionKind.BIRTHDAY)
    return session.scalar(mine)


def set_birthday(
    session: Session, customer: Customer, calendar: CalendarKind, day: int, month: int, year: int | None = None
) -> Occasion:
    """Stores the birthday in the calendar the customer counts it by. Raises InvalidInput for a day that never comes."""
    longest = (
        30 if calendar is CalendarKind.LUNAR else (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[(month - 1) % 12]
    )
    if not (1 <= month <= 12 and 1 <= day <= longest):
        raise InvalidInput("birthday", "no such day")
    if year is not None and not 1900 <= year <= clock.now().year:
        raise InvalidInput("birthday", "the year must lie between 1900 and now")
    occasion = birthday_of(session, customer.id)
    if occasion is None:
        occasion = Occasion(customer_id=customer.id, kind=OccasionKind.BIRTHDAY)
        session.add(occasion)
    occasion.calendar, occasion.day, occasion.month, occasion.year = calendar, day, month, year
    occasion.leap_month = False
    return occasion


def self_word(address: Address) -> str:
    """How the assistant calls itself to somebody it calls `address` (labels.yml, self)."""
    return label(f"self.{address.value}")


def words_for(customer: Customer) -> dict[str, str]:
    """The words every text to this customer may use: address, Address, self, Self, name."""
    address, own = customer.address.value, self_word(customer.address)
    return {
        "address": address,
        "Address": address[0].upper() + address[1:],
        "self": own,
        "Self": own.capitalize(),
        "name": text.given_name(customer.name),
    }
