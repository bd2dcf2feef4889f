"""What is loaded when, which room may import which, and how long a file may be."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqhub.cli import VERBS

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = sorted(folder.name for folder in (ROOT / "plugins").iterdir() if (folder / "pyproject.toml").is_file())
PLUGIN_PACKAGES = [name.replace("-", "_") for name in DISTRIBUTIONS]
HEAVY = ("torch", "numpy", "onnx", "onnxruntime", "lightning", "pandas", "matplotlib", "pydantic")

# A room may import itself and these; every arrow runs one way.
BASE = {"errors", "geometry", "api"}
MODEL_ROOMS = BASE | {"plugins", "recipe", "nn", "data", "tasks", "runtime", "text"}
ROOMS = {
    "errors": set(),
    "geometry": set(),
    "api": {"errors", "geometry"},
    "plugins": BASE,
    "recipe": BASE | {"plugins"},
    "nn": BASE,
    "text": {"errors", "api"},
    "audio": {"errors"},
    "formats": {"errors"},
    "data": BASE | {"audio", "formats", "text"},
    "tasks": BASE | {"nn", "audio", "data", "runtime", "text"},
    "assembly": MODEL_ROOMS,
    "report": BASE,
    "training": MODEL_ROOMS | {"assembly", "report"},
    "export": MODEL_ROOMS | {"assembly"},
    "runtime": {"errors", "audio", "formats", "text"},
    "testing": BASE | {"nn", "plugins", "export", "runtime"},
    "scaffold": {"errors", "plugins"},
    "bench": MODEL_ROOMS | {"assembly", "training", "report"},
    "cli": MODEL_ROOMS | {"assembly", "training", "export", "report", "scaffold", "testing", "bench"},
    "__main__": {"cli"},
    "__init__": set(),
}
FOR_PLUGINS = {"api", "nn", "testing"}


def loaded_by(program: str) -> set[str]:
    """The modules of a fresh interpreter after a program."""
    tail = "\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program + tail], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*words: str) -> str:
    return f"from seqhub.cli import main\nassert main({list(words)!r}) == 0"


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("plugins", "list"), ("plugins", "list", "--json")])
def test_what_costs_no_import_at_all(words):
    modules = loaded_by(command(*words))
    assert not modules.intersection([*HEAVY, *PLUGIN_PACKAGES])
    assert not {"seqhub.plugins.core_blocks", "seqhub.data.specs", "seqhub.tasks.specs"} & modules
    assert len(modules) < 260


def test_help_is_the_lightest():
    modules = loaded_by(command("--help"))
    assert not {"pluggy", "yaml", "importlib.metadata", "seqhub.plugins"} & modules
    assert len(modules) < 150


READERS = [
    ("plugins", "info", "gru"),
    ("plugins", "info", "linear"),
    ("plugins", "list", "--load"),
    ("plugins", "doctor"),
    ("recipes", "list"),
    ("schema",),
    *(("check", str(path)) for path in sorted((ROOT / "recipes").rglob("*.yaml"))),
]


@pytest.mark.parametrize("lines", [[(verb, "--help") for verb in VERBS], READERS], ids=["help", "readers"])
def test_what_loads_no_torch(lines):
    """All in one interpreter; the first command that loads torch is named."""
    program = "import sys\nfrom seqhub.cli import main\n" + "".join(
        f"assert main({list(words)!r}) == 0, {words!r}\nassert 'torch' not in sys.modules, 'torch: ' + {str(words)!r}\n"
        for words in lines
    )
    assert not {"torch", "lightning", "onnx", "onnxruntime"} & loaded_by(program)


def test_the_runtime_stands_alone():
    modules = loaded_by("import seqhub.runtime")
    assert not {"torch", "pluggy", "yaml", "pydantic", "onnx", "pandas"} & modules
    ours = {name for name in modules if name.startswith("seqhub.") and not name.startswith("seqhub.runtime")}
    assert {name for name in ours if room_of(name) not in ("audio", "formats", "text")} <= {"seqhub.errors"}


@pytest.mark.parametrize("module", ["api", "errors", "geometry", "recipe", "plugins", "cli", "assembly.plan"])
def test_the_front_end_imports_no_torch(module):
    assert not {"torch", "onnxruntime"} & loaded_by(f"import seqhub.{module}")


@pytest.mark.parametrize("package", PLUGIN_PACKAGES)
def test_a_plugin_module_imports_no_torch(package):
    assert not {"torch", "numpy"} & loaded_by(f"import {package}.plugin")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, full name) of every import in a file, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def room_of(name: str) -> str:
    """`seqhub.nn.cell.Cell` -> `nn`; the package itself has no room and may be imported by all."""
    part = name.split(".")[1] if name.startswith("seqhub.") else ""
    return part if part in ROOMS else ""


@pytest.mark.parametrize("room", ROOMS)
def test_imports_between_rooms_run_one_way(room):
    folder = ROOT / "seqhub" / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    allowed = ROOMS[room] | {room, ""}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for line, name in imports_of(path)
        if room_of(name) not in allowed
    ]
    assert not wrong


def test_every_room_is_in_the_table():
    files = {path.stem for path in (ROOT / "seqhub").glob("*.py")}
    folders = {path.parent.name for path in (ROOT / "seqhub").glob("*/__init__.py")}
    assert files | folders == set(ROOMS)


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_first_party_plugins_use_the_public_doors(dist):
    own = dist.replace("-", "_")
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted((ROOT / "plugins" / dist).rglob("*.py"))
        for line, name in imports_of(path)
        if (name.startswith("seqhub.") and room_of(name) not in FOR_PLUGINS)
        or (name.startswith("seqhub_") and name.split(".")[0] != own)
    ]
    assert not wrong


def test_no_file_is_long():
    files = [path for part in ("seqhub", "plugins", "tests", "benchmarks") for path in (ROOT / part).rglob("*.py")]
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(lengths) > 50
    assert {str(path): n for path, n in lengths.items() if n > 500} == {}
