"""A model of Rasa's stock configuration (what `rasa init` writes) on our own training data."""

import json
import shutil
import subprocess
from pathlib import Path

from crm.settings import settings
from operations.processes import NLU_PYTHON, ROOT

CONFIG = ROOT / "bench" / "stock" / "config.yml"


def train_stock(models: Path) -> Path:
    """Trains unless a model for today's data is there; returns the folder, shaped like `models/`.

    It takes our model's name and record, so that the product under measurement takes it for its own.
    """
    current = ROOT / settings().models_dir / "current.json"
    record = json.loads(current.read_text(encoding="utf-8"))
    if (models / record["model"]).exists():
        return models
    models.mkdir(parents=True, exist_ok=True)
    data = [str(ROOT / "data" / name) for name in ("nlu", "rules", "stories")]
    command = [str(NLU_PYTHON), "-m", "rasa", "train", "--config", str(CONFIG), "--domain", str(ROOT / "domain.yml")]
    name = record["model"].removesuffix(".tar.gz")
    subprocess.run([*command, "--data", *data, "--out", str(models), "--fixed-model-name", name], cwd=ROOT, check=True)
    shutil.copy(current, models / "current.json")
    return models
