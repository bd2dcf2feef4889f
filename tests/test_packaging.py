"""Core and first-party plugins are versioned, pinned and listed together; wheels hold what they must."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import seqhub
from seqhub.cli import VERBS
from seqhub.plugins.hints import FIRST_PARTY

ROOT = Path(__file__).parents[1]
CORE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
PLUGINS = {folder.name: tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")) for folder in FOLDERS}
EXTRAS = CORE["project"]["optional-dependencies"]


def requirements(lines: list[str]) -> dict[str, Requirement]:
    """Requirement lines by name; an extra that names extras of seqhub brings theirs."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        if canonicalize_name(requirement.name) == "seqhub":
            for extra in requirement.extras:
                found |= requirements(EXTRAS[extra])
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


def pins() -> dict[str, str]:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line.partition("==") for line in text.splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in lines}


def test_versions_are_in_lockstep():
    assert {name: plugin["project"]["version"] for name, plugin in PLUGINS.items()} == dict.fromkeys(
        PLUGINS, seqhub.__version__
    )
    assert {metadata.version(name) for name in FIRST_PARTY} == {seqhub.__version__}


def test_plugins_admit_this_core_and_no_next_minor():
    major, minor = Version(seqhub.__version__).release[:2]
    lines = [plugin["project"]["dependencies"] for plugin in PLUGINS.values()]
    lines += [[line] for line in EXTRAS["all"] if line.startswith("seqhub-")]
    for line in lines:
        (requirement,) = map(Requirement, line)
        assert requirement.specifier.contains(seqhub.__version__)
        assert not requirement.specifier.contains(f"{major}.{minor + 1}.0")


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_is_complete_and_listed_everywhere(name):
    package, folder, project = name.replace("-", "_"), ROOT / "plugins" / name, PLUGINS[name]
    assert project["project"]["name"] == name
    assert list(project["project"]["entry-points"]["seqhub.v1"].values()) == [f"{package}.plugin"]
    for part in ("README.md", f"src/{package}/plugin.py", f"src/{package}/py.typed", "tests/test_conformance.py"):
        assert (folder / part).is_file(), part
    assert name in FIRST_PARTY
    assert name in {Requirement(line).name for line in EXTRAS["all"]}
    assert f"-e plugins/{name}" in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    tools = CORE["tool"]
    assert f"plugins/{name}/src" in tools["ruff"]["src"]
    assert f"plugins/{name}/tests" in tools["pytest"]["ini_options"]["testpaths"]
    assert package in tools["coverage"]["run"]["source_pkgs"]
    assert package in tools["ruff"]["lint"]["isort"]["known-first-party"]
    assert name in tools["uv"]["sources"]


def test_the_core_and_the_runtime_stay_small():
    assert set(requirements(CORE["project"]["dependencies"])) == {"pluggy", "pydantic", "pyyaml"}
    assert set(requirements(EXTRAS["runtime"])) == {"numpy", "onnxruntime"}
    assert set(EXTRAS) == {"runtime", "serve", "sound", "text", "hub", "train", "all", "dev"}
    assert "torch" not in requirements(EXTRAS["serve"])


def test_every_requirement_is_pinned_within_its_range():
    lines = [*CORE["project"]["dependencies"], *CORE["build-system"]["requires"]]
    for extra in ("runtime", "serve", "hub", "train", "dev"):
        lines += EXTRAS[extra]
    pinned = pins()
    for name, requirement in requirements(lines).items():
        assert name in pinned
        assert requirement.specifier.contains(pinned[name]), requirement


def test_pins_are_exact_and_bring_no_cuda():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line) for line in lines)
    assert lines == sorted(lines, key=str.lower)
    assert pins()["torch"] == "2.13.0"
    assert not [name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))]


def test_what_is_installed_is_what_is_pinned():
    other = {}
    for name, version in pins().items():
        try:
            installed = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
        if installed != version:
            other[name] = (installed, version)
    assert not other


def test_the_licence_is_apache_2_0_in_full():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
    assert {p["project"]["license"] for p in (CORE, *PLUGINS.values())} == {"Apache-2.0"}


def test_the_readme_lists_every_verb():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(VERBS)


def test_continuous_integration_runs_what_developers_run():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("make test")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"run", "test", "test-fast", "test-slow", "bench", "lint", "clean"} <= set(targets)


def build_wheel(folder: Path, out: Path) -> Path:
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(folder)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    (wheel,) = out.glob(f"{folder.name.replace('-', '_') if folder != ROOT else 'seqhub'}-*.whl")
    return wheel


def test_the_wheel_holds_recipes_pins_and_types(tmp_path):
    names = set(zipfile.ZipFile(build_wheel(ROOT, tmp_path)).namelist())
    recipes = {f"seqhub/_recipes/{path.relative_to(ROOT / 'recipes')}" for path in (ROOT / "recipes").rglob("*.yaml")}
    assert recipes <= names
    assert {"seqhub/py.typed", "seqhub/_constraints.txt", "seqhub/cli/__init__.py"} <= names
    assert {name.split("/")[0] for name in names} == {"seqhub", f"seqhub-{seqhub.__version__}.dist-info"}


@pytest.mark.parametrize("name", PLUGINS)
def test_the_wheel_of_a_plugin(name, tmp_path):
    names = zipfile.ZipFile(build_wheel(ROOT / "plugins" / name, tmp_path)).namelist()
    package = name.replace("-", "_")
    assert f"{package}/plugin.py" in names
    assert {path.split("/")[0] for path in names} == {package, f"{package}-{seqhub.__version__}.dist-info"}


RUNTIME_MB = 160  # what pip unpacks; Python adds its bytecode when it first imports


def installed_mb(home: Path) -> float:
    """Size of all that is installed beside pip itself, in 10^6 bytes, bytecode not counted."""
    (site,) = home.glob("L*/site-packages" if os.name == "nt" else "lib/python*/site-packages")
    tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel")
    parts = [part for part in site.iterdir() if not part.name.startswith(tools)]
    files = [path for part in parts for path in (part, *part.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return sum(path.stat().st_size for path in files) / 1e6


@pytest.mark.slow
def test_a_machine_with_the_runtime_alone(tmp_path):
    """Core and [runtime] from a wheel, in an environment of its own: no torch, and what can work works."""
    wheel = build_wheel(ROOT, tmp_path)
    home = tmp_path / "a folder with spaces"
    venv.create(home, with_pip=True)
    python = str(home / ("Scripts" if os.name == "nt" else "bin") / "python")
    install = [python, "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), f"{wheel}[runtime]"]
    subprocess.run(install, check=True, cwd=tmp_path)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([python, *words], capture_output=True, text=True, check=False, cwd=tmp_path)

    packages = {line.partition("==")[0].lower() for line in run("-m", "pip", "freeze").stdout.splitlines()}
    assert {"numpy", "onnxruntime", "pluggy"} <= packages
    assert not {"torch", "onnx", "pandas", "lightning"} & packages
    assert 50 < installed_mb(home) < RUNTIME_MB
    assert run("-m", "seqhub", "--version").stdout == f"seqhub {seqhub.__version__}\n"
    assert run("-c", "import seqhub.runtime").returncode == 0
    assert run("-m", "seqhub", "doctor").returncode == 0
    assert "co2" in run("-m", "seqhub", "recipes", "list").stdout
    refused = run("-m", "seqhub", "plugins", "info", "gru")
    assert refused.returncode == 2
    assert "pip install seqhub-cells" in refused.stderr
