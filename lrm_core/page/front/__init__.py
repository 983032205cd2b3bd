"""The first page: its answer, four pictures that turn, small figures, and every claim on one scale."""
