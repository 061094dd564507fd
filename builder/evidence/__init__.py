"""The evidence for auditors that is part of a bundle: licenses, bill of materials, provenance."""
