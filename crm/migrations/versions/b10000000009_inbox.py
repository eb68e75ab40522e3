"""the inbox: holds, notes, canned answers, scheduled replies, search"""

import unicodedata

import sqlalchemy as sa
from alembic import op

import crm.models.base

revision = "b10000000009"
down_revision = "b10000000008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = crm.models.base.UtcDateTime(timezone=True)
_UNSEEN = sa.text("seen_at IS NULL")


def upgrade() -> None:
    _holds_up()
    _desks_up()
    _talk_up()
    if op.get_bind().dialect.name == "sqlite":
        _search_up_sqlite()
    else:
        _search_up_postgres()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _search_down_sqlite()
    else:
        _search_down_postgres()
    _talk_down()
    _desks_down()
    _holds_down()


def _holds_up() -> None:
    for name in ("waiting_since", "due_back_at"):
        op.add_column("escalations", sa.Column(name, _AT, nullable=True))
    op.execute("UPDATE escalations SET waiting_since = opened_at WHERE state <> 'closed'")
    _filled("due_back_at")
    _filled("closed_at")


def _holds_down() -> None:
    for name in ("closed_at", "due_back_at"):
        op.drop_index(f"ix_escalations_{name}", table_name="escalations")
    for name in ("due_back_at", "waiting_since"):
        op.drop_column("escalations", name)


def _filled(column: str) -> None:
    some = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"ix_escalations_{column}", "escalations", [column], sqlite_where=some, postgresql_where=some)


