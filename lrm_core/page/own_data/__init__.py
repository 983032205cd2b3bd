"""What readers get for data of their own: their picture, the scores of a model, the studies of single commands."""
