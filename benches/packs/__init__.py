"""Benches of the packs: policies as people write them, with streams of requests and the same policies by hand."""
