"""An advertisement's text: what may stand in it, and what the law puts around it: [QC] first, the way out last."""

import string

from crm import templates, text
from crm.errors import InvalidInput
from crm.models.people import Address, Customer

PLACEHOLDERS = frozenset({"address", "Address", "name", "self", "Self", "shop", "hotline", "hours"})
LONGEST = 4096
_LONGEST_NAME = "ằ" * 100  # crm.customers.rename lets nobody have a longer one


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
    _check_placeholders(body)
    if length(render(body, _longest_reader())) > LONGEST:
        raise InvalidInput("text", f"too long: with prefix, way out and name at most {LONGEST} characters")
    return body


def render(body: str, customer: Customer) -> str:
    """What the customer reads. Raises KeyError for a placeholder that `check` would have refused."""
    prefix, footer = templates.plain("marketing_prefix"), templates.message("marketing_footer", customer)
    return f"{prefix} {templates.fill(body, customer)}\n\n{footer}"


def length(rendered: str) -> int:
    """Characters as Telegram counts them: UTF-16 code units, so that most emoji are two."""
    return len(rendered.encode("utf-16-le")) // 2


def _check_placeholders(body: str) -> None:
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(body)]
    except ValueError as error:
        raise InvalidInput("text", "a { or } stands alone") from error
    for name, spec, conversion in fields:
        if name is not None and (name not in PLACEHOLDERS or spec or conversion):
            raise InvalidInput("text", f"unknown placeholder {{{name}}}")


def _longest_reader() -> Customer:
    return Customer(name=_LONGEST_NAME, address=Address.UNKNOWN)
