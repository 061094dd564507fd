"""What an auditor asks of a bundle, and travels in it: licences, bill of materials, provenance."""
