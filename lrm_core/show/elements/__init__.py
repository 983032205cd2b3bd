"""What pages are made of: text around numbers, figures, pictures, clouds of points, and one style for all."""
