"""What those see who may not see how to reach a customer."""

import pytest

from crm import customer_contact


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("0912345678", "0912 ••• 678"),
        ("gọi +84 912.345.678 sau 17h", "gọi +8491 ••• 678 sau 17h"),
        ("zalo 0912 345 678 hoặc Lan@vidu.vn nhé", "zalo 0912 ••• 678 hoặc L•••@vidu.vn nhé"),
        ("(091) 234-5678", "(0912 ••• 678"),
        ("Nhắn tại đây", "Nhắn tại đây"),
        ("", ""),
    ],
)
def test_numbers_and_addresses_in_ones_own_words_are_masked(said: str, shown: str) -> None:
    assert customer_contact.masked_contact(said) == shown
