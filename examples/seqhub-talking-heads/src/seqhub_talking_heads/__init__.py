"""The attention talking-heads; seqhub finds it through `plugin.py`."""
