"""How networks and trees are trained, kept and loaded."""
