"""What the shop sells: which products a customer's words mean."""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.models.catalogue import Product
from crm.words import normal

_Span = tuple[int, int]


def by_sku(session: Session, sku: str) -> Product | None:
    """The product with this key, if there is one."""
    return session.scalar(select(Product).where(Product.sku == sku))


def listing(session: Session, category: str | None = None, limit: int = 50) -> list[Product]:
    """Products by name, those in stock first."""
    every = select(Product).order_by(Product.in_stock.desc(), Product.name_folded).limit(limit)
    return list(session.scalars(every if category is None else every.where(Product.category == category)))


def mentioned(session: Session, said: str) -> list[Product]:
    """The products that `said` names by name, alias or sku, accents and case aside; empty when it names none.

    A longer name beats a shorter one inside it, so more than one product means that the words fit all of them, or
    that several were named.
    """
    tokens = normal(said).split()
    if not tokens:
        return []
    spans = {product.id: (product, _longest(tokens, _names(product))) for product in session.scalars(select(Product))}
    found = [(product, span) for product, span in spans.values() if span is not None]
    best = [(product, span) for product, span in found if not any(_inside(span, other) for _, other in found)]
    return [product for product, _ in sorted(best, key=lambda pair: (pair[1][0], pair[0].id))]


def _names(product: Product) -> Sequence[str]:
    return [product.name, product.sku, *map(str, product.aliases)]


def _longest(tokens: list[str], names: Sequence[str]) -> _Span | None:
    spans = [span for name in names if (span := _find(tokens, _said(name))) is not None]
    return max(spans, key=lambda span: span[1] - span[0], default=None)


@lru_cache(maxsize=20_000)
def _said(name: str) -> list[str]:
    """The words of a name; every question is compared with all of them."""
    return normal(name).split()


def _find(tokens: list[str], name: list[str]) -> _Span | None:
    size = len(name)
    if not size:
        return None
    return next(((i, i + size) for i in range(len(tokens) - size + 1) if tokens[i : i + size] == name), None)


def _inside(span: _Span, other: _Span) -> bool:
    return other[0] <= span[0] and span[1] <= other[1] and other[1] - other[0] > span[1] - span[0]
