"""A third party's whole road in an environment of its own, from an empty folder to predictions and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

NAMES = {"cell": "leaky-unit", "attention": "near-look", "encoder": "gated-conv"}


class Machine:
    """A new virtual environment that borrows the packages of this one, so that torch need not be installed again."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.folder = folder
        self.python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        (site,) = (folder / "venv").glob("lib/python*/site-packages")
        borrowed = sysconfig.get_paths()["purelib"]
        (site / "borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n")

    def run(self, *words: str, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        environ.pop("PYTHONPATH", None)
        command = [str(self.python), "-m", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd or self.folder, env=environ)
        assert done.returncode == code, f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
def test_from_an_empty_folder_to_predictions_and_back(kind, tmp_path):
    name = NAMES[kind]
    dist, machine = f"seqhub-{name}", Machine(tmp_path)
    machine.run("seqhub", "plugins", "new", name, "--kind", kind, "--author", "Ada Example")
    project = tmp_path / dist
    machine.run("build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(project))
    (wheel,) = tmp_path.glob("*.whl")
    machine.run("pip", "install", "--no-deps", "--no-index", "--quiet", str(wheel))

    listed = json.loads(machine.run("seqhub", "plugins", "list", "--json").stdout)
    assert [(r["version"], r["state"]) for r in listed if r["dist"] == dist] == [("0.1.0", "found")]
    tested = machine.run("pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=project)
    assert "failed" not in tested.stdout
    found = json.loads(machine.run("seqhub", "plugins", "doctor", dist, "--json").stdout)
    assert [finding["level"] for finding in found["findings"]] == ["ok"]

    recipe = f"{dist}/recipes/{name}.yaml"
    machine.run("seqhub", "train", recipe, "--smoke")
    machine.run("seqhub", "eval", f"runs/{name}-smoke")
    machine.run("seqhub", "export", f"runs/{name}-smoke", "--out", "bundle")
    machine.run("seqhub", "verify", "bundle")
    assert f"{dist}/{name}==0.1.0" in json.loads((tmp_path / "bundle" / "seqhub.json").read_text())["plugins"]
    (tmp_path / "rows.csv").write_text("sunspots\n" + "".join(f"{50 + 40 * (i % 11)}\n" for i in range(40)))

    machine.run("pip", "uninstall", "--yes", "--quiet", dist)
    answers = machine.run("seqhub", "predict", "bundle", "rows.csv").stdout.splitlines()  # a bundle needs no plugin
    assert len(answers) == 1 + 5
    refused = machine.run("seqhub", "check", recipe, code=2)
    assert f"no block type '{name}' is installed" in refused.stderr
    missing = machine.run("seqhub", "eval", f"runs/{name}-smoke", code=2)
    assert f"'{name}' comes with {dist}: pip install {dist}" in missing.stderr


def test_this_environment_can_be_borrowed():
    """What the slow test relies on: the packages lie where the interpreter says."""
    assert (Path(sysconfig.get_paths()["purelib"]) / "torch").is_dir()
    assert Path(sys.executable).exists()
