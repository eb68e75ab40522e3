"""What is read out of customers' words: scores, gravity, and what they say of themselves."""

import pytest

from crm.birthdays import Birthday
from crm.introductions import said_in
from crm.models.care import ComplaintCategory, Severity
from crm.models.people import Address, CalendarKind
from crm.scores import score_in
from crm.triage import category_of, severity_of
from crm.words import mentioned


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("tạm được", 3),
        ("tam duoc thoi", 3),
        ("quá tệ", 1),
        ("qua te", 1),
        ("tốt", 4),
        ("không tốt", 2),
        ("tuyệt vời luôn", 5),
        ("4 sao", 4),
        ("cho 2 vì chờ lâu", 2),
        ("điểm 2", 2),
        ("năm sao luôn", 5),
        ("8/10 nha", 4),
        ("10 điểm", 5),
        ("⭐⭐⭐", 3),
        ("3*", 3),
        ("5", 5),
        ("alo", None),
        ("tôi muốn đánh giá", None),
        ("nồi 5 lít", None),
    ],
)
def test_scores(said: str, score: int | None) -> None:
    assert score_in(said) == score


@pytest.mark.parametrize(
    ("said", "severity", "category"),
    [
        ("máy giặt bị rò điện tê tay", Severity.HIGH, ComplaintCategory.PRODUCT_FAULT),
        ("may lanh boc khoi khet let", Severity.HIGH, ComplaintCategory.PRODUCT_FAULT),
        ("giao hàng trễ 3 ngày rồi", Severity.NORMAL, ComplaintCategory.DELIVERY),
        ("nhân viên nói chuyện mất lịch sự", Severity.NORMAL, ComplaintCategory.STAFF_ATTITUDE),
        ("tính sai tiền hoá đơn", Severity.NORMAL, ComplaintCategory.PRICE_PAYMENT),
        ("góp ý nhỏ: hộp móp", Severity.LOW, ComplaintCategory.DELIVERY),
        ("chờ bảo hành cả tháng", Severity.NORMAL, ComplaintCategory.WARRANTY),
    ],
)
def test_gravity_and_kind(said: str, severity: Severity, category: ComplaintCategory) -> None:
    assert (severity_of(said), category_of(said)) == (severity, category)


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("gọi chị nha", Address.CHI),
        ("kêu tui là chú", Address.CHU),
        ("chị chứ không phải anh", Address.CHI),
        ("đừng gọi anh, gọi cô nhé", Address.CO),
        ("tôi là nữ mà gọi anh hoài", Address.CHI),
        ("xưng hô với bác là bác nhé", Address.BAC),
        ("cảm ơn chị", None),
    ],
)
def test_forms_of_address(said: str, address: Address | None) -> None:
    assert said_in(said).address == address


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("mình tên Nguyễn Thị Hạnh nha", "Nguyễn Thị Hạnh"),
        ("ten minh la le van tam, sdt 0900 000 012", "Le Van Tam"),
        ("em tên Thành", "Thành"),
        ("sửa tên lại thành Lan Anh giúp chị", "Lan Anh"),
        ("tôi tên gì", None),
        ("tôi muốn đổi tên", None),
    ],
)
def test_names(said: str, name: str | None) -> None:
    assert said_in(said).name == name


@pytest.mark.parametrize(
    ("said", "birthday"),
    [
        ("sinh nhật mùng 5 tháng 8 âm", Birthday(CalendarKind.LUNAR, 5, 8)),
        ("rằm tháng giêng", Birthday(CalendarKind.LUNAR, 15, 1)),
        ("sinh ngày 15/8/1990", Birthday(CalendarKind.SOLAR, 15, 8, 1990)),
        ("05-08-1990", Birthday(CalendarKind.SOLAR, 5, 8, 1990)),
        ("sn 20-11 al", Birthday(CalendarKind.LUNAR, 20, 11)),
        ("sinh ngày 3 tháng 4 năm 1985", Birthday(CalendarKind.SOLAR, 3, 4, 1985)),
        ("cho mình sửa ngày sinh", None),
    ],
)
def test_birthdays(said: str, birthday: Birthday | None) -> None:
    assert said_in(said).birthday == birthday


def test_a_date_is_no_phone_and_a_phone_no_date() -> None:
    assert said_in("05.08.1990").phone is None
    both = said_in("đổi số 0912.345.678")
    assert (both.phone, both.birthday) == ("0912.345.678", None)


@pytest.mark.parametrize(
    ("said", "phrase", "found"),
    [
        ("nhân viên hỗn với tôi", "hỗn", True),
        ("nhan vien hon voi toi", "hỗn", True),
        ("máy mới hơn tháng", "hỗn", False),
        ("máy giặt kêu to", "giật", False),
        ("may giat giat dien", "giật điện", True),
        ("bị hoà tiền", "hòa tiền", True),
        ("điện giật", "dien giat", True),
    ],
)
def test_accents_that_were_typed_count(said: str, phrase: str, found: bool) -> None:
    assert (mentioned(said, [phrase]) == phrase) is found
