"""How every stage runs: params, errors, logging, manifests, checksums, random streams.

Imports nothing else of movierec.
"""
