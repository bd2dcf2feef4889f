"""What is learnt: one module a task. Importing the package loads neither numpy nor torch."""
