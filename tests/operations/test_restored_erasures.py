"""Who was erased after a backup stays erased when it is put back, and nobody else is erased for them."""

from sqlalchemy import update
from typer.testing import CliRunner

from crm import erasure_journal, merges, personal_data_erase
from crm.models.people import ChannelAccount, Customer
from crm.settings import settings
from operations import backup, restore
from operations.cli import app
from tests.crm import factories
from tests.operations.houses import House


def test_who_was_erased_after_the_backup_is_erased_again_by_a_journal_that_was_kept_elsewhere(house: House) -> None:
    with house.database.begin() as session:
        person = factories.conversation(session, name="Trần Thị Quên").customer_id
    file, kept = house.home / "x.backup", house.home / "elsewhere" / "erasures.journal"
    backup.make(settings(), file)
    personal_data_erase.erase(house.database, person)
    kept.parent.mkdir()
    kept.write_bytes(erasure_journal.place().read_bytes() + b"{torn\n")

    def names_after(*options: str, forgotten: bool) -> tuple[set[str], str]:
        """On a machine without the journal, whose database knows of the erasure or (`forgotten`) does not."""
        erasure_journal.place().unlink()
        if forgotten:
            with house.database.engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM erasures")
        house.rest()
        said = CliRunner().invoke(app, ["restore", str(file), "--force", *options])
        assert said.exit_code == 0, said.output
        erasure_journal.place().touch()
        with house.database.read() as session:
            return {customer.name for customer in session.query(Customer)}, said.output.replace("\n", " ")

    assert names_after(forgotten=False)[0] == {""}
    assert names_after(forgotten=True)[0] == {"Trần Thị Quên"}
    left, said = names_after("--erasures", str(kept), forgotten=True)
    assert left == {""}
    assert "people erased again, as the journal of erasures says: 1" in said
    assert f"1 lines of the journal {kept} " in said


def _two(house: House) -> tuple[int, int]:
    with house.database.begin() as session:
        kept, gone = (factories.conversation(session, chat, name) for chat, name in ((1, "Lê Văn Một"), (2, "Lê Hai")))
        return kept.customer_id, gone.customer_id


def _merge(house: House, kept: int, gone: int) -> int:
    with house.database.begin() as session:
        staff = factories.agent(session)
        versions = (session.get_one(Customer, kept).version, session.get_one(Customer, gone).version)
        return merges.merge(session, kept, gone, staff, versions=versions, take=set()).id


def _names(house: House) -> list[str]:
    with house.database.read() as session:
        return sorted(customer.name for customer in session.query(Customer))


def test_an_erasure_holds_over_a_restore_to_before_the_persons_records_were_merged(house: House) -> None:
    kept, gone = _two(house)
    file = house.home / "x.backup"
    with house.database.begin() as session:  # a record that no chat leads to
        session.execute(update(ChannelAccount).where(ChannelAccount.customer_id == gone).values(customer_id=kept))
    backup.make(settings(), file)
    _merge(house, kept, gone)
    personal_data_erase.erase(house.database, kept)
    house.rest()
    assert restore.put_back(settings(), file, force=True).erasures.erased == 2
    assert _names(house) == ["", ""]


def test_nobody_is_erased_for_a_person_whom_a_merge_that_was_taken_back_had_made_theirs(house: House) -> None:
    kept, gone = _two(house)
    file = house.home / "x.backup"
    merged = _merge(house, kept, gone)
    backup.make(settings(), file)
    with house.database.begin() as session:
        merges.undo(session, merged, factories.agent(session, "lui"))
    personal_data_erase.erase(house.database, gone)
    house.rest()
    said = CliRunner().invoke(app, ["restore", str(file), "--force"])
    assert said.exit_code == 0, said.output
    assert f"customer {kept} is merged with somebody who was parted" in said.output.replace("\n", " ")
    assert "Lê Văn Một" in _names(house)
