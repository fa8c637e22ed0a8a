"""JSON that crosses machines: read strictly into dataclasses, and written as JSON values.

strict.py   from JSON to dataclasses; what does not fit is refused by its place
"""
