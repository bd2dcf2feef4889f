"""Convolutional encoders for seqhub; `plugin` lists them."""
