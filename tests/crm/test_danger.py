"""Danger is heard where it is told, and not where it is denied or asked after."""

import pytest

from crm import triage


@pytest.mark.parametrize(
    "said",
    [
        "không bị giật đâu, chỉ là kêu to thôi",
        "máy chạy êm, không có mùi khét",
        "ko co mui khet gi het",
        "chưa thấy bốc khói",
        "hông bị giật điện gì hết á",
        "chẳng nghe mùi khét",
        "xài có bị giật điện không em",
        "bếp từ có nguy hiểm không shop",
        "không nguy hiểm gì đâu",
        "k bị giật",
    ],
)
def test_a_danger_denied_or_asked_after(said: str) -> None:
    assert not triage.is_dangerous(said)


@pytest.mark.parametrize(
    "said",
    [
        "bị giật điện",
        "máy hỏng bị giật tê tay",
        "may hong bi giat dien",
        "không biết sao có mùi khét",
        "không những bị giật mà còn bốc khói",
        "không có ai ở nhà thì nó bốc cháy",
        "không, bị giật thiệt mà",
        "có mùi khét có sao không em",
        "không bị giật nhưng có mùi khét",
        "rò điện có nguy hiểm không",
        "máy không chạy, bốc khói",
        "có mùi khét không hiểu tại sao",
        "hôm qua không bị giật, nay bị giật rồi",
        "nó bốc khói mà không tắt được",
    ],
)
def test_a_danger_told(said: str) -> None:
    assert triage.is_dangerous(said)
