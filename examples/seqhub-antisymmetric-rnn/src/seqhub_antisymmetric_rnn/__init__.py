"""The cell antisymmetric-rnn; seqhub finds it through `plugin.py`."""
