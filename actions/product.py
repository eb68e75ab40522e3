"""Prices, features and advice from the catalogue."""

from abc import abstractmethod
from typing import ClassVar

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.subjects import products_meant
from actions.turn import Reply, Turn, button
from actions.usage import MAX_BUTTONS, product_title
from crm import catalogue
from crm.models.catalogue import Product
from crm.words import label

MAX_SHOWN = 3


def money(dong: int) -> str:
    """Thousands apart, with the currency's sign."""
    return label("money", amount=f"{dong:,}".replace(",", "."))


class ProductAnswer(CareAction):
    """Finds the product meant (named, pressed, or under discussion), or asks which."""

    intent: ClassVar[str]

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        products = products_meant(session, turn, turn.question)
        if not products and (known := catalogue.by_sku(session, str(turn.slot("product") or ""))):
            products = [known]
        if not products:
            guessed = [product for sku in turn.candidates if (product := catalogue.by_sku(session, sku))]
            offered = (guessed or catalogue.listing(session))[:MAX_BUTTONS]
            reply.say("utter_which_product", [button(product_title(p), self.intent, product=p.sku) for p in offered])
            return
        for product in products[:MAX_SHOWN]:
            self.tell(product, reply)
        reply.set(product=products[0].sku if len(products) == 1 else None)

    @abstractmethod
    def tell(self, product: Product, reply: Reply) -> None:
        """Says what is asked of one product."""


class ActionAskPrice(ProductAnswer):
    """Price and stock."""

    action = "action_ask_price"
    intent = "ask_price"

    def tell(self, product: Product, reply: Reply) -> None:
        reply.say("utter_price", product=product.name, price=money(product.price), stock=_stock(product))


class ActionProductInfo(ProductAnswer):
    """What the product is like."""

    action = "action_product_info"
    intent = "product_info"

    def tell(self, product: Product, reply: Reply) -> None:
        details = product.details or {}
        reply.say(
            "utter_product_info",
            [button(label("topics.use"), "product_usage", product=product.sku)],
            product=product.name,
            description=product.description,
            highlights=", ".join(map(str, details.get("highlights") or [])) or label("no_value"),
            variants=", ".join(map(str, details.get("variants") or [])) or label("no_value"),
            origin=details.get("origin") or label("no_value"),
            price=money(product.price),
            warranty=product.warranty_months,
            stock=_stock(product),
        )


class ActionRecommendProduct(CareAction):
    """Shows what the shop has that fits the words, honestly short, and offers a person for advice."""

    action = "action_recommend_product"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        products = [p for p in products_meant(session, turn, turn.question) if p.in_stock]
        offered = products or [p for p in catalogue.listing(session) if p.in_stock]
        if len(offered) > MAX_SHOWN:
            buttons = [button(product_title(p), "recommend_product", product=p.sku) for p in offered[:MAX_BUTTONS]]
            reply.say("utter_recommend_what", buttons)
            return
        for product in offered:
            details = product.details or {}
            reply.say(
                "utter_recommend_one",
                product=product.name,
                price=money(product.price),
                description=product.description,
                highlights=", ".join(map(str, details.get("highlights") or [])) or label("no_value"),
            )
        reply.say("utter_recommend_more")
        reply.set(product=offered[0].sku if len(offered) == 1 else None, expecting="person")


def _stock(product: Product) -> str:
    return label("stock.available" if product.in_stock else "stock.sold_out")
