"""The `seqhub` command: one module a verb, imported only when that verb is run.

Exit codes: 0 ok, 1 the run failed, 2 usage, recipe or data, 3 `expect` missed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import NoReturn

import seqhub
from seqhub.cli.output import print_error, print_json
from seqhub.errors import SeqhubError, UsageError

VERBS: dict[str, tuple[str, str]] = {
    "run": ("seqhub.cli.run", "train, evaluate, export, verify and predict: a recipe's whole road"),
    "check": ("seqhub.cli.check", "will this recipe run? every error at once, without torch or data"),
    "explain": ("seqhub.cli.explain", "the resolved recipe: values and their origins, shapes, parameters, latency"),
    "data": ("seqhub.cli.data", "what a recipe's data holds: lengths, splits, problems; public data sets: list, get"),
    "train": ("seqhub.cli.train", "train a recipe; the same command resumes an interrupted run"),
    "eval": ("seqhub.cli.eval", "score a run on its test data, beside naive baselines"),
    "predict": ("seqhub.cli.predict", "apply a bundle to a file (needs numpy and onnxruntime only)"),
    "generate": ("seqhub.cli.generate", "let a language model's bundle go on writing from a prompt"),
    "export": ("seqhub.cli.export", "write a run as a verified ONNX bundle"),
    "verify": ("seqhub.cli.verify", "prove a bundle again: checksums, graphs, streaming against offline"),
    "plugins": ("seqhub.cli.plugins", "list plugins, show a component, diagnose what did not load"),
    "bench": ("seqhub.cli.bench", "what each kind of cell can learn, and what a hybrid can that its parts cannot"),
    "results": ("seqhub.cli.results", "finished runs as one table: scores, baselines, seconds, sizes, latencies"),
    "recipes": ("seqhub.cli.recipes", "list the recipes that come with seqhub, or copy one"),
    "schema": ("seqhub.cli.schema", "JSON Schema of recipes with the installed plugins, for editors"),
    "doctor": ("seqhub.cli.doctor", "is this environment sound? one fix for each finding"),
}

# Top-level modules that an extra brings: a verb that misses one says which to install.
EXTRA_OF = {"numpy": "runtime", "onnxruntime": "runtime"} | dict.fromkeys(
    (
        *("lightning", "matplotlib", "onnx", "onnxscript", "pyarrow", "rich"),
        *("safetensors", "scipy", "sklearn", "statsmodels", "torch", "torchmetrics"),
    ),
    "train",
)

_EPILOG = "exit codes: 0 ok, 1 run failed, 2 usage, recipe or data, 3 expectation missed, 130 interrupted"


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, whose errors are UsageErrors with a suggestion."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """The innermost parser refuses what it does not know: it has the options to suggest."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            close = difflib.get_close_matches(unknown[0].partition("=")[0], self._option_string_actions, n=1)
            fix = f"did you mean '{close[0]}'?" if close else f"see: {self.prog} --help"
            raise UsageError(f"unknown argument '{unknown[0]}'", fix=fix, code="E001")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"see: {self.prog} --help", code="E001")


def entry() -> NoReturn:
    """The console script."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character is no reason to fail
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except SeqhubError as error:
        return _report(error, as_json="--json" in words)
    except KeyboardInterrupt:
        print_error("seqhub: interrupted")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it flushes at exit
        return 1
    except OSError as error:
        return _report(_from_system(error), as_json="--json" in words)
    except Exception as error:
        return _crash(error)
    return code


def build_parser(verb: str = "") -> argparse.ArgumentParser:
    """The parser with every verb listed; only `verb` has its arguments, since those take an import."""
    parser = Parser(prog="seqhub", description=seqhub.__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"seqhub {seqhub.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    for name, (module, line) in VERBS.items():
        child = verbs.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if name == verb:
            importlib.import_module(module).add_arguments(child)
    return parser


def _dispatch(words: Sequence[str]) -> int:
    """Parse and run; argparse leaves by SystemExit after --help and --version."""
    verb = next((word for word in words if not word.startswith("-")), "")
    if verb and verb not in VERBS:
        close = difflib.get_close_matches(verb, VERBS, n=1)
        fix = f"did you mean '{close[0]}'?" if close else f"one of: {', '.join(VERBS)}"
        raise UsageError(f"there is no verb '{verb}'", fix=fix, code="E002")
    try:
        args = build_parser(verb).parse_args(_completed(verb, words))
        return _run(verb, args)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        extra = EXTRA_OF[package]
        message = f"`seqhub {verb}` needs {package}, which is not installed"
        raise UsageError(message, fix=f"pip install 'seqhub[{extra}]'", code="E004") from error


def _completed(verb: str, words: Sequence[str]) -> Sequence[str]:
    """The words with what may be left out; a verb with a short form has `completed(words behind it)`."""
    if not verb:
        return words
    complete = getattr(importlib.import_module(VERBS[verb][0]), "completed", None)
    behind = words.index(verb) + 1
    return [*words[:behind], *complete(words[behind:])] if complete else words


def _run(verb: str, args: argparse.Namespace) -> int:
    """Run a verb, with the files of `--plugin` where it takes them."""
    module = importlib.import_module(VERBS[verb][0])
    if not getattr(args, "plugins", ()):
        return int(module.run(args))
    from seqhub.plugins.local import using

    with using(args.plugins):
        return int(module.run(args))


def _report(error: SeqhubError, *, as_json: bool) -> int:
    if as_json:
        problems = [problem.as_dict() for problem in error.problems]
        print_json({"ok": False, "exit_code": error.exit_code, "problems": problems})
    else:
        print_error(error.render())
    return error.exit_code


def _from_system(error: OSError) -> SeqhubError:
    """What the operating system refuses (permissions, a full disk, a missing file) is no bug of seqhub."""
    reason = error.strerror or str(error)
    where = f"'{error.filename}': " if error.filename else ""
    fix = "check the path, its permissions and the free space on the disk"
    wrong_path = isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError))
    return (UsageError if wrong_path else SeqhubError)(f"{where}{reason}", fix=fix, code="E003")


def _crash(error: Exception) -> int:
    """A bug: the traceback goes to a file, one line to the user. SEQHUB_DEBUG=1 prints it too."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get("SEQHUB_DEBUG", "0") not in ("", "0"):
        print_error(text)
    handle, path = tempfile.mkstemp(prefix="seqhub-crash-", suffix=".txt")
    with open(handle, "w", encoding="utf-8") as file:
        file.write(f"seqhub {seqhub.__version__}, Python {sys.version}\ncommand: {sys.argv}\n\n{text}")
    summary = " ".join(f"{type(error).__name__}: {error}".split())
    print_error(f"seqhub: internal error: {summary}")
    print_error(f"       this is a bug in seqhub or a plugin, not in what you wrote; please report it with {path}")
    return 1
