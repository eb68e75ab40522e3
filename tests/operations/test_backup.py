import time
from pathlib import Path

import pytest
import time_machine
from alembic import command
from sqlalchemy import text
from typer.testing import CliRunner

from crm import clock, health, housekeeping, leases, schema, tracker_events
from crm.db import Database
from crm.models.people import AuditEntry, ChannelAccount, Customer
from crm.models.staff import Staff
from crm.settings import settings
from operations import archive, backup, restore
from operations.archive import BackupRefused
from operations.cli import app
from tests.crm import factories
from tests.operations.houses import House, Kills
from tests.operations.spoiled import SPOILED

OLDER = "b10000000002"


def _people(house: House, count: int, first: int = 1) -> None:
    with house.database.begin() as session:
        for number in range(first, first + count):
            factories.conversation(session, number, name=f"Người {number}")


def _names(house: House) -> set[str]:
    with house.database.read() as session:
        return {customer.name for customer in session.query(Customer)}


def _put_back(house: House, file: Path, force: bool = True) -> restore.Restored:
    house.rest()
    done = restore.put_back(settings(), file, force=force)
    house.rest()
    return done


def test_everything_comes_back_as_it_was(house: House) -> None:
    file = house.home / "one.backup"
    _people(house, 3)
    house.photo("a.jpg", b"\xff\xd8\xff first")
    house.model("trian-1.tar.gz", "learnt: 1")
    house.remember("account-1", data='{"text": "Dạ \\t \\\\ có"}')
    made = backup.make(settings(), file)
    assert (made.photos, made.model, made.bytes) == (1, "trian-1.tar.gz", file.stat().st_size)
    assert file.stat().st_mode & 0o077 == 0

    _people(house, 2, first=4)
    house.photo("a.jpg", b"\xff\xd8\xff overwritten")
    house.model("trian-2.tar.gz", "learnt: 2")
    house.remember("account-4")
    _put_back(house, file)

    assert _names(house) == {"Người 1", "Người 2", "Người 3"}
    assert (settings().var_dir / "attachments" / "a.jpg").read_bytes() == b"\xff\xd8\xff first"
    assert house.remembered() == ["account-1"]
    assert (settings().models_dir / "learned.yml").read_text() == "learnt: 1"
    assert backup.recorded_models(settings().models_dir)[0] == "trian-1.tar.gz"
    assert not list(house.home.rglob("*.unfinished"))
    assert not (settings().var_dir / ".backup").exists()
    schema.check(house.database.engine)
    _people(house, 1, first=9)  # numbers go on behind those that were there
    house.remember("account-9")
    with house.database.read() as session:
        assert session.query(AuditEntry).filter_by(action="restore").count() == 1
        assert session.query(ChannelAccount).filter_by(chat_id=9).one().id == 4


