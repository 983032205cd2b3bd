"""What pages are made of: text around numbers, figures, pictures, and one style for all."""
