"""A model of Rasa's stock configuration (what `rasa init` writes) on our own training data.

`python -m bench.stock_model` trains it under var/bench/stock unless one for today's data is there, and prints its path.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

from crm.settings import settings
from operations.processes import NLU_PYTHON, ROOT

CONFIG = ROOT / "bench" / "stock" / "config.yml"
FOLDER = ROOT / "var" / "bench" / "stock"
EPOCHS = 100


def train_stock(models: Path, epochs: int) -> Path:
    """Trains unless a model for today's data and these epochs is there; returns the folder, shaped like `models/`.

    It takes our model's name and record, so that the product under measurement takes it for its own. `epochs` replaces
    the stock 100 of each component: what a message costs does not depend on them, and all of them take hours.
    """
    current = ROOT / settings().models_dir / "current.json"
    record = json.loads(current.read_text(encoding="utf-8"))
    folder = models / f"{epochs}-epochs"
    if (folder / record["model"]).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)  # a model of other data is of no use any more
    folder.mkdir(parents=True)
    config = folder / "config.yml"
    config.write_text(re.sub(r"epochs: \d+", f"epochs: {epochs}", CONFIG.read_text(encoding="utf-8")), encoding="utf-8")
    data = [str(ROOT / "data" / name) for name in ("nlu", "rules", "stories")]
    command = [str(NLU_PYTHON), "-m", "rasa", "train", "--config", str(config), "--domain", str(ROOT / "domain.yml")]
    name = record["model"].removesuffix(".tar.gz")
    subprocess.run([*command, "--data", *data, "--out", str(folder), "--fixed-model-name", name], cwd=ROOT, check=True)
    digest = hashlib.sha256((folder / record["model"]).read_bytes()).hexdigest()
    (folder / "current.json").write_text(json.dumps(record | {"sha256": digest, "previous": []}), encoding="utf-8")
    return folder


def model_in(folder: Path) -> Path:
    """The model file of a folder shaped like `models/`."""
    record = json.loads((folder / "current.json").read_text(encoding="utf-8"))
    return folder / str(record["model"])


def main() -> None:
    """Trains and prints the path, alone on the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="Rasa's own: 100")
    print(model_in(train_stock(FOLDER, parser.parse_args().epochs)))


if __name__ == "__main__":
    main()
