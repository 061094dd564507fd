"""What is the user's: settings and data, how they are copied, exchanged and led to from a release."""
