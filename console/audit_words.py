"""The lines of the audit log in words. What has none yet is shown by its code."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from console import phrases
from console.language import _
from crm.models.staff import Role

_PAGES = {
    "complaint": "/complaints/{}",
    "campaign": "/broadcasts/{}",
    "conversation": "/conversations/{}",
    "customer": "/customers/{}",
    "staff": "/staff/{}",
}
_LONGEST = 240


def nobody() -> str:
    """Who it was where it was nobody: the command line, or somebody who did not get in."""
    return _("The system")


def action(code: str) -> str:
    """What was done."""
    known = {**_people(), **_care(), **_cases(), **_customers(), **_broadcasts(), **_learning(), **_system()}
    return known.get(code, code)


def subject(code: str, number: int) -> str:
    """To what it was done."""
    known = {
        "staff": _("person"),
        "escalation": _("call for a person"),
        "complaint": _("complaint"),
        "campaign": _("broadcast"),
        "conversation": _("conversation"),
        "customer": _("customer"),
        "account": _("chat"),
        "article": _("article"),
        "review": _("unclear message"),
        "token": _("API token"),
        "training": _("training"),
        "backup": _("backup"),
        "housekeeping": _("clean-up"),
        "audit": _("audit log"),
        "outbox": _("message"),
        "promise": _("promise"),
        "scheduled_reply": _("planned reply"),
        "canned_answer": _("ready answer"),
        "partner": _("partner"),
        "product": _("product"),
        "import": _("import"),
        "webhook": _("webhook"),
        "privacy_request": _("personal-data request"),
        "recovery_task": _("unhappy customer"),
        "duplicate_pair": _("two records of one person"),
        "export": _("export"),
    }
    return f"{known.get(code, code)} {number}" if number else known.get(code, code)


def target(code: str, number: int) -> str:
    """The page about it; empty where there is none."""
    return _PAGES[code].format(number) if code in _PAGES and number else ""


def details(detail: dict[str, Any]) -> str:
    """The details as `name: value`, cut where they are long."""
    names = _names()
    words = " · ".join(f"{names.get(name, name)}: {_value(name, value)}" for name, value in detail.items())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _names() -> dict[str, str]:
    return {
        "address": _("address"),
        "before": _("before"),
        "role": _("role"),
        "note": _("note"),
        "count": _("times"),
        "reason": _("reason"),
        "username": _("user name"),
        "people": _("people"),
        "erased": _("erased"),
        "all": _("everywhere"),
        "left": _("left"),
        "anew": _("sent anew as"),
        "due_at": _("by"),
        "kind": _("kind"),
        "fields": _("fields"),
        "rows": _("rows"),
        "name": _("name"),
        "version": _("version"),
        "to": _("to"),
        "text": _("text"),
        "shared": _("for everybody"),
        "scopes": _("rights"),
        "purpose": _("purpose"),
        "days": _("days"),
        "holder": _("who had it"),
        "filters": _("filters"),
        "channel": _("channel"),
        "capacity": _("at once"),
        "deleted": _("deleted"),
        "gone": _("gone"),
        "split_into": _("split into"),
    }


def _value(name: str, value: Any) -> str:
    """The value as people read it: a role by its name, a moment in local time, yes and no."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if name == "role" and value in set(Role):
        return phrases.word(Role(value))
    with suppress(ValueError):
        return phrases.full_time(datetime.fromisoformat(value)) if name.endswith("_at") else value
    return value


def _people() -> dict[str, str]:
    return {
        "log_in": _("logged in"),
        "log_in_failed": _("wrong password"),
        "second_step_failed": _("wrong code in the second step"),
        "second_step_on": _("set the second step up"),
        "second_step_off": _("took the second step away"),
        "second_step_codes": _("made new recovery codes"),
        "recovery_code": _("logged in with a recovery code"),
        "staff_add": _("added a person"),
        "staff_rename": _("changed the name"),
        "staff_role": _("changed the role"),
        "staff_disable": _("shut the person out"),
        "staff_enable": _("let the person in again"),
        "staff_password": _("new password"),
        "staff_password_link": _("gave a link for a new password"),
        "sessions_end": _("ended log-ins"),
        "set_capacity": _("changed how many conversations at once"),
        "token_issue": _("made an API token"),
        "token_revoke": _("ended an API token"),
    }


