"""`trian nlu`: what was not understood or not answered well, and what is to be learnt from it."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from crm import authored_articles, catalogue, intents, knowledge, review, sightings, staff
from crm.authored_articles import Draft
from crm.db import database
from crm.models.review import ReviewEntry, ReviewReason, ReviewState
from crm.settings import settings

app = typer.Typer(no_args_is_help=True, help="The review queue: messages that were not understood or answered well.")
By = Annotated[str, typer.Option("--by", help="Log-in name of the member of staff who answers for it.")]
NEAREST = 3
TEXT_WIDTH = 70


@app.command(name="review")
def list_entries(
    reason: Annotated[ReviewReason | None, typer.Option(help="Only what was seen for this reason.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Seen again since this day.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
    state: Annotated[ReviewState, typer.Option(help="What was decided.")] = ReviewState.OPEN,
) -> None:
    """List the entries, the most frequent first."""
    moment = since.replace(tzinfo=settings().zone) if since else None
    _collect()
    with database(settings().database_url).read() as session:
        entries = review.listing(session, state, reason, moment, limit)
        typer.echo(f"{'id':>5}{'times':>7}  {'last':<17}{'reason':<13}{'guess':<24}text")
        for entry in entries:
            newest = next(iter(review.sightings(session, entry, limit=1)), None)  # old ones are forgotten
            guess = f"{newest.guess} {newest.confidence:.2f}" if newest and newest.guess else entry.article or ""
            decided = f"{entry.intent or entry.article or ''}"
            when = entry.last_at.astimezone(settings().zone)
            head = f"{entry.id:>5}{entry.count:>7}  {when:%Y-%m-%d %H:%M} {entry.reason.value:<13}{guess:<24}"
            typer.echo(f"{head}{_short(entry.text)}{' → ' + decided if decided else ''}")
    typer.echo(f"{len(entries)} {state.value}")


@app.command()
def show(entry_id: int) -> None:
    """Show one entry with the messages behind it, and the passages that come nearest."""
    with database(settings().database_url).read() as session:
        entry = review.get(session, entry_id)
        typer.echo(f"{entry.id} {entry.state.value}, {entry.count} times: {entry.text}")
        for one in review.sightings(session, entry):
            ranking = ", ".join(f"{guess['name']} {guess['confidence']:.2f}" for guess in one.ranking[:3])
            when = one.at.astimezone(settings().zone)
            typer.echo(f"  {when:%Y-%m-%d %H:%M} {one.reason.value:<13}customer {one.customer_id or '-'}: {one.text}")
            if ranking:
                typer.echo(f"      {ranking} ({one.model})")
        for hit in knowledge.find(session, entry.text, catalogue.mentioned(session, entry.text), None).sources[
            :NEAREST
        ]:
            typer.echo(f"  {hit.score:.2f} {hit.passage.key} {hit.passage.heading or hit.passage.article.title}")


@app.command()
def assign(
    entry_id: int,
    intent: str,
    by: By,
    text: Annotated[str | None, typer.Option(help="Learn this sentence in place of what was typed.")] = None,
) -> None:
    """Make the entry an example of an intent; `trian train` learns it."""
    with database(settings().database_url).begin() as session:
        examples = review.assign(session, staff.find(session, by), entry_id, intent, intents.assignable(), text)
    for example in examples:
        typer.echo(f"{intent} ← {example.text}")
    typer.echo("`trian train` learns it")


@app.command()
def article(
    entry_id: int,
    by: By,
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="Markdown with front matter.")
    ] = None,
    title: Annotated[str, typer.Option(help="Without a file: the article's title.")] = "",
    body: Annotated[str, typer.Option(help="Without a file: what it says, in Markdown.")] = "",
    topic: Annotated[str, typer.Option(help=f"Without a file: {', '.join(authored_articles.TOPICS)}.")] = "policy",
    product: Annotated[
        str | None, typer.Option(help="Without a file: the product's code; none: the whole shop.")
    ] = None,
    slug: Annotated[str, typer.Option(help="The article's name; the file's, or one of the entry's number.")] = "",
) -> None:
    """Publish an article that answers the entry. The very next question finds it."""
    draft = (
        authored_articles.draft_of(file, slug)
        if file
        else Draft(slug or f"hoi-dap/{entry_id}", title, topic, body, product)
    )
    with database(settings().database_url).begin() as session:
        member = staff.find(session, by)
        published = authored_articles.publish(session, member.id, draft)
        review.answer(session, member, entry_id, published.slug)
        typer.echo(f"{published.slug}, version {published.version}, is published")


@app.command()
def answer(
    entry_id: int, passage: Annotated[str, typer.Argument(help="`may-giat/ve-sinh.md#2`, as show prints them.")], by: By
) -> None:
    """An article answers the entry already: its passage is found by these words from now on."""
    with database(settings().database_url).begin() as session:
        member = staff.find(session, by)
        published = authored_articles.add_question(session, member.id, passage, review.get(session, entry_id).text)
        review.answer(session, member, entry_id, published.slug)
        typer.echo(f"{published.slug}, version {published.version}, is found by it")


@app.command()
def dismiss(entry_id: int, by: By) -> None:
    """Nothing is to be learnt from the entry."""
    with database(settings().database_url).begin() as session:
        _say(review.dismiss(session, staff.find(session, by), entry_id))


@app.command()
def undo(entry_id: int, by: By) -> None:
    """Open a decided entry again and withdraw its examples (an article: `trian knowledge withdraw`)."""
    with database(settings().database_url).begin() as session:
        _say(review.undo(session, staff.find(session, by), entry_id))


def _collect() -> None:
    left = 1
    while left:
        with database(settings().database_url).begin() as session:
            left = sightings.collect(session, f"cli-{os.getpid()}")


def _say(entry: ReviewEntry) -> None:
    typer.echo(f"entry {entry.id} is {entry.state.value}: {_short(entry.text)}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT_WIDTH else line[: TEXT_WIDTH - 1] + "…"
