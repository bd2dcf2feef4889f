"""Recurrent cells for seqhub; `plugin` lists them."""
