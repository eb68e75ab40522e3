"""The form of address from the customer's own words."""

import pytest

from crm.introductions import hear, own_form
from crm.models.people import Address, Customer

OWN = [
    ("chào cháu, bác là Tư đây", Address.BAC),
    ("bác muốn hỏi cái máy giặt", Address.BAC),
    ("cô hỏi tí", Address.CO),
    ("dạ chú mua cái nồi cơm hồi tháng trước", Address.CHU),
    ("cô Lan đây cháu", None),
    ("cô Lan đây", Address.CO),
    ("máy giặt của bác rò nước thì phải làm sao", Address.BAC),
    ("em ơi, chị cần gặp nhân viên kỹ thuật", None),
    ("em ơi, chị muốn đổi hàng", Address.CHI),
    ("anh mới mua cái tủ lạnh bên em", Address.ANH),
    ("cho chị hỏi bảo hành bao lâu", Address.CHI),
    ("em cho anh xin số tổng đài", Address.ANH),
    ("để cô hỏi lại con gái đã", Address.CO),
    ("bà già rồi hổng biết xài máy giặt này", Address.BAC),
    ("kiểm tra đơn giúp chị với", Address.CHI),
    ("coi dùm chú cái máy lọc nước", Address.CHU),
    ("coi giùm bác đi con", Address.BAC),
    ("bà già rồi con ơi", Address.BAC),
    ("con ơi, ông mắt kém không đọc được chữ nhỏ", Address.BAC),
]
NOT_OWN = [
    "chị ơi",
    "anh ơi cho em hỏi",
    "shop ơi",
    "không được cháu ơi",
    "chị có thể tư vấn giúp em không",
    "anh giao hàng bị lạc đường",
    "cô nhân viên bên shop khó chịu quá",
    "em muốn hỏi giá",
    "chỉ muốn hỏi giá thôi",
    "co muon hoi gia",
    "chi muon hoi gia thoi",
    "tôi mua cho bác Tư đây",
    "anh chị cần gì",
    "có cô muốn mua máy giặt nên tôi hỏi",
    "máy của chị tôi bị hư",
    "gọi cho chị nha",
    "cho em hỏi",
    "mua tặng cho chị",
    "mua cho bà nội",
    "cho chị em tôi hỏi",
    "chị giúp em với",
    "cho chị gái mình xem",
    "bà ấy già rồi",
    "bà bị điện giật khi mở tủ lạnh",
    "dạ để em chụp cho chị xem ạ",
    "hôm qua em nói cho chị biết rồi mà",
    "em mang máy ra cho anh đổi nhé",
    "em cho chị xem ảnh nè",
    "bà mắt kém nên con hỏi giùm",
    "bà già rồi, cháu hỏi giúp bà",
    "ông xã em đây",
    "con bác Tư đây",
    "em mua giùm chị",
    "em đặt hộ anh",
    "của bà bị hư",
    "nhờ anh chị kiểm tra giúp",
]


@pytest.mark.parametrize(("said", "form"), OWN)
def test_what_a_speaker_calls_themselves(said: str, form: Address | None) -> None:
    assert own_form(said) is form


@pytest.mark.parametrize("said", NOT_OWN)
def test_the_shop_or_another_person_is_not_the_speaker(said: str) -> None:
    assert own_form(said) is None


def test_a_form_on_record_is_never_changed() -> None:
    customer = Customer(name="Tư", address=Address.UNKNOWN)
    hear(customer, "chào cháu, bác là Tư đây")
    assert customer.address is Address.BAC
    hear(customer, "anh muốn hỏi")
    assert customer.address is Address.BAC
