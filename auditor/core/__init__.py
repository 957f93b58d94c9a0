"""The words of the house: types that travel unchanged, and what everything else stands on."""
