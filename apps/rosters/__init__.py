"""Lists of students brought from elsewhere: read, looked at row by row, taken over."""
