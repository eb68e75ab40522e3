"""What tests of `crm` ask for by name."""

from pathlib import Path

import pytest

from crm.settings import settings


@pytest.fixture
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are stored in a directory of the test's own."""
    monkeypatch.setattr(settings(), "var_dir", tmp_path / "var")
