"""What an academy decides about itself: name, looks, sheets, wording, rules."""
