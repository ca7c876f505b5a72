"""What is checked before a talk."""
