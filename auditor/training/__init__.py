"""How the shipped attacker and the delineator are trained."""
