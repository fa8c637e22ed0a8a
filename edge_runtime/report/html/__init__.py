"""Results as one page: it needs no network, and without JavaScript it lacks the hovering alone.

page.py       the page: verdict, tables, charts, notes
elements.py   tables, charts and texts as HTML; nothing that comes from a file is taken for markup
style.css     light, dark, narrow, and on paper
hover.js      says what the mark under the pointer is
"""
