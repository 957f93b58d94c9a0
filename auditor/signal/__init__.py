"""Recordings become clean signals and beats."""
