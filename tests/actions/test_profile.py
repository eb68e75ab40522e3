from sqlalchemy import select

from actions.consent import ActionAskOptIn, ActionOptIn, ActionOptOut
from actions.profile import ActionUpdateProfile, ValidateProfileForm
from crm import consents
from crm.models.people import CalendarKind, Customer, Occasion, Purpose
from tests.actions.conftest import Talk


def _customer(talk: Talk) -> Customer:
    with talk.database.read() as session:
        return session.get_one(Customer, talk.metadata["customer_id"])


async def test_the_form_of_address_changes_at_once(talk: Talk) -> None:
    talk.say("kêu tui là chú nghen", "update_profile")
    [answer] = await talk.run(ActionUpdateProfile())
    assert (answer["called"], answer["own"]) == ("chú", "cháu")
    assert (talk.slots["address"], talk.slots["self"]) == ("chú", "cháu")
    assert _customer(talk).address.value == "chú"


async def test_several_things_in_one_message(talk: Talk) -> None:
    talk.say("mình tên Lê Văn Tám, sđt 0912.345.678, sinh mùng 5 tháng 8 âm lịch", "update_profile")
    assert await talk.responses(ActionUpdateProfile()) == ["utter_profile_kept"]
    assert (_customer(talk).name, _customer(talk).phone) == ("Lê Văn Tám", "0912345678")
    with talk.database.read() as session:
        day = session.scalars(select(Occasion).where(Occasion.customer_id == talk.metadata["customer_id"])).one()
        assert (day.calendar, day.day, day.month) == (CalendarKind.LUNAR, 5, 8)


async def test_what_cannot_be_is_refused_with_what_to_do(talk: Talk) -> None:
    before = _customer(talk).phone
    talk.say("đổi số điện thoại thành 0912345", "update_profile")
    assert (await talk.responses(ActionUpdateProfile()))[0] == "utter_profile_invalid_phone"
    assert _customer(talk).phone == before
    talk.loop, talk.slots["requested_slot"] = "profile_form", "profile_answer"
    talk.say("0987654321")
    assert await talk.responses(ValidateProfileForm()) == ["utter_profile_kept"]
    assert _customer(talk).phone == "0987654321"


async def test_a_name_is_not_taken_from_a_refusal(talk: Talk) -> None:
    before = _customer(talk).name
    talk.loop, talk.slots["requested_slot"], talk.slots["profile_field"] = "profile_form", "profile_answer", "name"
    talk.say("thôi khỏi", "deny")
    assert await talk.responses(ValidateProfileForm()) == ["utter_profile_left"]
    assert _customer(talk).name == before


async def test_advertising_stops_at_once_and_resumes_only_after_a_yes(talk: Talk) -> None:
    talk.say("đừng gửi quảng cáo nữa", "opt_out")
    [stopped] = await talk.run(ActionOptOut())
    assert stopped["response"] == "utter_opted_out"
    assert stopped["time"]
    talk.say("đăng ký nhận tin lại", "opt_in")
    assert await talk.responses(ActionAskOptIn()) == ["utter_ask_opt_in"]
    assert not _agreed(talk)
    talk.say("đồng ý", "affirm")
    await talk.run(ActionOptIn())
    assert _agreed(talk)


def _agreed(talk: Talk) -> bool:
    with talk.database.read() as session:
        return consents.granted(session, talk.metadata["customer_id"], Purpose.MARKETING)
