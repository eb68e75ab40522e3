from __future__ import annotations

import pytest

from nlu.entities import people
from nlu.entities.reading import read


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tên là Nguyễn Văn An", "Nguyễn Văn An"),
        ("mình tên lan nha shop", "Lan"),
        ("người nhận: Phạm Thị Mai em nhé", "Phạm Thị Mai"),
        ("em là Hùng", "Hùng"),
        ("gặp chị Hoa", "Hoa"),
        ("EM TEN LA TRAN VAN BINH", "Tran Van Binh"),
        ("họ tên: trần thu hà, sdt 0912", "Trần Thu Hà"),
        ("Trần Thị Mai 0912345678", "Trần Thị Mai"),
    ],
)
def test_name_as_it_is_written_in_an_address(text: str, name: str) -> None:
    (found,) = people.find(read(text))
    assert found.value == name
    assert text[found.start : found.end].casefold() == name.casefold()


@pytest.mark.parametrize(
    "text",
    [
        "em là khách quen",
        "Mình là Khách quen",
        "tên em là gì",
        "tên sản phẩm là gì",
        "số 7 Nguyễn Văn Trỗi",
        "đường Nguyễn Thị Minh Khai",
        "nhựa có BPA không",
        "hiện chữ E với số 4",
        "không có tên đường",
        "",
    ],
)
def test_what_is_no_name_is_left_alone(text: str) -> None:
    assert list(people.find(read(text))) == []
