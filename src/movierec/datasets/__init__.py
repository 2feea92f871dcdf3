"""Getting ratings in: downloads, archive layouts, CSV and Parquet readers, row validation.

May import data and the rooms that data may import.
"""
