"""The encoder sinc-conv; seqhub finds it through `plugin.py`."""
