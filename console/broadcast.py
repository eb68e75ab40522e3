"""One broadcast on its way: how many have it, who does not and why, when it will be through, and what can be done."""

from collections import Counter
from datetime import datetime

from console import broadcast_sight, desk, guard, inbox, phrases
from console.broadcast_actions import Actions
from console.broadcast_sight import Shares, Sight
from console.broadcasts import TONES, audience_words
from console.frame import frame
from console.language import _, plural
from console.pieces import Canvas, attribute, box, fact, link, pill, section, symbol, text
from console.pulse import campaign as campaign_topic
from console.pulse import pulse
from console.visits import Visit
from crm.campaign_deliveries import Unsent
from crm.models.campaigns import CampaignState, PauseReason
from crm.models.messaging import OutboxState
from crm.settings import settings

S = CampaignState
AGAIN_S = 10.0  # the time of the end moves on even when nothing else does


@guard.page("/broadcasts/{campaign_id:int}")
async def page(visit: Visit, campaign_id: int) -> None:
    """Builds the page; the `Screen` keeps it live."""
    sight = await desk.look(lambda session: broadcast_sight.see(session, campaign_id))
    waiting = await inbox.for_visitor(visit.visitor)
    screen = Screen(campaign_id, visit)
    with frame(visit, sight.campaign.name, waiting, back=(_("Broadcasts"), "/broadcasts")):
        screen.build(sight)
    pulse.subscribe(visit, campaign_topic(campaign_id), screen.refresh)
    visit.every(AGAIN_S, screen.refresh)


class Screen:
    """The parts of a broadcast's page that change."""

    def __init__(self, campaign_id: int, visit: Visit) -> None:
        self.campaign_id = campaign_id
        self.actions = Actions(campaign_id, visit, self.refresh)

    def build(self, sight: Sight) -> None:
        with box("compose"):
            with box("stack"):
                self.head = Canvas("card pad stack")
                self.numbers = Canvas("card pad stack")
                self.facts = Canvas("card pad")
            self.words = Canvas("card pad")
        self._show(sight)

    async def refresh(self) -> None:
        """Looks again and draws what changed."""
        self._show(await desk.look(lambda session: broadcast_sight.see(session, self.campaign_id)))

    def _show(self, sight: Sight) -> None:
        campaign = sight.campaign
        of_text = (campaign.name, campaign.text, campaign.version, campaign.approved_by)
        end = phrases.when(sight.finish) if sight.finish else ""
        expected = "" if sight.progress.total else end
        stands = (campaign.state, campaign.pause_reason, campaign.scheduled_at, sight.people, expected)
        unknown = sight.progress.states.get(OutboxState.UNKNOWN, 0)
        self.head.show((of_text, stands, unknown), lambda: self._draw_head(sight))
        self.numbers.show((campaign.state, sight.progress, sight.canary, end), lambda: _draw_numbers(sight))
        self.numbers.place.set_visibility(bool(sight.progress.total))
        self.facts.show((of_text, stands, sight.progress.reasons), lambda: _draw_facts(sight))
        self.words.show(of_text, lambda: _draw_text(sight))

    def _draw_head(self, sight: Sight) -> None:
        with box("row-head"):
            pill(phrases.word(sight.campaign.state), TONES[sight.campaign.state])
            text(audience_words(sight.campaign.audience, sight.person), "dim", "span")
        _draw_notice(sight)
        if not sight.progress.total and sight.campaign.state is not S.CANCELLED:
            with box("reach"):
                text(phrases.number(sight.people), "reach-number")
                text(plural("customer receives it", "customers receive it", sight.people), "dim")
            _draw_expected(sight)
        if sight.second:
            author = _("More than {limit} people get this: somebody other than its author {name} must approve it.")
            text(author.format(limit=phrases.number(settings().approval_above), name=sight.author), "promise")
        self.actions.draw(sight)


def _draw_notice(sight: Sight) -> None:
    """Why it stands as it does, where that is not plain."""
    campaign, detail = sight.campaign, sight.campaign.pause_detail
    match campaign.state, campaign.pause_reason:
        case S.SCHEDULED, _reason if campaign.scheduled_at is not None:
            text(_("Goes out: {time}").format(time=phrases.when(campaign.scheduled_at)), "prose")
        case S.APPROVED, PauseReason.MISSED:
            words = _(
                "Due: {time}. Nothing ran then that could start it, and nobody was sent anything. Send it now, or "
                "choose another time."
            )
            _alert(words.format(time=phrases.when(datetime.fromisoformat(detail["due"]))))
        case S.PAUSED, PauseReason.ERRORS:
            words = _("Paused by itself: of the last {tried} messages {errors} were not delivered or are unclear.")
            _alert(words.format(tried=detail.get("tried", 0), errors=detail.get("errors", 0)))
        case S.PAUSED, PauseReason.APPROVAL:
            words = _("Paused by itself: it would go to {people} people, more than when it was approved.")
            _alert(words.format(people=phrases.number(detail.get("people", 0))))
        case S.PAUSED, _:
            text(_("Nothing is being sent. It goes on where it stopped."), "dim")