def _desks_up() -> None:
    op.create_table(
        "staff_desks",
        sa.Column("staff_id", _ID, autoincrement=False, nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("present_since", _AT, nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("last_turn", sa.BigInteger(), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.Column("badge", sa.Boolean(), nullable=False),
        _to("staff_desks", "staff_id", "staff"),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_desks")),
    )
    op.create_table(
        "conversation_reads",
        sa.Column("conversation_id", _ID, autoincrement=False, nullable=False),
        sa.Column("staff_id", _ID, autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        _to("conversation_reads", "conversation_id", "conversations", "CASCADE"),
        _to("conversation_reads", "staff_id", "staff"),
        sa.PrimaryKeyConstraint("conversation_id", "staff_id", name=op.f("pk_conversation_reads")),
    )
    op.create_table(
        "mentions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("conversation_id", _ID, nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("by_id", _ID, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("seen_at", _AT, nullable=True),
        _to("mentions", "conversation_id", "conversations", "CASCADE"),
        _to("mentions", "staff_id", "staff"),
        _to("mentions", "by_id", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mentions")),
    )
    op.create_index(op.f("ix_mentions_conversation_id"), "mentions", ["conversation_id"])
    unseen = {"sqlite_where": _UNSEEN, "postgresql_where": _UNSEEN}
    op.create_index("ix_mentions_unseen", "mentions", ["staff_id", "conversation_id"], **unseen)


def _desks_down() -> None:
    for table in ("mentions", "conversation_reads", "staff_desks"):
        op.drop_table(table)


def _to(table: str, column: str, other: str, on_delete: str | None = None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=on_delete)


# Search. What is indexed is the text without accents, kept by the database itself: a column made of the text on
# PostgreSQL, triggers on SQLite. `crm/message_search.py` asks it; `env.py` knows that no model speaks of it.


def _search_up_postgres() -> None:
    accented, plain = _letters()
    op.execute(
        "CREATE OR REPLACE FUNCTION trian_words(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS "
        f"$$ SELECT regexp_replace(lower(translate(said, '{accented}', '{plain}')), '[^a-z0-9]+', ' ', 'g') $$"
    )
    for table, column, said in _SEARCHED:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN {column} tsvector "
            f"GENERATED ALWAYS AS (to_tsvector('simple', trian_words({said}))) STORED"
        )
        op.execute(f"CREATE INDEX ix_{table}_{column} ON {table} USING gin ({column}) WITH (fastupdate = off)")


def _search_down_postgres() -> None:
    for table, column, _said in _SEARCHED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    op.execute("DROP FUNCTION trian_words(text)")


_SEARCHED = (
    ("messages", "words", "text"),
    ("customers", "search_words", "name_folded || ' ' || coalesce(phone, '')"),
)


def _letters() -> tuple[str, str]:
    """Latin letters with marks, and the plain ones they are searched by."""
    pairs = [(chr(code), _plain(chr(code))) for span in ((0xC0, 0x250), (0x1E00, 0x1F00)) for code in range(*span)]
    kept = [(letter, plain) for letter, plain in pairs if len(plain) == 1 and plain.isascii() and plain.isalpha()]
    return "".join(letter for letter, _ in kept), "".join(plain for _, plain in kept)


def _plain(letter: str) -> str:
    decomposed = unicodedata.normalize("NFD", letter.lower().replace("đ", "d"))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def _search_up_sqlite() -> None:
    # FTS5 takes every accent off by itself but the bar of the đ, which is no accent to Unicode.
    for table, said, watched in _SEARCHED_SQLITE:
        index = f"{table}_fts"
        op.execute(
            f"CREATE VIRTUAL TABLE {index} USING fts5(said, content='', tokenize='unicode61 remove_diacritics 2')"
        )
        op.execute(f"INSERT INTO {index} (rowid, said) SELECT id, {said.format('')} FROM {table}")
        into = f"INSERT INTO {index} (rowid, said) VALUES (new.id, {said.format('new.')});"
        out = f"INSERT INTO {index} ({index}, rowid, said) VALUES ('delete', old.id, {said.format('old.')});"
        op.execute(f"CREATE TRIGGER {table}_said AFTER INSERT ON {table} BEGIN {into} END")
        op.execute(f"CREATE TRIGGER {table}_unsaid AFTER DELETE ON {table} BEGIN {out} END")
        op.execute(f"CREATE TRIGGER {table}_resaid AFTER UPDATE OF {watched} ON {table} BEGIN {out} {into} END")


def _search_down_sqlite() -> None:
    for table, _said, _watched in _SEARCHED_SQLITE:
        for name in ("said", "unsaid", "resaid"):
            op.execute(f"DROP TRIGGER {table}_{name}")
        op.execute(f"DROP TABLE {table}_fts")


_SEARCHED_SQLITE = (
    ("messages", "replace(replace({0}text, 'đ', 'd'), 'Đ', 'd')", "id, text"),
    ("customers", "{0}name_folded || ' ' || coalesce({0}phone, '')", "id, name_folded, phone"),
)


# One conversation: notes, ready answers, replies for later, typing, and with what words it was handed back.

_BACK_REASON = sa.Enum("solved", "waiting", "informed", "other", name="backreason", native_enum=False, length=32)
_REPLY_STATE = sa.Enum("waiting", "sent", "cancelled", name="replystate", native_enum=False, length=32)
_CANCEL_REASON = sa.Enum(
    "by_staff", "customer_wrote", "hold_ended", "restored", name="cancelreason", native_enum=False, length=32
)


def _talk_up() -> None:
    op.add_column("escalations", sa.Column("back_reason", _BACK_REASON, nullable=True))
    op.add_column("escalations", sa.Column("back_note", sa.Text(), nullable=False, server_default=""))
    _notes_up()
    _planned_up()
    op.create_table(
        "typing_signs",
        sa.Column("conversation_id", _ID, autoincrement=False, nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("told_at", _AT, nullable=True),
        _to("typing_signs", "conversation_id", "conversations", "CASCADE"),
        _to("typing_signs", "staff_id", "staff"),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_typing_signs")),
    )
    op.create_index(op.f("ix_typing_signs_at"), "typing_signs", ["at"])


def _notes_up() -> None:
    op.create_table(
        "notes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("conversation_id", _ID, nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        _to("notes", "conversation_id", "conversations", "CASCADE"),
        _to("notes", "staff_id", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index("ix_notes_conversation", "notes", ["conversation_id", "id"])
    op.create_table(
        "canned_answers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("owner_id", _ID, nullable=True),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        _to("canned_answers", "owner_id", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_answers")),
    )
    op.create_index(op.f("ix_canned_answers_owner_id"), "canned_answers", ["owner_id"])


def _planned_up() -> None:
    op.create_table(
        "scheduled_replies",
        sa.Column("id", _ID, nullable=False),
        sa.Column("conversation_id", _ID, nullable=False),
        sa.Column("staff_id", _ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("send_at", _AT, nullable=False),
        sa.Column("if_quiet", sa.Boolean(), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("state", _REPLY_STATE, nullable=False),
        sa.Column("reason", _CANCEL_REASON, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("settled_at", _AT, nullable=True),
        _to("scheduled_replies", "conversation_id", "conversations", "CASCADE"),
        _to("scheduled_replies", "staff_id", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_replies")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_scheduled_replies_due", "scheduled_replies", ["send_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_scheduled_replies_conversation", "scheduled_replies", ["conversation_id", "id"])


def _talk_down() -> None:
    for table in ("typing_signs", "scheduled_replies", "canned_answers", "notes"):
        op.drop_table(table)
    for name in ("back_note", "back_reason"):
        op.drop_column("escalations", name)
