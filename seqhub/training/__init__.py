"""Training a recipe into a run folder. Importing the package loads nothing; `folder` and `claim` load no torch."""