def test_a_backup_fills_a_new_house(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    file = house.home / "one.backup"
    _people(house, 2)
    house.photo("a.jpg")
    backup.make(settings(), file)
    house.rest()
    for name, value in {"var_dir": house.home / "new", "models_dir": house.home / "new-models"}.items():
        monkeypatch.setattr(settings(), name, value)
    if "sqlite" in settings().database_url:
        monkeypatch.setattr(settings(), "database_url", f"sqlite:///{house.home}/new/trian.db")
        monkeypatch.setattr(settings(), "tracker_url", f"sqlite:///{house.home}/new/tracker.db")
    else:
        with house.database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        house.rest()
    restore.put_back(settings(), file)
    new = House(Database(settings().database_url), house.tracker, house.home)
    assert _names(new) == {"Người 1", "Người 2"}
    assert new.photos() == {"a.jpg"}
    new.rest()


def test_a_backup_of_an_older_release_is_brought_up_to_date(house: House) -> None:
    file = house.home / "old.backup"
    _people(house, 2)
    with house.database.engine.begin() as connection:
        command.downgrade(schema._config(connection), OLDER)
    backup.make(settings(), file)
    _put_back(house, file)
    assert schema.is_current(house.database.engine)
    schema.check(house.database.engine)
    assert len(_names(house)) == 2


def test_the_product_may_write_while_a_backup_is_made_and_the_day_is_in_the_book(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _people(house, 1)
    monkeypatch.setattr("crm.db.BUSY_TIMEOUT_S", 1)
    with house.database.begin() as session:
        session.add(Customer(name="unsaved", created_at=clock.now()))
        session.flush()
        backup.make(settings(), house.home / "during.backup")  # SQLite's book waits for the writer, and does without
    _put_back(house, house.home / "during.backup")
    assert _names(house) == {"Người 1"}
    backup.make(settings(), house.home / "second.backup")
    with house.database.read() as session:
        assert housekeeping.BACKUP in housekeeping.last(session)


def test_rasas_memory_is_emptied_when_the_backup_has_none(house: House) -> None:
    _people(house, 1)
    with house.tracker.engine.begin() as connection:
        connection.execute(text("DROP TABLE events"))
    backup.make(settings(), house.home / "one.backup")
    tracker_events.EVENTS.create(house.tracker.engine)
    house.remember("account-1")
    _put_back(house, house.home / "one.backup")
    assert house.remembered() == []


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)  # the file is the same whatever lies in it
@pytest.mark.parametrize("spoiling", SPOILED)
def test_a_spoiled_file_is_refused_and_nothing_is_changed(house: House, spoiling: str) -> None:
    file = house.home / "one.backup"
    _people(house, 1)
    house.photo("a.jpg", b"\xff\xd8\xff" + bytes(4000))
    backup.make(settings(), file)
    _people(house, 1, first=2)
    SPOILED[spoiling](file)
    with pytest.raises(BackupRefused):
        _put_back(house, file)
    assert _names(house) == {"Người 1", "Người 2"}
    restore.refuse_unfinished(settings())
    assert not list(house.home.parent.glob("**/evil"))


def test_it_is_refused_over_data_over_a_running_product_and_over_another_file(house: House) -> None:
    file = house.home / "one.backup"
    _people(house, 1)
    backup.make(settings(), file)
    with pytest.raises(BackupRefused, match="another name"):
        backup.make(settings(), file)
    missing = house.home / "disk" / "daily"
    with pytest.raises(BackupRefused, match=f"no folder {missing}"):
        backup.make(settings(), missing / "two.backup")
    assert not missing.parent.exists()
    with pytest.raises(BackupRefused, match="--force"):
        _put_back(house, file, force=False)
    with house.database.begin() as session:
        health.beat(session, "bot", "serving")
    with pytest.raises(BackupRefused, match="bot gave a sign of life"):
        _put_back(house, file)
    with time_machine.travel(time.time() + 31), house.database.begin() as session:
        leases.acquire(session, "scheduler", "somebody", 15)
    with time_machine.travel(time.time() + 40), pytest.raises(BackupRefused, match="scheduler gave a sign of life"):
        _put_back(house, file)
    with house.database.begin() as session:  # a lease ends by the database's clock, which does not travel
        leases.release(session, "scheduler", "somebody")
    with time_machine.travel(time.time() + 60):
        _put_back(house, file)
    with house.database.begin() as session:
        assert leases.acquire(session, "scheduler", "anybody", 15)  # no lease is left behind


def test_a_database_that_somebody_keeps_locked_is_refused_and_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = house.home / "one.backup"
    _people(house, 1)
    backup.make(settings(), file)
    _people(house, 1, first=2)
    monkeypatch.setattr("crm.db.BUSY_TIMEOUT_S", 1)
    monkeypatch.setattr(restore, "LOCK_WAIT", "SET LOCAL lock_timeout = '1s'")
    with house.database.begin() as session:
        session.add(Customer(name="unsaved", created_at=clock.now()))
        session.flush()
        with pytest.raises(BackupRefused):
            restore.put_back(settings(), file, force=True)
    assert _names(house) == {"Người 1", "Người 2", "unsaved"}
    _put_back(house, file)
    restore.refuse_unfinished(settings())
    assert _names(house) == {"Người 1"}


def test_two_at_once_are_refused(house: House) -> None:
    with backup.workplace(settings()), pytest.raises(BackupRefused, match="another backup or restore"):
        backup.make(settings(), house.home / "one.backup")


def test_killed_while_backing_up_it_leaves_the_old_file_or_none(house: House) -> None:
    _people(house, 200)
    began = time.monotonic()
    backup.make(settings(), house.home / "whole.backup")
    kills = Kills((time.monotonic() - began) * 1.2)
    house.rest()
    file = house.home / "one.backup"
    for seed in kills.rounds(8, wanted=3):
        file.unlink(missing_ok=True)
        kills.kill(lambda: backup.make(settings(), file), seed)
        if file.exists():
            (house.home / "unpacked").mkdir(exist_ok=True)
            assert archive.unpack(file, house.home / "unpacked")["format"] == "trian-backup"
    file.unlink(missing_ok=True)
    backup.make(settings(), file)
    assert not list(house.home.glob(".*.partial"))


def test_killed_while_restoring_it_is_the_old_state_or_the_new_and_says_so(house: House) -> None:
    file = house.home / "one.backup"
    _people(house, 100)
    house.remember("account-1")
    backup.make(settings(), file)
    began = time.monotonic()
    _put_back(house, file)
    kills = Kills((time.monotonic() - began) * 1.1)
    _people(house, 5, first=500)
    house.remember("account-2")
    later = house.home / "later.backup"
    backup.make(settings(), later)
    seen: set[tuple[int, bool]] = set()
    for seed in kills.rounds(8, wanted=4):
        # Each round begins with the later state, restores the earlier one, and is killed on the way.
        _put_back(house, later)
        assert len(_names(house)) == 105
        house.rest()
        kills.kill(lambda: restore.put_back(settings(), file, force=True), seed)
        unfinished = (settings().var_dir / restore.MARKER).exists()
        people = len(_names(house))
        assert people in (100, 105), f"seed {seed}"
        if not unfinished:
            assert (people, len(house.remembered())) in ((105, 2), (100, 1)), f"seed {seed}"
        seen.add((people, unfinished))
    print(f"{kills.cut_off} cut off: (people, marker) seen {sorted(seen)}")
    _put_back(house, file)
    assert (len(_names(house)), house.remembered()) == (100, ["account-1"])
    restore.refuse_unfinished(settings())


def test_after_an_interrupted_restore_nothing_starts_but_the_restore(house: House) -> None:
    file = house.home / "one.backup"
    _people(house, 1)
    backup.make(settings(), file)
    house.rest()
    (settings().var_dir / restore.MARKER).write_text("{}")
    refused = CliRunner().invoke(app, ["greet", "--date", "2027-02-06", "--dry-run"])
    assert isinstance(refused.exception, BackupRefused)
    assert "interrupted" in str(refused.exception)
    done = CliRunner().invoke(app, ["restore", str(file), "--force"])
    assert done.exit_code == 0, done.output
    assert "restored as of" in done.output
    assert CliRunner().invoke(app, ["greet", "--date", "2027-02-06", "--dry-run"]).exit_code == 0


def test_the_commands_of_backup_and_purge(house: House) -> None:
    _people(house, 1)
    said = CliRunner().invoke(app, ["backup", str(house.home / "x.backup")])
    assert said.exit_code == 0, said.output
    assert "0 photos and no model" in said.output
    assert str(settings().journal.with_name("erasures.journal")) in said.output
    counted = CliRunner().invoke(app, ["purge", "--dry-run"])
    assert "0  inbound" in counted.output
    assert CliRunner().invoke(app, ["purge"]).exit_code == 0
    with house.database.read() as session:
        assert session.query(AuditEntry).filter_by(action="purge").count() == 1
        assert session.query(Staff).count() == 0


def test_a_journal_that_cannot_be_read_is_named(house: House) -> None:
    _people(house, 1)
    file, other = house.home / "x.backup", house.home / "other.journal"
    backup.make(settings(), file)
    other.write_bytes(b"{torn\n")
    house.rest()
    said = CliRunner().invoke(app, ["restore", str(file), "--force", "--journal", str(other)])
    assert said.exit_code == 0, said.output
    assert f"1 lines of the journal {other} " in said.output.replace("\n", " ")
    assert str(settings().journal) not in said.output


def test_a_house_that_is_not_there_is_not_backed_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "var_dir", house.home / "nowhere")
    with pytest.raises(BackupRefused, match="TRIAN_VAR_DIR"):
        backup.make(settings(), house.home / "x.backup")
    assert not (house.home / "nowhere").exists()
