"""Wheels before and after their installation, read without trusting them."""
