"""The flags that a person types, in groups; each script's ``parse_arguments`` names its own.

Uses all wings; only the scripts use it.
"""
