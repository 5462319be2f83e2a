"""The parts of the report: a run as read back, words and views of known tasks, drawings, and sections of the page."""
