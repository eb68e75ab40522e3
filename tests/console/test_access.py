"""The table of rights, asked at the place where every action passes."""

import ast
from pathlib import Path

import pytest

import console
from console import access, desk
from crm import staff_sessions
from crm.db import Database
from crm.errors import PermissionDenied
from crm.models.staff import Role
from tests.crm import factories


@pytest.mark.parametrize("role", Role)
def test_each_action_is_refused_to_every_role_it_is_not_for(
    role: Role, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "database", lambda _url: database)
    with database.begin() as session:
        token = staff_sessions.start(session, factories.agent(session, role=role))
    for action, roles in access.ACTIONS.items():
        if role in roles:
            assert desk._write(action, token, lambda _session, staff: staff.role) is role
        else:
            with pytest.raises(PermissionDenied):
                desk._write(action, token, lambda _session, staff: staff.role)
    with pytest.raises(PermissionDenied):
        desk._write("reply", "made-up", lambda _session, staff: staff.role)
    with pytest.raises(KeyError):
        desk._write("an action nobody entered", token, lambda _session, staff: staff.role)


def test_pages_write_only_through_entered_actions() -> None:
    """By name, or by a constant of the module: then every word of the module that is an action counts as used."""
    room = Path(console.__file__).parent
    named = set()
    for path in room.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {
            each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "act":
                action = node.args[0]
                named |= {str(action.value)} if isinstance(action, ast.Constant) else words & set(access.ACTIONS)
    assert named == set(access.ACTIONS)


def test_only_the_desk_and_the_doors_open_transactions() -> None:
    """The watch tries whether the database can be written, and writes nothing; presence writes when somebody was there;
    a copy of personal data is fetched with a line in the audit log; the API writes behind its own gate.
    """
    room = Path(console.__file__).parent
    writers = {path.name for path in room.glob("*.py") if ".begin()" in path.read_text(encoding="utf-8")}
    assert writers == {"desk.py", "login.py", "invitations.py", "presence.py", "privacy_files.py", "watch.py"}
