"""Sources, columns, splits, windows and batches. Importing the package loads neither numpy nor torch."""
