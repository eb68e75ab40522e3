"""The assistant's intents as the people who correct it read them."""

from console.language import _


def meaning(intent: str | None) -> str:
    """The intent in a few words; one without words is shown by its name."""
    return _meanings().get(intent or "", intent or "")


def _meanings() -> dict[str, str]:
    return {**_shopping(), **_care(), **_talk()}


def _shopping() -> dict[str, str]:
    return {
        "product_info": _("Asks about a product"),
        "ask_price": _("Asks the price"),
        "promotion": _("Asks about offers"),
        "recommend_product": _("Wants advice what to buy"),
        "payment": _("Asks how to pay"),
        "delivery": _("Asks about shipping"),
        "order_status": _("Asks where the order is"),
        "loyalty_points": _("Asks about points"),
        "voucher": _("Asks about a voucher"),
        "referral": _("Recommends the shop to somebody"),
        "event_info": _("Asks about an event"),
        "store_info": _("Asks address, hours, hotline"),
        "company_info": _("Asks about the company"),
    }


def _care() -> dict[str, str]:
    return {
        "product_usage": _("Asks how to use, clean or mend"),
        "warranty": _("Asks about warranty"),
        "book_service": _("Wants a technician or maintenance"),
        "return_exchange": _("Wants to return or exchange"),
        "complaint": _("Complains"),
        "complaint_status": _("Asks how the complaint stands"),
        "rate_service": _("Rates the service"),
        "compliment": _("Praises"),
        "talk_to_human": _("Wants a person"),
        "update_profile": _("Changes their details"),
        "privacy_request": _("Asks about their personal data"),
        "opt_out": _("Wants no more advertising"),
        "opt_in": _("Wants advertising again"),
    }


def _talk() -> dict[str, str]:
    return {
        "greet": _("Greets"),
        "goodbye": _("Says goodbye"),
        "thank": _("Thanks"),
        "affirm": _("Says yes"),
        "deny": _("Says no"),
        "ask_bot": _("Asks who the assistant is"),
        "inform": _("Gives a bare answer (name, number, code)"),
        "out_of_scope": _("None of the shop's business"),
    }
