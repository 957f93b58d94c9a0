"""The systems of trees: codes, laboratory values and radiographs from tables of features."""
