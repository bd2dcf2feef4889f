"""`seqhub plugins new NAME --kind KIND`: a distribution that works, to start from."""

from __future__ import annotations

import argparse
import shlex

from seqhub.cli.output import print_error, print_json
from seqhub.plugins import load_registry
from seqhub.plugins.checks import MODEL_KINDS
from seqhub.plugins.hints import first_party_provider
from seqhub.scaffold import Names, project_files, write_project


def run(args: argparse.Namespace) -> int:
    names = Names.of(args.name, args.kind)
    taken = _taken_by(names.component)
    if taken and not args.json:
        print_error(
            f"seqhub: {taken} provides '{names.component}' already: recipes will mean that one by the short name"
        )
    folder = write_project(names, args.dir, args.author, exact=bool(taken))
    if args.json:
        print_json({"folder": folder, "files": sorted(project_files(names, args.author)), "name_taken_by": taken})
        return 0
    print(f"wrote {folder}: the {names.kind} '{names.component}', with its test and a recipe")
    print("next:")
    print(f"  cd {shlex.quote(str(folder))}")
    print("  pip install -e '.[test]'")
    print("  pytest")
    print(f"  seqhub run recipes/{names.component}.yaml")
    return 0


def _taken_by(component: str) -> str:
    """The distribution that has a component of that name, installed or not; '' where none is known."""
    for found in load_registry(notify=lambda line: None).components():
        if found.spec.kind in MODEL_KINDS and component in (found.spec.name, *found.spec.aliases):
            return found.dist
    return first_party_provider(component)
