"""The history of the tables, one step in a file; a step that was released never changes."""
