"""`seqhub run RECIPE`: the whole road: train, score, export, predict with onnxruntime alone, draw, check `expect`.

A run that was interrupted goes on where it stopped; a finished one is kept as DIR.previous and made anew.
"""

from __future__ import annotations

import argparse

from seqhub.cli.loading import load_checked
from seqhub.cli.options import add_recipe_arguments
from seqhub.cli.runs import add_run_arguments, check_promises, run_folder, stop_message

STAGES = ("train", "evaluate", "export", "predict")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    add_run_arguments(parser)


def run(args: argparse.Namespace) -> int:
    _, recipe, _ = load_checked(args)
    from seqhub.cli.road import finish, print_closing
    from seqhub.training.claim import claim_folder
    from seqhub.training.display import make_display
    from seqhub.training.stopping import Interrupted, StopRequest

    display = make_display()
    stop = StopRequest(display.say)
    with stop.listening(), claim_folder(run_folder(args, recipe), recipe, STAGES, fresh=args.fresh) as claim:
        from seqhub.training.run import recording, train_run  # seconds of imports, after what may be refused

        try:
            trained = train_run(recipe, claim, display, stop)
            with recording(claim.folder):
                result = finish(trained, display)
                claim.folder.mark(state="finished", stages=STAGES)
        except Interrupted:
            print(stop_message("run", args, claim.folder))
            return 130
    print_closing(result)
    if not args.smoke:  # nobody expects anything of one epoch
        check_promises(recipe, result.promises)
    return 0
