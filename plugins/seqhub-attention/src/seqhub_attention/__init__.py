"""Attentions for seqhub; `plugin` lists them."""
