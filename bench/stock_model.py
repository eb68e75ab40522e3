"""A model of Rasa's stock configuration (what `rasa init` writes) on our own training data."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from crm.settings import settings
from operations.processes import NLU_PYTHON, ROOT

CONFIG = ROOT / "bench" / "stock" / "config.yml"


def train_stock(models: Path, epochs: int) -> Path:
    """Trains unless a model for today's data is there; returns the folder, shaped like `models/`.

    It takes our model's name and record, so that the product under measurement takes it for its own. `epochs` replaces
    the stock 100 of each component: what a message costs does not depend on them, and all of them take most of an hour.
    """
    current = ROOT / settings().models_dir / "current.json"
    record = json.loads(current.read_text(encoding="utf-8"))
    if (models / record["model"]).exists():
        return models
    models.mkdir(parents=True, exist_ok=True)
    config = models / "config.yml"
    config.write_text(re.sub(r"epochs: \d+", f"epochs: {epochs}", CONFIG.read_text(encoding="utf-8")), encoding="utf-8")
    data = [str(ROOT / "data" / name) for name in ("nlu", "rules", "stories")]
    command = [str(NLU_PYTHON), "-m", "rasa", "train", "--config", str(config), "--domain", str(ROOT / "domain.yml")]
    name = record["model"].removesuffix(".tar.gz")
    subprocess.run([*command, "--data", *data, "--out", str(models), "--fixed-model-name", name], cwd=ROOT, check=True)
    shutil.copy(current, models / "current.json")
    return models
