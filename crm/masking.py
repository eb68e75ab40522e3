"""What tells of a person made unreadable: a sentence kept for training needs no one's phone, name or address."""

import re
import unicodedata

from crm import masked_addresses, masked_names

_EMAIL = re.compile(r"\S+@\S+\.\w+")
_HANDLE = re.compile(r"(?<!\w)@\w[\w.]{2,}")
_LINK = re.compile(r"(?:https?://|www\.)\S+|(?<!\w)\w+\.(?:me|com|vn|net|org)/\S+")
# A phone, an account or a card, in one piece or in groups.
_NUMBER = re.compile(r"\d(?:[ .\-]?\d){7,}|\d{5,}")
# A phone however it is cut up: (090) 512-3456, 0905/123/456. A date has fewer figures.
_PHONE = re.compile(r"(?<!\d)\(?(?:\+?84|0)(?:[\W_]{0,2}\d){8,10}(?!\d)")
# An order's, a ticket's or a serial's code: letters with at least four digits in a row.
_CODE = re.compile(r"(?<!\w)(?=[\w\-]*[^\W\d_])(?=[\w\-]*\d{4})[\w\-]+")
_DIGIT = re.compile(r"\d")


def masked(text: str) -> str:
    """`text` (NFC) with phones, accounts, codes, mail, links, names and addresses replaced by what is nobody's.

    Digits become zeros and names A, so that a sentence still looks like what customers write. Small numbers (a price in
    thousands, a product's name, a day) and places as large as a district stay. Masking it again changes nothing.
    """
    text = unicodedata.normalize("NFC", text)
    text = _EMAIL.sub("x@example.com", text)
    text = _LINK.sub("https://example.com", text)
    text = _HANDLE.sub("@x", text)
    for pattern in (_PHONE, _NUMBER, _CODE):
        text = pattern.sub(lambda found: _DIGIT.sub("0", found[0]), text)
    return masked_names.masked(masked_addresses.masked(text))
