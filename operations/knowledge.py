"""`trian knowledge`: articles of the shop's own, published from Markdown files."""

from pathlib import Path
from typing import Annotated

import typer

from crm import authored_articles, staff
from crm.db import database
from crm.errors import InvalidInput
from crm.settings import settings

app = typer.Typer(no_args_is_help=True, help="Articles that the assistant answers from, besides data/knowledge/.")
By = Annotated[str, typer.Option("--by", help="Log-in name of the member of staff who answers for it.")]


@app.command()
def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Markdown with front matter.")],
    by: By,
    slug: Annotated[str, typer.Option(help="The article's name; the file's, where none is given.")] = "",
) -> None:
    """Publish an article, or its next version. The very next question finds it."""
    draft = authored_articles.draft_of(file, slug)
    with database(settings().database_url).begin() as session:
        article = authored_articles.publish(session, staff.find(session, by).id, draft)
        typer.echo(f"{article.slug}, version {article.version}, is published")


@app.command(name="list")
def list_published() -> None:
    """The published articles: name, version, product, topic, title."""
    with database(settings().database_url).read() as session:
        for article in authored_articles.published(session):
            typer.echo(f"{article.slug}\tv{article.version}\t{article.sku or '-'}\t{article.topic}\t{article.title}")


@app.command()
def versions(slug: str) -> None:
    """Every version of an article, the newest first."""
    with database(settings().database_url).read() as session:
        found = authored_articles.versions(session, slug)
        if not found:
            raise InvalidInput("slug", f"there is no article {slug}")
        for article in found:
            state = "published" if article.published else "withdrawn"
            typer.echo(f"v{article.version}\t{article.created_at:%Y-%m-%d %H:%M} UTC\t{state}\t{article.title}")


@app.command()
def withdraw(slug: str, by: By) -> None:
    """Take an article away. Its versions stay on record."""
    with database(settings().database_url).begin() as session:
        authored_articles.withdraw(session, staff.find(session, by).id, slug)
    typer.echo(f"{slug} is withdrawn")
