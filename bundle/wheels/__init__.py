"""Wheels as they are before and after they are installed, read without trusting them."""
