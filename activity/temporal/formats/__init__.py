"""Files of segments that annotation programs, editors and sports programs read and write.

One module a format; ``temporal.segment_files`` is the table of them, and has that of CSV itself.
"""
