"""Corpora as sharded TFRecord files: written once in parallel, read in bounded memory."""
