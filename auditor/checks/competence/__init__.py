"""The check `competence`."""
