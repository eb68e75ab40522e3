"""Messages that are no plain words: what each holds, and a few words of the answer it must get."""

import unicodedata
from typing import Any

ANSWERED = "shop nghe rồi"
STICKER = {
    "file_id": "a",
    "file_unique_id": "a",
    "type": "regular",
    "width": 9,
    "height": 9,
    "is_animated": False,
    "is_video": False,
}
POLL = {
    "id": "1",
    "question": "?",
    "options": [{"text": "a", "voter_count": 0, "persistent_id": "1"}],
    "total_voter_count": 0,
    "is_closed": False,
    "is_anonymous": True,
    "type": "regular",
    "allows_multiple_answers": False,
    "allows_revoting": False,
    "members_only": False,
}

# What one message holds besides text, and a few words of the answer it must get.
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "sticker": ({"sticker": STICKER}, "Dễ thương"),
    "voice that is not there": (
        {"voice": {"file_id": "a", "file_unique_id": "a", "duration": 3}},
        "chưa tải được",
    ),
    "video note that is not there": (
        {"video_note": {"file_id": "a", "file_unique_id": "a", "length": 9, "duration": 3}},
        "chưa tải được",
    ),
    "location": ({"location": {"latitude": 10.77, "longitude": 106.69}}, "bản đồ"),
    "contact": ({"contact": {"phone_number": "+84900000000", "first_name": "Lan"}}, "danh bạ"),
    "poll": ({"poll": POLL}, "chưa đọc được"),
    "document that is not there": ({"document": {"file_id": "a", "file_unique_id": "a"}}, "chưa tải được"),
    "photo that is not there": (
        {"photo": [{"file_id": "gone", "file_unique_id": "a", "width": 9, "height": 9}]},
        "chưa tải được",
    ),
    "dice": ({"dice": {"emoji": "🎲", "value": 3}}, "chưa đọc được"),
    "nothing at all": ({}, "chưa đọc được"),
}
TEXTS: dict[str, tuple[str, str]] = {
    "empty": ("", "chưa thấy nội dung"),
    "zero-width only": ("\u200b\u200d\ufeff", "chưa thấy nội dung"),
    "4,096 characters": ("á" * 4096, ANSWERED),
    "emoji only": ("🥰🥰👨‍👩‍👧‍👦🇻🇳", ANSWERED),
    "decomposed": (unicodedata.normalize("NFD", "máy giặt không vắt được ạ"), ANSWERED),
    "right-to-left": ("\u202eמשהו\u202c شيء tin này", ANSWERED),
    "NUL": ("nồi cơm\x00 bị hư", ANSWERED),
    "a lone surrogate's stand-in": ("vỡ \ufffd mất", ANSWERED),
    "one letter": ("k", ANSWERED),
    "markup": ("<b>&_*[`", ANSWERED),
}  # fmt: skip
