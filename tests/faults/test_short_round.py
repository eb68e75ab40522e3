"""The short round of the faults as a part of `make test`, and the oracle that judges them."""

import subprocess
import sys

import pytest

from operations.processes import ROOT

LIMIT_S = 900


@pytest.mark.e2e
@pytest.mark.timeout(LIMIT_S + 30)
def test_the_short_round_of_the_faults_stands() -> None:
    command = [sys.executable, "-m", "tests.faults", "--short", "--side-by-side"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr[-2000:]
