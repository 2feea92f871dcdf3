"""The page to click: recommendations in the browser, from one HTML file.

May import serving and the rooms that serving may import.
"""