def _draw_expected(sight: Sight) -> None:
    if sight.finish is None or not sight.people:
        return
    if sight.campaign.state is S.SCHEDULED:
        text(_("Through at about {time}").format(time=phrases.when(sight.finish)), "dim")
    else:
        text(_("Sent now, it would be through at about {time}.").format(time=phrases.when(sight.finish)), "dim")


def _alert(words: str) -> None:
    with attribute(box("promise late"), role="alert"):
        symbol("report")
        text(words, tag="span")


def _draw_numbers(sight: Sight) -> None:
    shares = Shares.of(sight.progress)
    percent = 100 * (shares.total - shares.to_come) / max(1, shares.total)
    with box("head-line"):
        text(f"{percent:.0f} %", "tile-number")
        _draw_end(sight)
    with box("progress").props(f'role="progressbar" aria-valuenow="{shares.sent}" aria-valuemax="{shares.total}"'):
        for count, tone in ((shares.sent, ""), (shares.failed, "bad"), (shares.dropped, "dull")):
            box(f"progress-part {tone}").style(f"width: {100 * count / max(1, shares.total):.2f}%")
    of = sight.progress.states.get
    base = f"/broadcasts/{sight.campaign.id}/deliveries?standing="
    with box("counts"):
        _count(shares.sent, _("sent"), base + OutboxState.SENT)
        _count(shares.to_come, _("still to come"), base + Unsent.WAITING)
        _count(of(OutboxState.FAILED, 0), _("not delivered"), base + OutboxState.FAILED)
        _count(of(OutboxState.UNKNOWN, 0), _("unclear"), base + OutboxState.UNKNOWN)
        _count(shares.dropped, _("held back"), base + OutboxState.SKIPPED)
        _count(sight.progress.left_out, _("left out"), base + Unsent.LEFT_OUT)
    with link(f"/broadcasts/{sight.campaign.id}/deliveries", "more"):
        text(_("Each person, with the reason"), tag="span")


def _draw_end(sight: Sight) -> None:
    with box("end"):
        if sight.canary is not None:
            words = _("First {canary} people alone: {tried} tried, {errors} went wrong")
            said = words.format(canary=settings().canary, tried=sight.canary.count, errors=sight.canary.errors)
            text(said, "pill info", "span")
        if sight.finish is not None and sight.campaign.state is S.RUNNING:
            text(_("Through at about {time}").format(time=phrases.when(sight.finish)), "strong")
        elif sight.finish is not None and sight.campaign.state is S.PAUSED:
            text(_("If it goes on now: through at about {time}").format(time=phrases.when(sight.finish)), "dim")


def _count(number: int, words: str, target: str) -> None:
    with link(target, "count-cell"):
        text(phrases.number(number), "counts-number")
        text(words, "dim")


def _draw_text(sight: Sight) -> None:
    with section(_("Text")):
        with box("phone"):
            text(sight.campaign.text, "bubble")
        if sight.campaign.version > 1:
            words = _("Version {n}. Whoever was sent an earlier one keeps it.")
            text(words.format(n=sight.campaign.version), "hint")
        text(_("The advertising mark and the way out are added to each message."), "hint")


def _draw_facts(sight: Sight) -> None:
    campaign = sight.campaign
    with section(_("Details")):
        fact(_("Author"), sight.author)
        fact(_("Approved by"), sight.approver)
        for name, at in (
            (_("Written"), campaign.created_at),
            (_("Planned for"), campaign.scheduled_at),
            (_("Started"), campaign.started_at),
            (_("Ended"), campaign.finished_at),
        ):
            fact(name, phrases.when(at) if at else "")
    reasons: Counter[str] = Counter()  # by words: Telegram says some things in many ways
    for code, count in sight.progress.reasons.items():
        reasons[phrases.reason(code)] += count
    if reasons:
        with section(_("Why some do not get it")):
            for words, count in reasons.most_common():
                with box("left-out"):
                    text(words, tag="span")
                    text(plural("{n} person", "{n} people", count), "mono", "span")
