"""Sample broker files: what a trader with a hundred accounts would export, made up from a seed, the same every time.

Pure: a seed, an end date and a number of accounts in, files out. All prices are invented.
"""
