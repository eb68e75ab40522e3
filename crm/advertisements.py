"""An advertisement's text: what may stand in it, and what the law puts around it: [QC] first, the way out last."""

from crm import personal_fields, templates, text
from crm.errors import InvalidInput
from crm.models.people import Address, Customer

LONGEST = 4096


def check(body: str) -> str:
    """The cleaned text of a draft.

    Raises:
        InvalidInput: it is empty, has a placeholder that nobody fills or a stray brace, or could come out longer than
            Telegram's 4,096 characters with the prefix, the way out and a long name.
    """
    body = text.clean(body)
    body = body.removeprefix(templates.plain("marketing_prefix")).strip()
    if not body:
        raise InvalidInput("text", "write what the customers shall read")
    if length(_framed(personal_fields.longest(body), Customer(name="", address=Address.UNKNOWN))) > LONGEST:
        raise InvalidInput("text", f"too long: with prefix, way out and name at most {LONGEST} characters")
    return body


def render(body: str, customer: Customer) -> str:
    """What the customer reads; `body` was checked. Raises MissingField for a hole."""
    return _framed(personal_fields.fill_in(body, customer), customer)


def preview(body: str, customer: Customer) -> str:
    """What the customer would read, checked as when saving. Raises InvalidInput, MissingField."""
    return render(check(body), customer)


def length(rendered: str) -> int:
    """Characters as Telegram counts them: UTF-16 code units, so that most emoji are two."""
    return len(rendered.encode("utf-16-le")) // 2


def _framed(body: str, customer: Customer) -> str:
    prefix, footer = templates.plain("marketing_prefix"), templates.message("marketing_footer", customer)
    return f"{prefix} {templates.fill(body, customer)}\n\n{footer}"
