"""What an auditor asks of a bundle, and travels in it: licenses, bill of materials, provenance."""