def _care() -> dict[str, str]:
    return {
        "claim": _("took the conversation"),
        "assign": _("gave the conversation to a colleague"),
        "deal": _("was given the conversation in turn"),
        "release": _("put the conversation back into the queue"),
        "hold_expired": _("the conversation went back: nobody answered"),
        "take_back": _("took the conversation back from somebody who looks after customers no more"),
        "hand_back": _("handed back to the assistant"),
        "present": _("is there"),
        "away": _("is away"),
        "plan_reply": _("planned a reply"),
        "change_planned_reply": _("changed a planned reply"),
        "cancel_planned_reply": _("cancelled a planned reply"),
        "save_canned": _("saved a ready answer"),
        "delete_canned": _("deleted a ready answer"),
        "send_again": _("sent a message once more"),
        "promise_made": _("made a promise"),
        "promise_kept": _("kept the promise"),
        "promise_withdrawn": _("took the promise back"),
        "promise_open": _("opened the promise again"),
        "recovery_taken": _("took an unhappy customer on"),
        "recovery_done": _("made up with an unhappy customer"),
        "recovery_open": _("opened the recovery again"),
    }


def _cases() -> dict[str, str]:
    return {
        "complaint_opened": _("filed a complaint over the API"),
        "complaint_new": _("opened the complaint again"),
        "complaint_acknowledged": _("confirmed the complaint"),
        "complaint_waiting_customer": _("asked the customer back"),
        "complaint_assigned": _("gave the complaint to somebody"),
        "complaint_facts": _("wrote the facts of the complaint"),
        "complaint_severity": _("changed how serious the complaint is"),
        "complaint_step": _("wrote down a step"),
        "complaint_partner": _("made a partner responsible"),
        "complaint_compensation": _("wrote down a compensation"),
        "complaint_merged": _("merged complaints"),
        "complaint_split": _("split the complaint"),
        "partner_saved": _("saved a partner"),
        "partner_ended": _("ended work with a partner"),
        "partner_resumed": _("took a partner up again"),
        "complaint_in_progress": _("began work on the complaint"),
        "complaint_resolved": _("answered the complaint"),
        "complaint_closed": _("closed the complaint"),
    }


def _customers() -> dict[str, str]:
    return {
        "customer_created": _("added the customer over the API"),
        "customer_updated": _("changed the customer over the API"),
        "customer_edit": _("changed the customer's data"),
        "customer_undo": _("took a change of the customer's data back"),
        "customer_merge": _("merged two customers"),
        "customer_unmerge": _("took a merging of customers apart"),
        "customer_erase": _("erased the customer's data"),
        "customer_export": _("made a copy of the customer's data"),
        "customer_export_fetched": _("fetched a copy of the customer's data"),
        "contact_reveal": _("looked at the full phone or e-mail"),
        "duplicate_dismissed": _("said that two customers are not one"),
        "duplicate_merged": _("said that two customers are one"),
        "privacy_received": _("took a personal-data request"),
        "privacy_in_progress": _("began a personal-data request"),
        "privacy_done": _("settled a personal-data request"),
        "privacy_refused": _("refused a personal-data request"),
    }


def _broadcasts() -> dict[str, str]:
    return {
        "campaign_create": _("wrote a broadcast"),
        "campaign_edit": _("changed the broadcast"),
        "campaign_approved": _("approved the broadcast"),
        "campaign_draft": _("took the broadcast back to the drafts"),
        "campaign_scheduled": _("set the time of the broadcast"),
        "campaign_running": _("let the broadcast go out"),
        "campaign_paused": _("paused the broadcast"),
        "campaign_cancelled": _("stopped the broadcast"),
        "campaign_finished": _("the broadcast is finished"),
        "campaign_halted": _("the broadcast paused by itself"),
        "campaign_missed": _("the time of the broadcast passed while nothing ran"),
        "campaign_again": _("sent unclear messages once more"),
        "campaign_trial": _("sent a trial to their own chat"),
        "campaign_export": _("took the deliveries away as a table"),
        "trial_account": _("linked their own chat"),
    }


def _learning() -> dict[str, str]:
    return {
        "article_question": _("added a question to the article"),
        "article_publish": _("published the article"),
        "article_withdraw": _("withdrew the article"),
        "review_assigned": _("said what the message means"),
        "review_answered": _("answered an unclear message with an article"),
        "review_dismissed": _("set the unclear message aside"),
        "review_open": _("took the decision back"),
    }


def _system() -> dict[str, str]:
    return {
        "audit_export": _("took the audit log away as a table"),
        "restore": _("put a backup back"),
        "api_message": _("sent a message over the API"),
        "purchases_pushed": _("sent purchases over the API"),
        "import_upload": _("uploaded a file to import"),
        "import_start": _("started an import"),
        "import_cancel": _("cancelled an import"),
        "import_export": _("took the refused rows away"),
        "import_file": _("imported a file on the command line"),
        "export_file": _("exported a file on the command line"),
        "webhook_add": _("added a webhook"),
        "webhook_remove": _("removed a webhook"),
        "webhook_enable": _("switched a webhook on"),
        "webhook_disable": _("switched a webhook off"),
        "webhook_replay": _("sent a webhook's news once more"),
        "webhook_secret": _("made a new secret for a webhook"),
        "webhook_secret_shown": _("looked at a webhook's secret"),
        "webhook_test": _("tried a webhook"),
        "purge": _("cleaned up what is too old"),
    }
