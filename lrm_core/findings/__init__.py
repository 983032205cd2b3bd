"""The findings: what the chapters draw and say, from stored records."""
