"""Which products a message means."""

from sqlalchemy.orm import Session

from actions.turn import Turn
from crm import catalogue
from crm.models.catalogue import Product
from crm.words import mentioned, words


def called(product: Product) -> str:
    """What people call the product in a sentence."""
    return str(product.aliases[0]).lower() if product.aliases else product.name


def products_meant(session: Session, turn: Turn, said: str) -> list[Product]:
    """The products that a pressed button or the words name; a misspelt name counts where the words alone name none."""
    if turn.pressed or turn.is_given("product"):
        pressed = catalogue.by_sku(session, turn.entity("product") or "")
        return [pressed] if pressed else catalogue.mentioned(session, said)
    named = catalogue.mentioned(session, said)
    guessed = None if named else catalogue.by_sku(session, turn.entity("product") or "")
    return [guessed] if guessed else named


def under_discussion(session: Session, turn: Turn) -> list[Product]:
    """The product talked about, where the message points to it ("this one") and names none."""
    if mentioned(turn.text, words("dialogue")["this_one"]) is None:
        return []
    known = catalogue.by_sku(session, str(turn.slot("product") or ""))
    return [known] if known else []


def share_subject(session: Session, named_by: Turn, meant_by: Turn) -> None:
    """What one clause of a message names is meant by the other too, where that one names nothing."""
    own = catalogue.mentioned(session, meant_by.text) or meant_by.entity("product") or meant_by.entity("order_code")
    if own:
        return
    named = products_meant(session, named_by, named_by.text)
    if len(named) == 1:
        meant_by.give(product=named[0].sku)
    elif (code := named_by.entity("order_code")) is not None:
        meant_by.give(order_code=code)
