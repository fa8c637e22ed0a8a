"""JSON that crosses machines: read strictly into dataclasses, and written as JSON values.

strict.py   from JSON values to dataclasses; a value that does not fit is refused with its place
values.py   from dataclasses to JSON values
"""
