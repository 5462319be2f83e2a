"""Looking at a run while it lives, and at its market while it plays.

`feed` follows a run folder and only reads it; `page` and `server` show it in a browser (Bokeh, extra `dashboard`);
`replay` plays the greedy market and keeps the auction of every step; `watch` writes that down as a page, GIF or mp4.
"""
