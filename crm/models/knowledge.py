"""Articles that the staff write. The product's own guides are files under `data/knowledge/`."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, WithId


class AuthoredArticle(WithId, Base):
    """One version of an article; never changed. The newest of a `slug` counts, `published` False withdraws it.

    `body` is Markdown: a beginning and sections under `## ` headings. `sku` None: it holds for the whole shop.
    """

    __tablename__ = "authored_articles"
    __table_args__ = (UniqueConstraint("slug", "version"),)
    slug: Mapped[str] = mapped_column(String(150))
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    sku: Mapped[str | None] = mapped_column(String(64))
    topic: Mapped[str] = mapped_column(String(32))
    keywords: Mapped[list[Any]] = mapped_column(default=list)
    body: Mapped[str] = mapped_column(Text)
    published: Mapped[bool]
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
