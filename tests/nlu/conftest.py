"""One small model, really trained by Rasa, and a room to serve it in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nlu.quiet import quieten

quieten()

from rasa.core.agent import Agent  # noqa: E402

from nlu.train import train_model  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).with_name("project")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small project with the product's own pipeline."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT, root, dirs_exist_ok=True)
    shutil.copy(ROOT / "config.yml", root)
    return root


@pytest.fixture(scope="session")
def model_path(project: Path) -> Path:
    """The trained model's file."""
    path = project / "models" / "trian-0123456789ab.tar.gz"
    path.parent.mkdir()
    train_model(project, path)
    return path


@pytest.fixture(scope="session")
def trained(model_path: Path) -> Agent:
    """The model, loaded once; not for conversations."""
    return Agent.load(model_path)
