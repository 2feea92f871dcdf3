"""Compiled kernels: arrays in, arrays out.

May import nothing else of movierec.
"""
