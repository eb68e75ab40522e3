import pytest

from crm.masking import masked


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("giao về 12/5 Lê Lợi, P.3, Q. Gò Vấp nha", "giao về 00/0 A, P.0, Q. Gò Vấp nha"),
        ("ngõ 45 Cầu Giấy", "ngõ 00 A"),
        ("nha em o ngo 45 cau giay co ship khong", "nha em o ngo 00 A co ship khong"),
        ("hẻm 212/15 Nguyễn Văn Nguyễn p tân định q1", "hẻm 000/00 A p A q1"),
        ("ấp 3 xã Tân Phú huyện Đức Hoà", "ấp 0 xã A huyện Đức Hoà"),
        ("ấp Bình Thuận, xã tân hội", "ấp A, xã A"),
        ("địa chỉ số 8 tôn thất tùng, đống đa", "địa chỉ số 0 A, đống đa"),
        ("dc: 56/7 pham van chieu p14 go vap", "dc: 00/0 A p00 go vap"),
        ("ở 123 nguyen trai q5", "ở 000 A q5"),
        ("số nhà 27 đường Trần Hưng Đạo", "số nhà 00 đường A"),
        ("chung cư Sunrise block B căn 1203", "chung cư A block A căn 0000"),
    ],
)
def test_where_somebody_lives_is_masked(said: str, kept: str) -> None:
    assert masked(said) == kept
    assert masked(kept) == kept, "masking again changes nothing"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("tên em là Ngọc Anh", "tên em là A"),
        ("mình tên Hùng nhé shop", "mình tên A nhé shop"),
        ("minh ten hung nha shop", "minh ten A nha shop"),
        ("tên em là nguyễn thị ngọc anh sdt 0912345678", "tên em là A sdt 0000000000"),
        ("ten em la dang van hau", "ten em la A"),
        ("họ tên: Trần Văn Bình", "họ tên: A"),
        ("TÊN EM LÀ LAN MUỐN HỎI MÁY", "TÊN EM LÀ A MUỐN HỎI MÁY"),
        ("em là Lan, hôm qua có mua nồi cơm NC18", "em là A, hôm qua có mua nồi cơm NC18"),
        ("giao cho chị Hoa nha", "giao cho chị A nha"),
        ("te\u0302n em la\u0300 Lan", "tên em là A"),
    ],
)
def test_who_introduces_themselves_is_masked(said: str, kept: str) -> None:
    assert masked(said) == kept
    assert masked(kept) == kept


@pytest.mark.parametrize(
    "said",
    [
        "Nồi cơm NC18 bị hư, tên máy là gì",
        "mua 2 Nồi Cơm Điện NC18 tặng gì",
        "sản phẩm tên Nồi cơm NC18",
        "iPhone 15 Pro Max còn màu Titan không",
        "2tr5 có mua được Samsung Galaxy không",
        "giao 12/5 Shop nhé",
        "ngày 2/9 Quốc Khánh có mở cửa không",
        "mua 1 tặng 1 Tết này còn không",
        "ship về quận 7 mấy ngày, về huyện Củ Chi thì sao",
        "giao 2 cái q7",
        "xa 30 cây số có ship không",
        "hàng xóm tưởng nhà mình có đám cưới",
        "con này tên gì vậy shop",
        "tên em là gì",
        "ghi tên bác vào danh sách, bỏ tên tôi khỏi hệ thống",
        "mình là khách cũ, em là sinh viên",
        "máy lạnh cho phòng 20m2",
        "phường nào cũng giao hả",
        "tủ lạnh 4 cánh hà nội có không",
    ],
)
def test_products_days_and_large_places_stay(said: str) -> None:
    assert masked(said) == said
