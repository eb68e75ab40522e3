"""What was changed in a customer's record, who may be one person twice, and what people asked about their own data."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.models.base import Base, WithId, by_value
from crm.models.people import Customer

_UNFINISHED = text("finished_at IS NULL")


class LikenessReason(StrEnum):
    """Why two records are taken for one person's."""

    PHONE = "phone"
    EMAIL = "email"
    CHAT = "chat"
    EXTERNAL_ID = "external_id"
    NAME_AND_PHONE = "name_and_phone"
    NAME_AND_BIRTHDAY = "name_and_birthday"


class PairState(StrEnum):
    OPEN = "open"
    DISMISSED = "dismissed"
    MERGED = "merged"


class RequestKind(StrEnum):
    """What the law lets a person ask for."""

    SEE = "see"
    CORRECT = "correct"
    EXPORT = "export"
    ERASE = "erase"
    WITHDRAW = "withdraw"


class RequestState(StrEnum):
    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    REFUSED = "refused"


class CustomerEdit(WithId, Base):
    """One change of a record. `changes`: {field: [before, after]} as JSON values; `staff_id` None: not by staff."""

    __tablename__ = "customer_edits"
    __table_args__ = (Index("ix_customer_edits_newest", "customer_id", "id"),)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    changes: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class DuplicatePair(WithId, Base):
    """Two records that may be one person; `first_id` is the smaller number. A dismissed pair is not found again."""

    __tablename__ = "duplicate_pairs"
    __table_args__ = (
        UniqueConstraint("first_id", "second_id"),
        Index("ix_duplicate_pairs_queue", "state", "id"),
        Index("ix_duplicate_pairs_second_id", "second_id"),
    )
    first_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    second_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    reason: Mapped[LikenessReason] = mapped_column(by_value(LikenessReason))
    state: Mapped[PairState] = mapped_column(by_value(PairState), default=PairState.OPEN)
    found_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    first: Mapped[Customer] = relationship(foreign_keys=[first_id])
    second: Mapped[Customer] = relationship(foreign_keys=[second_id])


class CustomerMerge(WithId, Base):
    """One record taken into another. `moved`, `dropped`: rows, by table (crm.merges).

    `before`: the fields of both ("kept", "gone"), and of the kept one as the merge left it ("after").
    """

    __tablename__ = "customer_merges"
    kept_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    gone_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(index=True)
    before: Mapped[dict[str, Any]]
    moved: Mapped[dict[str, Any]]
    dropped: Mapped[dict[str, Any]]
    undone_at: Mapped[datetime | None]


class PrivacyRequest(WithId, Base):
    """What a person asked about their data. `account_id`: the chat it came from, and where they are answered.

    `reason`: why it was refused. `reminded_at`: when staff were last told that `due_at` is near. It outlives an
    erasure, without `said` (their words), as the proof that it was dealt with in time.
    """

    __tablename__ = "privacy_requests"
    __table_args__ = (Index("ix_privacy_requests_due", "state", "due_at"),)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("channel_accounts.id"))
    kind: Mapped[RequestKind] = mapped_column(by_value(RequestKind))
    state: Mapped[RequestState] = mapped_column(by_value(RequestState), default=RequestState.RECEIVED)
    channel: Mapped[str] = mapped_column(String(16))
    said: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    closed_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    customer: Mapped[Customer] = relationship()


class DataExport(WithId, Base):
    """A person's data in one file below var/exports, until `expires_at`. `name` is a file name without a folder."""

    __tablename__ = "data_exports"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("privacy_requests.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[str] = mapped_column(String(100), unique=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Erasure(WithId, Base):
    """The tombstone: that somebody was erased, and nothing of who. `customer_number` is no key: the row may be gone.

    `keys`: keyed hashes of the chats they wrote from, by which a restored backup finds them again. `accounts` name
    their conversations to Rasa; `files` are below var/. Until `finished_at` these are still to be deleted.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        Index("ix_erasures_unfinished", "at", sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED),
        Index("ix_erasures_customer_number", "customer_number"),
    )
    customer_number: Mapped[int] = mapped_column(BigInteger)
    known_since: Mapped[datetime]
    keys: Mapped[list[Any]]
    accounts: Mapped[list[Any]]
    files: Mapped[list[Any]]
    counts: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    finished_at: Mapped[datetime | None]
