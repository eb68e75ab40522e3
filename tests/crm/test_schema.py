from crm import schema
from crm.db import Database


def test_the_migrations_say_what_the_models_say(database: Database) -> None:
    schema.check(database.engine)
    assert schema.is_current(database.engine)
