"""`seqhub train RECIPE`: train into a run folder; the same command resumes."""

from __future__ import annotations

import argparse

from seqhub.cli.loading import load_checked
from seqhub.cli.options import add_recipe_arguments
from seqhub.cli.runs import add_run_arguments, run_folder, stop_message


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    add_run_arguments(parser)


def run(args: argparse.Namespace) -> int:
    _, recipe, _ = load_checked(args)
    from seqhub.report.training import loss_plot
    from seqhub.training.claim import claim_folder
    from seqhub.training.display import make_display
    from seqhub.training.stopping import Interrupted, StopRequest

    display = make_display()
    stop = StopRequest(display.say)
    with stop.listening(), claim_folder(run_folder(args, recipe), recipe, ("train",), fresh=args.fresh) as claim:
        from seqhub.training.run import recording, train_run  # seconds of imports, after what may be refused

        try:
            trained = train_run(recipe, claim, display, stop)
            with recording(claim.folder):
                picture = loss_plot(trained.history, trained.folder.plots / "loss.png", recipe.name)
                trained.folder.mark(state="finished")
        except Interrupted:
            print(stop_message("train", args, claim.folder))
            return 130
    best = trained.best
    epochs = len(trained.history)
    print(f"trained {recipe.name} for {epochs} epochs in {trained.seconds:.1f} s; kept epoch {best['epoch']}")
    print(f"  weights  {trained.folder.checkpoint('best')}")
    print(f"  plot     {picture}")
    print(f"  next     seqhub eval {trained.folder.path}   (or: seqhub export {trained.folder.path})")
    return 0
