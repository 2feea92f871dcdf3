"""How every stage runs: params, errors, console, logging, manifests, checksums, random streams.

Imports nothing else of movierec.
"""
