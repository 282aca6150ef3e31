"""Joint angles and speeds of people, their plots and the report of a clip."""
