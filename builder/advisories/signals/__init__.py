"""What a record, or a catalogue beside it, says about how urgent a vulnerability is."""
