from __future__ import annotations

import unicodedata

import pytest

from nlu.entities.codes import find_codes


@pytest.mark.parametrize(
    ("text", "entity", "typed", "value"),
    [
        ("mã KN-2026-000123 sao rồi", "ticket_code", "KN-2026-000123", "KN-2026-000123"),
        ("kn2026000123", "ticket_code", "kn2026000123", "KN-2026-000123"),
        ("phiếu kn 2026 000123?", "ticket_code", "kn 2026 000123", "KN-2026-000123"),
        ("đơn DH000123 đâu", "order_code", "DH000123", "DH000123"),
        ("đơn dh-000123", "order_code", "dh-000123", "DH000123"),
        ("đơn đh #000123", "order_code", "đh #000123", "DH000123"),
        ("gọi 0912.345.678 nha", "phone", "0912.345.678", "0912345678"),
        ("sđt: 09 1234 5678", "phone", "09 1234 5678", "0912345678"),
        ("+84 912 345 678", "phone", "+84 912 345 678", "0912345678"),
        ("(+84)912345678", "phone", "(+84)912345678", "0912345678"),
        ("84912345678 nhé", "phone", "84912345678", "0912345678"),
        ("👍👍 số em 0900000012", "phone", "0900000012", "0900000012"),
        ("số máy em 0912345678", "phone", "0912345678", "0912345678"),
        ("gọi (028) 3823 4567 nhé", "landline", "(028) 3823 4567", "02838234567"),
        ("+84 24 3823 4567", "landline", "+84 24 3823 4567", "02438234567"),
        ("IMEI của em là 35-678910-123456-7", "serial", "35-678910-123456-7", "356789101234567"),
        ("số seri mg90-2600147 nha", "serial", "mg90-2600147", "MG90-2600147"),
        ("s/n: AB12C3456", "serial", "AB12C3456", "AB12C3456"),
        ("máy CK55-2600480 bị hư", "serial", "CK55-2600480", "CK55-2600480"),
        ("mail em là Lan.Ng+a@gmail.com nha", "email", "Lan.Ng+a@gmail.com", "lan.ng+a@gmail.com"),
    ],
)
def test_code_is_found_where_it_was_typed(text: str, entity: str, typed: str, value: str) -> None:
    (found,) = find_codes(text)
    assert (found.entity, found.value) == (entity, value)
    assert text[found.start : found.end] == typed


@pytest.mark.parametrize(
    "text",
    [
        "giá 12000000 đồng",
        "máy 9000 btu",
        "DHL giao",
        "kn-2026-12",
        "091234567",
        "09123456789",
        "adh000123",
        "",
        "điện",
        "serial: em chưa thấy",
        "sn 12/8/1995",
        "sn 1990",
        "a @ b",
        "028 12345",
    ],
)
def test_what_is_no_code_is_left_alone(text: str) -> None:
    assert find_codes(text) == []


def test_several_codes_in_one_message() -> None:
    found = {entity.entity: entity.value for entity in find_codes("DH000123, KN-2026-000004, 0987654321")}
    assert found == {"order_code": "DH000123", "ticket_code": "KN-2026-000004", "phone": "0987654321"}


def test_offsets_are_those_of_the_text_as_typed() -> None:
    text = unicodedata.normalize("NFD", "Đơn của chị Hằng là ") + "đh 00\u200b0123 ạ"
    (found,) = find_codes(text)
    assert (found.value, text[found.start : found.end]) == ("DH000123", "đh 00\u200b0123")
